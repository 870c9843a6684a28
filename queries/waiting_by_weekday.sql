-- title: Waiting time by weekday and hour
-- answers: In which hours of the week do customers wait longest for a human's reply?
-- parameter: from timestamp = -27d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- explain: waited by weekday,hour hours business_value
-- chart: heatmap x=hour y=median_s series=weekday unit=seconds
WITH waited AS (
    SELECT *, date_part('isodow', local_day(at, $zone)) AS weekday, local_hour(at, $zone) AS hour
    FROM waits
    WHERE at >= $from AND at < $to
)
SELECT
    weekday,
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
GROUP BY weekday, hour
ORDER BY weekday, hour
