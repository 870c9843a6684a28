-- title: Waiting time by agent
-- answers: How long had customers waited when each agent replied? The sender of a reply is credited; a wait without one is its assignee's.
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- dashboard: agents 5
-- explain: waited by agent hours business_value
-- chart: bar x=agent y=median_s unit=seconds
WITH waited AS (
    SELECT *
    FROM waits
    WHERE at >= $from AND at < $to
)
SELECT
    agent,
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
GROUP BY agent
ORDER BY n DESC, agent
