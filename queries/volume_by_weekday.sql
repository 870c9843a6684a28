-- title: When customers write
-- answers: In which hours of the week do how many messages of customers come in? Those of transcripts without times are of no hour, and left out.
-- parameter: from timestamp = -27d  Messages sent at or after this instant
-- parameter: to timestamp = now  Messages sent before this instant
-- parameter: zone text = default  IANA zone in which days and hours are counted
-- dashboard: agents 4
-- explain: sent by weekday,hour
-- chart: heatmap x=hour y=messages series=weekday unit=count
WITH sent AS (
    SELECT
        date_part('isodow', local_day(occurred_at, $zone)) AS weekday, local_hour(occurred_at, $zone) AS hour,
        conversation, occurred_at AS at, "offset" AS at_offset, sender_id AS agent,
        CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM events
    WHERE kind = 'message' AND sender_role = 'customer' AND occurred_at >= $from AND occurred_at < $to
        AND (origin = 'live' OR sent_at IS NOT NULL)
)
SELECT weekday, hour, count(*) AS messages
FROM sent
GROUP BY weekday, hour
ORDER BY weekday, hour
