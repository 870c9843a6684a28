-- title: Waiting time by hour
-- answers: At which hours of the day do customers wait longest for a human's reply?
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- dashboard: waits 3
-- explain: waited by hour hours business_value
-- chart: bar x=hour y=median_s unit=seconds
WITH waited AS (
    SELECT *, local_hour(at, $zone) AS hour
    FROM waits
    WHERE at >= $from AND at < $to
)
SELECT
    hour,
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
GROUP BY hour
ORDER BY hour
