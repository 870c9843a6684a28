-- title: First response by day
-- answers: How long until a customer's first human reply, from their first message (total) and from the bot's handoff (human)? By the day on which the episode began.
-- parameter: from timestamp = -13d  Episodes that began at or after this instant
-- parameter: to timestamp = now  Episodes that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: waits 5
-- explain: begun by day hours business_value
-- explain: from_handoff by day for human_median_s,human_p90_s,n_human
-- explain: from_bot by day for bot_median_s,n_bot
-- chart: line x=day y=total_median_s,human_median_s unit=seconds
WITH begun AS (
    SELECT *, local_day(at, $zone) AS day FROM first_replies WHERE at >= $from AND at < $to
),
from_handoff AS (
    SELECT
        day, conversation, at, at_offset, agent, frt_human_ms AS value,
        CASE WHEN frt_human_ms IS NULL THEN coalesce(left_out, frt_excluded, 'pending') END AS left_out
    FROM begun
),
from_bot AS (
    SELECT
        day, conversation, at, at_offset, agent, frt_bot_ms AS value,
        CASE
            WHEN frt_bot_ms IS NOT NULL THEN NULL
            WHEN first_bot_at IS NULL THEN 'no_bot'
            WHEN first_bot_at < first_customer_at THEN 'clock_backwards'
            ELSE 'untimed'
        END AS left_out
    FROM begun
)
SELECT
    day,
    nearest_rank(value, 0.5) / 1000.0 AS total_median_s,
    nearest_rank(value, 0.9) / 1000.0 AS total_p90_s,
    nearest_rank(frt_human_ms, 0.5) / 1000.0 AS human_median_s,
    nearest_rank(frt_human_ms, 0.9) / 1000.0 AS human_p90_s,
    nearest_rank(frt_bot_ms, 0.5) / 1000.0 AS bot_median_s,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(frt_human_ms) AS n_human,
    count(frt_bot_ms) AS n_bot,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out = 'abandoned') AS n_abandoned,
    count(*) FILTER (WHERE left_out = 'answered_by_bot') AS answered_by_bot,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'abandoned', 'answered_by_bot')) AS n_excluded
FROM begun
GROUP BY day
ORDER BY day
