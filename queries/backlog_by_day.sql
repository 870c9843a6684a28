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
-- What was open on a day is all that had begun less all that had ended: to be added up, not compared day by day.
moves AS (
    SELECT local_day(at, $zone) AS day, 1 AS open, 0 AS unattended, 0 AS over_1_h, 0 AS over_8_h FROM begun
    UNION ALL
    SELECT local_day(ended_at, $zone), -1, 0, 0, 0 FROM begun WHERE ended_at IS NOT NULL
    UNION ALL
    SELECT local_day(at, $zone), 0, 1, 0, 0 FROM waited
    UNION ALL
    SELECT local_day(ended_at, $zone), 0, -1, 0, 0 FROM waited WHERE ended_at IS NOT NULL
    UNION ALL
    SELECT local_day(at + INTERVAL '1 hour', $zone), 0, 0, 1, 0 FROM waited
    WHERE at + INTERVAL '1 hour' < coalesce(ended_at, now())
    UNION ALL
    SELECT local_day(ended_at, $zone), 0, 0, -1, 0 FROM waited WHERE at + INTERVAL '1 hour' < ended_at
    UNION ALL
    SELECT local_day(at + INTERVAL '8 hours', $zone), 0, 0, 0, 1 FROM waited
    WHERE at + INTERVAL '8 hours' < coalesce(ended_at, now())
    UNION ALL
    SELECT local_day(ended_at, $zone), 0, 0, 0, -1 FROM waited WHERE at + INTERVAL '8 hours' < ended_at
),
by_day AS (
    SELECT
        greatest(day, local_day($from, $zone)) AS day, sum(open) AS open, sum(unattended) AS unattended,
        sum(over_1_h) AS over_1_h, sum(over_8_h) AS over_8_h
    FROM moves
    GROUP BY 1
)
SELECT
    days.day AS day,
    sum(coalesce(by_day.open, 0)) OVER (ORDER BY days.day) AS open,
    sum(coalesce(by_day.unattended, 0)) OVER (ORDER BY days.day) AS unattended,
    sum(coalesce(by_day.over_1_h, 0)) OVER (ORDER BY days.day) AS unattended_over_1_h,
    sum(coalesce(by_day.over_8_h, 0)) OVER (ORDER BY days.day) AS unattended_over_8_h
FROM days LEFT JOIN by_day ON by_day.day = days.day
ORDER BY day
