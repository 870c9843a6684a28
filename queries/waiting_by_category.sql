-- title: Waiting time by category
-- answers: For which issues do customers wait longest? A conversation counts once in each of its categories; those with none are a row of their own.
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- chart: bar x=category y=median_s unit=seconds
SELECT
    coalesce(categories.category, 'untagged') AS category,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS median_s,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p90_s,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p95_s,
    round(avg(nrt_ms) / 1000, 3) AS mean_s,
    count(nrt_ms) AS n,
    count(*) FILTER (WHERE outcome = 'open' AND excluded IS NULL) AS n_pending,
    count(*) FILTER (WHERE outcome = 'abandoned' AND excluded IS NULL) AS n_abandoned,
    count(excluded) AS n_excluded
FROM turns
LEFT JOIN categories ON categories.conversation = turns.conversation
WHERE waiting_since >= $from AND waiting_since < $to
GROUP BY 1
ORDER BY n DESC, category
