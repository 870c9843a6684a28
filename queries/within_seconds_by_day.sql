-- title: Answered within three minutes
-- answers: Which share of waits did a human answer within some seconds, of those that began between two hours of the day (past midnight, where the first is the later one)? A run of messages counts once, from its first; one that a resolve cut is left out. This is the measure that e-commerce platforms take, by default.
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- parameter: seconds integer = 180  Within how many seconds
-- parameter: from_hour integer = 8  From this hour of the day on
-- parameter: to_hour integer = 23  Before this hour of the day
-- dashboard: sla 3
-- explain: judged by day for within_rate,within
-- explain: waited by day for n,n_pending,answered_by_bot,n_excluded
-- chart: line x=day y=within_rate unit=percent
WITH waited AS (
    SELECT
        local_day(at, $zone) AS day, conversation, at, at_offset, agent, value,
        CASE
            WHEN left_out = 'pending' AND elapsed_ms(at, now()) > $seconds * 1000 THEN NULL
            WHEN left_out = 'abandoned' THEN NULL
            ELSE left_out
        END AS left_out
    FROM waits
    WHERE at >= $from AND at < $to
        AND CASE
            WHEN $from_hour < $to_hour
                THEN local_hour(at, $zone) >= $from_hour AND local_hour(at, $zone) < $to_hour
            ELSE local_hour(at, $zone) >= $from_hour OR local_hour(at, $zone) < $to_hour
        END
),
judged AS (
    SELECT
        day, conversation, at, at_offset, agent, value,
        CASE WHEN value IS NULL THEN 'not_answered' WHEN value > $seconds * 1000 THEN 'late' END AS left_out
    FROM waited
    WHERE left_out IS NULL
)
SELECT
    day,
    round(
        avg(CASE WHEN left_out IS NOT NULL THEN NULL WHEN value <= $seconds * 1000 THEN 1.0 ELSE 0.0 END), 4
    ) AS within_rate,
    count(*) FILTER (WHERE value <= $seconds * 1000) AS within,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out = 'answered_by_bot') AS answered_by_bot,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'answered_by_bot')) AS n_excluded
FROM waited
GROUP BY day
ORDER BY day
