-- title: Waiting time by category
-- answers: For which issues do customers wait longest? A wait counts once in each category of its conversation, whether people gave it or a model; those of none are a row of their own.
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: given_by anybody|people|model = anybody  Whose categories count
-- dashboard: categories 2
-- explain: waited by category hours business_value
-- chart: bar x=category y=median_s unit=seconds
WITH waited AS (
    SELECT waits.*, coalesce(categories.category, 'untagged') AS category
    FROM (
        SELECT * FROM categories
        WHERE $given_by = 'anybody' OR automatic = ($given_by = 'model')
    ) AS categories
    RIGHT JOIN waits ON categories.conversation = waits.conversation
    WHERE at >= $from AND at < $to
)
SELECT
    category,
    nearest_rank(value, 0.5) / 1000.0 AS median_s,
    nearest_rank(value, 0.9) / 1000.0 AS p90_s,
    nearest_rank(value, 0.95) / 1000.0 AS p95_s,
    round(avg(value) / 1000, 3) AS mean_s,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out = 'abandoned') AS n_abandoned,
    count(*) FILTER (WHERE left_out = 'answered_by_bot') AS answered_by_bot,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'abandoned', 'answered_by_bot')) AS n_excluded
FROM waited
GROUP BY category
ORDER BY n DESC, category
