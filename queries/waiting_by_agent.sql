-- title: Waiting time by agent
-- answers: How long had customers waited when each agent replied? The sender of the reply is credited, whoever is assigned now.
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- chart: bar x=agent y=median_s unit=seconds
SELECT
    replier AS agent,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS median_s,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p90_s,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p95_s,
    round(avg(nrt_ms) / 1000, 3) AS mean_s,
    count(nrt_ms) AS n,
    count(*) FILTER (WHERE outcome = 'open' AND excluded IS NULL) AS n_pending,
    count(*) FILTER (WHERE outcome = 'abandoned' AND excluded IS NULL) AS n_abandoned,
    count(excluded) AS n_excluded
FROM turns
WHERE waiting_since >= $from AND waiting_since < $to AND outcome = 'replied'
GROUP BY agent
ORDER BY n DESC, agent
