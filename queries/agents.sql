-- title: Agents
-- answers: What did each agent do: replies and the waits before them, first replies after an assignment and assignments without one, and the time in which conversations were theirs? Concurrency is how many were theirs at once, on the average; occupancy the share of a day, from their first conversation to the end of the last one, in which any was.
-- parameter: from timestamp = -13d  Waits and assignments that began at or after this instant
-- parameter: to timestamp = now  Waits and assignments that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: agents 1
-- explain: waited by agent for replies,median_s,p90_s hours business_value
-- explain: assigned by agent for frt_agent_median_s,n_frt_agent,assigned_no_reply hours business_value
-- explain: held by agent for handling_s
-- chart: bar x=agent y=median_s n=replies unit=seconds
WITH waited AS (
    SELECT * FROM waits WHERE at >= $from AND at < $to AND agent IS NOT NULL
),
replied AS (
    SELECT
        agent,
        count(value) AS replies,
        nearest_rank(value, 0.5) / 1000.0 AS median_s,
        nearest_rank(value, 0.9) / 1000.0 AS p90_s
    FROM waited
    GROUP BY agent
),
assigned AS (
    SELECT * FROM assignments WHERE at >= $from AND at < $to
),
answered AS (
    SELECT
        agent,
        nearest_rank(value, 0.5) / 1000.0 AS frt_agent_median_s,
        count(value) AS n_frt_agent,
        count(*) FILTER (WHERE left_out = 'assigned_no_reply') AS assigned_no_reply
    FROM assigned
    GROUP BY agent
),
held AS (
    SELECT
        agent, conversation, at, at_offset, started_at, ended_at,
        local_day(started_at, $zone) AS day,
        duration_ms AS value,
        CASE WHEN duration_ms IS NULL THEN coalesce(excluded, 'pending') END AS left_out
    FROM assignments
    WHERE started_at >= $from AND started_at < $to
),
had AS (
    SELECT
        agent,
        count(DISTINCT conversation) AS conversations_held,
        sum(value) AS handling_ms,
        covered_ms(started_at, ended_at) FILTER (WHERE left_out IS NULL) AS covered_ms
    FROM held
    GROUP BY agent
),
days AS (
    SELECT
        agent,
        elapsed_ms(min(started_at), max(ended_at)) AS day_ms,
        covered_ms(started_at, ended_at) AS busy_ms
    FROM held
    WHERE left_out IS NULL
    GROUP BY agent, day
),
present AS (
    SELECT agent, sum(busy_ms) * 1.0 / nullif(sum(day_ms), 0) AS occupancy FROM days GROUP BY agent
)
SELECT
    coalesce(replied.agent, answered.agent, had.agent) AS agent,
    coalesce(replies, 0) AS replies,
    median_s,
    p90_s,
    frt_agent_median_s,
    coalesce(n_frt_agent, 0) AS n_frt_agent,
    coalesce(assigned_no_reply, 0) AS assigned_no_reply,
    coalesce(conversations_held, 0) AS conversations_held,
    handling_ms / 1000.0 AS handling_s,
    round(handling_ms * 1.0 / nullif(covered_ms, 0), 3) AS concurrency,
    round(occupancy, 4) AS occupancy_rate
FROM replied
FULL JOIN answered ON answered.agent = replied.agent
FULL JOIN had ON had.agent = coalesce(replied.agent, answered.agent)
LEFT JOIN present ON present.agent = had.agent
ORDER BY replies DESC, agent
