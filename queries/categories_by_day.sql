-- title: Issue categories by day
-- answers: Which issues were conversations tagged with, by the day of the tag, and of how many did a model say so? A conversation counts once a day in each.
-- parameter: from timestamp = -13d  Tags given at or after this instant
-- parameter: to timestamp = now  Tags given before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: categories 1
-- explain: tagged_on by day,category for conversations
-- explain: by_model by day,category for automatic
-- chart: stacked_bar x=day y=conversations series=category unit=count
WITH tagged_on AS (
    SELECT
        local_day(occurred_at, $zone) AS day, category, conversation,
        min(occurred_at) AS at, min("offset") AS at_offset, min(sender_id) AS agent,
        bool_and(automatic) AS is_automatic,
        CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM tags
    WHERE tagged AND timed AND occurred_at >= $from AND occurred_at < $to
    GROUP BY day, category, conversation
),
by_model AS (
    SELECT
        day, category, conversation, at, at_offset, agent, value,
        CASE WHEN NOT is_automatic THEN 'by_people' END AS left_out
    FROM tagged_on
)
SELECT day, category, count(*) AS conversations, count(*) FILTER (WHERE is_automatic) AS automatic
FROM tagged_on
GROUP BY day, category
ORDER BY day, category
