-- title: Waiting time by hour
-- answers: At which hours of the day do customers wait longest for a human's reply?
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- chart: bar x=hour y=median_s unit=seconds
SELECT
    local_hour(waiting_since, $zone) AS hour,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS median_s,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p90_s,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p95_s,
    round(avg(nrt_ms) / 1000, 3) AS mean_s,
    count(nrt_ms) AS n,
    count(*) FILTER (WHERE outcome = 'open' AND excluded IS NULL) AS n_pending,
    count(*) FILTER (WHERE outcome = 'abandoned' AND excluded IS NULL) AS n_abandoned,
    count(excluded) AS n_excluded
FROM turns
WHERE waiting_since >= $from AND waiting_since < $to
GROUP BY hour
ORDER BY hour
