-- title: Issue categories by day
-- answers: Which issues were conversations tagged with, by the day of the tag?
-- parameter: from timestamp = -13d  Tags given at or after this instant
-- parameter: to timestamp = now  Tags given before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- chart: stacked_bar x=day y=conversations series=category unit=count
SELECT
    local_day(occurred_at, $zone) AS day,
    category,
    count(DISTINCT conversation) AS conversations
FROM tags
WHERE tagged AND occurred_at >= $from AND occurred_at < $to
GROUP BY day, category
ORDER BY day, category
