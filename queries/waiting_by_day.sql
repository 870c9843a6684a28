-- title: Waiting time by day
-- answers: How long did customers wait for a human's reply, by the day on which their wait began?
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- dashboard: overview 2
-- dashboard: waits 1
-- explain: waited by day hours business_value
-- chart: line x=day y=median_s,p90_s unit=seconds
WITH waited AS (
    SELECT *, local_day(at, $zone) AS day
    FROM waits
    WHERE at >= $from AND at < $to
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
    count(*) FILTER (WHERE left_out = 'answered_by_bot') AS answered_by_bot,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'abandoned', 'answered_by_bot')) AS n_excluded
FROM waited
GROUP BY day
ORDER BY day
