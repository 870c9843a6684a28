-- title: Summary
-- answers: The headline figures of a range: waits that began in it, episodes that began in it, messages sent in it.
-- parameter: from timestamp = -13d  From this instant on
-- parameter: to timestamp = now  Before this instant
WITH waits AS (
    SELECT
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS median_wait_s,
        round(percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(nrt_ms AS DOUBLE)) / 1000, 3) AS p90_wait_s,
        count(nrt_ms) AS replies,
        count(*) FILTER (WHERE outcome = 'open') AS waiting_now
    FROM turns
    WHERE waiting_since >= $from AND waiting_since < $to
),
bots AS (
    SELECT
        count(DISTINCT conversation) AS conversations,
        round(avg(CASE WHEN handoffs > 0 THEN 1.0 ELSE 0.0 END) FILTER (WHERE bot_messages > 0), 4) AS handoff_rate,
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(frt_total_ms AS DOUBLE)) / 1000, 3) AS first_response_median_s
    FROM episodes
    WHERE started_at >= $from AND started_at < $to
),
volume AS (
    SELECT count(*) AS messages
    FROM events
    WHERE kind = 'message' AND occurred_at >= $from AND occurred_at < $to
)
SELECT median_wait_s, p90_wait_s, first_response_median_s, replies, waiting_now, conversations, messages, handoff_rate
FROM waits CROSS JOIN bots CROSS JOIN volume
