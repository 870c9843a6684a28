-- title: Longest waits
-- answers: Who waits now, the longest first?
-- parameter: rows integer = 20  Most rows
-- dashboard: overview 4
-- dashboard: waits 9
SELECT
    conversation, at AS waiting_since, at_offset, value / 1000.0 AS waited_s,
    agent, team, channel, due_at
FROM open_waits
WHERE left_out IS NULL
ORDER BY value DESC, at_offset
LIMIT $rows
