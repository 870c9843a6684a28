-- title: Waiting time by day
-- answers: How long did customers wait for a human's reply, by the day their wait began?
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- chart: line x=day y=median_s,p90_s unit=seconds
SELECT
    local_day(waiting_since, $zone) AS day,
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
GROUP BY day
ORDER BY day
