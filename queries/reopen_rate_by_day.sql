-- title: Reopened by day
-- answers: Which share of resolved episodes was opened again within some days, by the day of the resolve? Younger ones are still pending.
-- parameter: from timestamp = -13d  Resolved at or after this instant
-- parameter: to timestamp = now  Resolved before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- parameter: days integer = 7  Within how many days a reopening counts
-- dashboard: bot 3
-- explain: known by day for reopen_rate,reopened
-- explain: resolved by day for n,n_pending
-- chart: line x=day y=reopen_rate unit=percent
WITH again AS (
    SELECT conversation, episode, value FROM reopenings WHERE value <= $days * 86400000
),
resolved AS (
    SELECT
        local_day(ended_at, $zone) AS day, episodes.conversation, ended_at AS at,
        coalesce(closed_offset, started_offset) AS at_offset, agent, value,
        CASE WHEN elapsed_ms(ended_at, now()) <= $days * 86400000 THEN 'pending' END AS left_out
    FROM again
    RIGHT JOIN episodes
        ON again.conversation = episodes.conversation AND again.episode = episodes.episode
    WHERE ended_by = 'resolve' AND timed AND ended_at >= $from AND ended_at < $to
),
known AS (
    SELECT
        day, conversation, at, at_offset, agent, value,
        CASE WHEN value IS NULL THEN 'not_reopened' END AS left_out
    FROM resolved
    WHERE left_out IS NULL
)
SELECT
    day,
    round(avg(CASE WHEN left_out IS NOT NULL THEN NULL WHEN value IS NULL THEN 0.0 ELSE 1.0 END), 4)
        AS reopen_rate,
    count(value) FILTER (WHERE left_out IS NULL) AS reopened,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending
FROM resolved
GROUP BY day
ORDER BY day
