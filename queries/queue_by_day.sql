-- title: Waiting in the queue
-- answers: How long did conversations lie in the queue until somebody took them, and how many were given up there, by the day on which they were put into it?
-- parameter: from timestamp = -13d  Put into the queue at or after this instant
-- parameter: to timestamp = now  Put into the queue before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: waits 7
-- explain: queued by day hours business_value
-- explain: settled by day for abandonment_rate
-- chart: line x=day y=median_s,p90_s unit=seconds
WITH queued AS (
    SELECT *, local_day(at, $zone) AS day FROM queue_waits WHERE at >= $from AND at < $to
),
settled AS (
    SELECT
        day, conversation, at, at_offset, agent, value,
        CASE WHEN left_out IS NULL THEN 'taken' END AS left_out
    FROM queued
    WHERE left_out IS NULL OR left_out = 'abandoned'
)
SELECT
    day,
    nearest_rank(value, 0.5) / 1000.0 AS median_s,
    nearest_rank(value, 0.9) / 1000.0 AS p90_s,
    nearest_rank(value, 0.95) / 1000.0 AS p95_s,
    round(avg(value) / 1000, 3) AS mean_s,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out = 'abandoned') AS n_abandoned,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'abandoned')) AS n_excluded,
    round(
        avg(CASE WHEN left_out IS NULL THEN 0.0 WHEN left_out = 'abandoned' THEN 1.0 END), 4
    ) AS abandonment_rate
FROM queued
GROUP BY day
ORDER BY day
