-- title: Issue categories
-- answers: Of how many conversations is each issue, and of how many of them does a model say so? By the conversations that began in the range; one counts once in each of its categories, those of none are a row of their own.
-- parameter: from timestamp = -13d  Conversations that began at or after this instant
-- parameter: to timestamp = now  Conversations that began before this instant
-- dashboard: overview 9
-- dashboard: categories 3
-- explain: begun by category for conversations
-- explain: by_model by category for automatic
-- chart: bar x=category y=conversations unit=count
WITH started AS (
    SELECT
        beginnings.conversation, min(beginnings.at) AS at, min(beginnings.at_offset) AS at_offset,
        max(agent) AS agent
    FROM beginnings JOIN episodes ON episodes.conversation = beginnings.conversation
    WHERE beginnings.at >= $from AND beginnings.at < $to
    GROUP BY beginnings.conversation
),
begun AS (
    SELECT
        coalesce(categories.category, 'untagged') AS category, automatic, started.*,
        CAST(NULL AS BIGINT) AS value, CAST(NULL AS VARCHAR) AS left_out
    FROM started
    LEFT JOIN categories ON categories.conversation = started.conversation
),
by_model AS (
    SELECT
        category, conversation, at, at_offset, agent, value,
        CASE WHEN automatic THEN NULL ELSE 'by_people' END AS left_out
    FROM begun
)
SELECT category, count(*) AS conversations, count(*) FILTER (WHERE automatic) AS automatic
FROM begun
GROUP BY category
ORDER BY conversations DESC, category
