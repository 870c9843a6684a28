-- title: Summary
-- answers: The headline figures of a range: waits and episodes that began in it, messages sent in it; and who waits now, whenever that began.
-- parameter: from timestamp = -13d  From this instant on
-- parameter: to timestamp = now  Before this instant
-- dashboard: overview 1
-- explain: waited for median_wait_s,p90_wait_s,replies hours business_value
-- explain: waiting for waiting_now,oldest_wait_s
-- explain: begun for first_response_median_s,first_responses hours business_value
-- explain: with_bot for handoff_rate
-- now: waiting_now,oldest_wait_s
WITH waited AS (
    SELECT * FROM waits WHERE at >= $from AND at < $to
),
waiting AS (
    SELECT * FROM open_waits
),
begun AS (
    SELECT * FROM first_replies WHERE at >= $from AND at < $to
),
with_bot AS (
    SELECT *, CASE WHEN handoffs = 0 THEN 'not_handed_off' END AS left_out
    FROM bot_episodes
    WHERE at >= $from AND at < $to
),
answered AS (
    SELECT
        nearest_rank(value, 0.5) / 1000.0 AS median_wait_s,
        nearest_rank(value, 0.9) / 1000.0 AS p90_wait_s,
        count(value) AS replies
    FROM waited
),
still_open AS (
    SELECT count(value) AS waiting_now, max(value) / 1000.0 AS oldest_wait_s FROM waiting
),
responded AS (
    SELECT
        nearest_rank(value, 0.5) / 1000.0 AS first_response_median_s,
        count(value) AS first_responses,
        count(DISTINCT conversation) FILTER (WHERE timed) AS conversations
    FROM begun
),
bots AS (
    SELECT avg(CASE WHEN left_out IS NULL THEN 1.0 ELSE 0.0 END) AS handoff_rate FROM with_bot
),
sent AS (
    SELECT count(*) AS messages
    FROM events
    WHERE kind = 'message' AND occurred_at >= $from AND occurred_at < $to
        AND (origin = 'live' OR sent_at IS NOT NULL)
)
SELECT
    median_wait_s, p90_wait_s, replies, waiting_now, oldest_wait_s,
    first_response_median_s, first_responses, conversations, messages, handoff_rate
FROM answered CROSS JOIN still_open CROSS JOIN responded CROSS JOIN bots CROSS JOIN sent
