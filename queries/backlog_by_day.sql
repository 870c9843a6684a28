-- title: Backlog by day
-- answers: How many episodes were open at the end of each day (of today: now), in how many did a customer wait, and for how long already? What lasts over several days is open on each of them.
-- parameter: from timestamp = -13d  From the day of this instant on
-- parameter: to timestamp = now  Until the day before this instant ends
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: overview 8
-- dashboard: sla 5
-- explain: open_then by day for open
-- explain: waiting_then by day for unattended
-- chart: line x=day y=open,unattended unit=count
WITH days AS (
    SELECT unnest(local_days($from, $to, $zone)) AS day
),
begun AS (
    -- What had ended before is open on none of the days; later than so begins no day of the range.
    SELECT conversation, started_at AS at, started_offset AS at_offset, agent, ended_at
    FROM episodes
    WHERE timed
        AND (ended_at IS NULL OR ended_at >= $from)
        AND (ended_at IS NULL OR ended_at >= started_at)
        AND started_at < $to + INTERVAL '2 days'
),
waited AS (
    SELECT conversation, at, at_offset, agent, ended_at
    FROM waits
    WHERE (ended_at IS NULL OR ended_at >= $from)
        AND (ended_at IS NULL OR ended_at >= at)
        AND at < $to + INTERVAL '2 days'
        AND coalesce(left_out, '') <> 'untimed'
),
open_then AS (
    SELECT day, conversation, at, at_offset, agent, CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM days
    JOIN begun ON local_day(at, $zone) <= day AND (ended_at IS NULL OR local_day(ended_at, $zone) > day)
),
waiting_then AS (
    SELECT day, conversation, at, at_offset, agent, CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM days
    JOIN waited ON local_day(at, $zone) <= day AND (ended_at IS NULL OR local_day(ended_at, $zone) > day)
),
-- Counted by the days of beginning and end first: those are few, and each day of the range is then held against them.
opened AS (
    SELECT local_day(at, $zone) AS began_on, local_day(ended_at, $zone) AS ended_on, count(*) AS n
    FROM begun
    GROUP BY began_on, ended_on
),
waiting AS (
    -- A wait that had ended by then never lasted an hour.
    SELECT
        local_day(at, $zone) AS began_on,
        local_day(ended_at, $zone) AS ended_on,
        CASE WHEN at + INTERVAL '1 hour' < coalesce(ended_at, now())
            THEN local_day(at + INTERVAL '1 hour', $zone) END AS over_1_h_on,
        CASE WHEN at + INTERVAL '8 hours' < coalesce(ended_at, now())
            THEN local_day(at + INTERVAL '8 hours', $zone) END AS over_8_h_on,
        count(*) AS n
    FROM waited
    GROUP BY began_on, ended_on, over_1_h_on, over_8_h_on
),
open_on AS (
    SELECT day, sum(n) AS open
    FROM days JOIN opened ON began_on <= day AND (ended_on IS NULL OR ended_on > day)
    GROUP BY day
),
unattended_on AS (
    SELECT
        day, sum(n) AS unattended,
        sum(n) FILTER (WHERE over_1_h_on <= day) AS over_1_h,
        sum(n) FILTER (WHERE over_8_h_on <= day) AS over_8_h
    FROM days JOIN waiting ON began_on <= day AND (ended_on IS NULL OR ended_on > day)
    GROUP BY day
)
SELECT
    days.day AS day,
    coalesce(open, 0) AS open,
    coalesce(unattended, 0) AS unattended,
    coalesce(over_1_h, 0) AS unattended_over_1_h,
    coalesce(over_8_h, 0) AS unattended_over_8_h
FROM days
LEFT JOIN open_on ON open_on.day = days.day
LEFT JOIN unattended_on ON unattended_on.day = days.day
ORDER BY day
