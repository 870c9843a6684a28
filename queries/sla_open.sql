-- title: Due next
-- answers: Which waits and episodes that are still open are overdue, or due next?
-- parameter: rows integer = 20  Most rows
-- dashboard: sla 2
SELECT
    conversation, at AS since, at_offset, target, due_at,
    elapsed_ms(due_at, now()) / 1000.0 AS overdue_s,
    agent, team, channel
FROM targets
WHERE ended_at IS NULL
ORDER BY due_at, at_offset
LIMIT $rows
