-- title: Messages by day and role
-- answers: How many messages were sent each day, and by whom? Those of transcripts without times are of no day, and left out.
-- parameter: from timestamp = -13d  Messages sent at or after this instant
-- parameter: to timestamp = now  Messages sent before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: overview 3
-- explain: sent by day,role
-- chart: stacked_bar x=day y=messages series=role unit=count
WITH sent AS (
    SELECT
        local_day(occurred_at, $zone) AS day, sender_role AS role,
        conversation, occurred_at AS at, "offset" AS at_offset, sender_id AS agent,
        CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM events
    WHERE kind = 'message' AND occurred_at >= $from AND occurred_at < $to
        AND (origin = 'live' OR sent_at IS NOT NULL)
)
SELECT day, role, count(*) AS messages
FROM sent
GROUP BY day, role
ORDER BY day, role
