-- title: Service level by day
-- answers: Which waits and resolutions were met by when they were due, which were not, and which ended before without an answer, by the day on which they began? A breach counts from when it was due on, whatever comes after; a bot's answer meets a target as a human's does.
-- parameter: from timestamp = -13d  Waits and episodes that began at or after this instant
-- parameter: to timestamp = now  Waits and episodes that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- parameter: target all|first_reply|next_reply|resolution = all  Which of the targets
-- dashboard: sla 1
-- explain: due by day
-- explain: settled by day for met_rate
-- chart: stacked_bar x=day y=met,breached,cancelled,n_pending unit=count
WITH due AS (
    SELECT *, local_day(at, $zone) AS day
    FROM targets
    WHERE at >= $from AND at < $to AND ($target = 'all' OR target = $target)
),
settled AS (
    SELECT * FROM due WHERE left_out IS NULL OR left_out = 'breached'
)
SELECT
    day,
    count(*) FILTER (WHERE left_out IS NULL) AS met,
    count(*) FILTER (WHERE left_out = 'breached') AS breached,
    count(*) FILTER (WHERE left_out = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE left_out = 'pending') AS n_pending,
    count(*) FILTER (WHERE left_out IN ('untimed', 'clock_backwards')) AS n_excluded,
    round(
        avg(CASE WHEN left_out IS NULL THEN 1.0 WHEN left_out = 'breached' THEN 0.0 END), 4
    ) AS met_rate
FROM due
GROUP BY day
ORDER BY day
