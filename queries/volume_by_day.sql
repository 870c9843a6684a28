-- title: Messages by day and role
-- answers: How many messages were sent each day, and by whom?
-- parameter: from timestamp = -13d  Messages sent at or after this instant
-- parameter: to timestamp = now  Messages sent before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- chart: stacked_bar x=day y=messages series=role unit=count
SELECT
    local_day(occurred_at, $zone) AS day,
    sender_role AS role,
    count(*) AS messages
FROM events
WHERE kind = 'message' AND occurred_at >= $from AND occurred_at < $to
GROUP BY day, role
ORDER BY day, role
