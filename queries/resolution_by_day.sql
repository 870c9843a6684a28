-- title: Resolution time by day
-- answers: How long did episodes take until they were resolved, from their start, and from when humans had them? What went idle has no resolution.
-- parameter: from timestamp = -13d  Episodes that began (or ended) at or after this instant
-- parameter: to timestamp = now  Episodes that began (or ended) before this instant
-- parameter: by start|end = start  Which episodes, and of which day: those that began in the range, or ended in it
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: sla 7
-- explain: chosen by day hours business_value
-- explain: of_humans by day for human_median_s,human_p90_s,n_human
-- explain: chosen_open by day for business_median_s,n_business
-- chart: line x=day y=median_s,human_median_s unit=seconds
WITH chosen AS (
    SELECT *, local_day(CASE $by WHEN 'end' THEN ended_at ELSE at END, $zone) AS day
    FROM resolutions
    WHERE ($by = 'start' AND at >= $from AND at < $to)
        OR ($by = 'end' AND ended_at >= $from AND ended_at < $to)
),
of_humans AS (
    SELECT
        day, conversation, at, at_offset, agent, human_value AS value,
        CASE WHEN human_value IS NULL THEN coalesce(left_out, 'no_human') END AS left_out
    FROM chosen
),
chosen_open AS (
    SELECT
        day, conversation, at, at_offset, agent, business_value AS value,
        CASE WHEN business_value IS NULL THEN coalesce(left_out, 'no_hours') END AS left_out
    FROM chosen
)
SELECT
    day,
    nearest_rank(value, 0.5) / 1000.0 AS median_s,
    nearest_rank(value, 0.9) / 1000.0 AS p90_s,
    nearest_rank(human_value, 0.5) / 1000.0 AS human_median_s,
    nearest_rank(human_value, 0.9) / 1000.0 AS human_p90_s,
    nearest_rank(business_value, 0.5) / 1000.0 AS business_median_s,
    count(*) FILTER (WHERE left_out IS NULL) AS n,
    count(human_value) AS n_human,
    count(business_value) AS n_business,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out = 'abandoned') AS n_abandoned,
    count(*) FILTER (WHERE left_out NOT IN ('pending', 'abandoned')) AS n_excluded
FROM chosen
GROUP BY day
ORDER BY day
