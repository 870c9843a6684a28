-- title: Satisfaction by agent
-- answers: Which share of the ratings was 4 or 5, by the agent who had replied last?
-- parameter: from timestamp = -13d  Ratings sent at or after this instant
-- parameter: to timestamp = now  Ratings sent before this instant
-- dashboard: agents 2
-- explain: rated by agent for csat_rate,satisfied
-- explain: all_rated by agent for ratings
-- chart: bar x=agent y=csat_rate n=ratings unit=percent
WITH rated AS (
    SELECT
        conversation, occurred_at AS at, "offset" AS at_offset, agent, rating,
        CAST(NULL AS BIGINT) AS value,
        CASE WHEN rating < 4 THEN 'not_satisfied' END AS left_out
    FROM ratings
    WHERE kind = 'rating' AND occurred_at >= $from AND occurred_at < $to
),
all_rated AS (
    SELECT conversation, at, at_offset, agent, value, CAST(NULL AS VARCHAR) AS left_out FROM rated
)
SELECT
    agent,
    round(avg(CASE WHEN left_out IS NULL THEN 1.0 ELSE 0.0 END), 4) AS csat_rate,
    count(*) FILTER (WHERE left_out IS NULL) AS satisfied,
    count(*) AS ratings,
    round(avg(rating), 2) AS mean_rating
FROM rated
GROUP BY agent
ORDER BY ratings DESC, agent
