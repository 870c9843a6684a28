-- title: First response by day
-- answers: How long until a customer's first human reply, counted from their first message (total) and from the bot's handoff (human)?
-- parameter: from timestamp = -13d  Episodes that began at or after this instant
-- parameter: to timestamp = now  Episodes that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- chart: line x=day y=total_median_s,human_median_s unit=seconds
SELECT
    local_day(started_at, $zone) AS day,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(frt_total_ms AS DOUBLE)) / 1000, 3) AS total_median_s,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(frt_total_ms AS DOUBLE)) / 1000, 3) AS total_p90_s,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(frt_human_ms AS DOUBLE)) / 1000, 3) AS human_median_s,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(frt_human_ms AS DOUBLE)) / 1000, 3) AS human_p90_s,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(frt_bot_ms AS DOUBLE)) / 1000, 3) AS bot_median_s,
    count(frt_total_ms) AS n,
    count(*) FILTER (WHERE frt_total_ms IS NULL AND ended_at IS NULL) AS n_pending,
    count(*) FILTER (WHERE frt_total_ms IS NULL AND abandoned) AS n_abandoned,
    count(*) FILTER (WHERE frt_total_ms IS NULL AND ended_at IS NOT NULL AND NOT abandoned) AS n_excluded
FROM episodes
WHERE started_at >= $from AND started_at < $to
GROUP BY day
ORDER BY day
