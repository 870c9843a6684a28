-- title: Waiting time within opening hours
-- answers: How long did customers wait by the clock, and how much of that lay in opening hours, by the day on which their wait began?
-- parameter: from timestamp = -13d  Waits that began at or after this instant
-- parameter: to timestamp = now  Waits that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: sla 8
-- explain: waited by day for median_s,p90_s,n hours business_value
-- explain: waited_open by day for business_median_s,business_p90_s,n_business
-- chart: line x=day y=median_s,business_median_s unit=seconds
WITH waited AS (
    SELECT *, local_day(at, $zone) AS day FROM waits WHERE at >= $from AND at < $to
),
waited_open AS (
    SELECT
        day, conversation, at, at_offset, agent, business_value AS value,
        CASE WHEN business_value IS NULL THEN coalesce(left_out, 'no_hours') END AS left_out
    FROM waited
)
SELECT
    day,
    nearest_rank(value, 0.5) / 1000.0 AS median_s,
    nearest_rank(business_value, 0.5) / 1000.0 AS business_median_s,
    nearest_rank(value, 0.9) / 1000.0 AS p90_s,
    nearest_rank(business_value, 0.9) / 1000.0 AS business_p90_s,
    count(value) AS n,
    count(business_value) AS n_business
FROM waited
GROUP BY day
ORDER BY day
