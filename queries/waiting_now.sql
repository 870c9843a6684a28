-- title: Waiting now
-- answers: How many customers wait now, and for how long already?
-- dashboard: waits 8
-- explain: waiting by waited
-- chart: bar x=waited y=waiting unit=count
WITH waiting AS (
    SELECT
        *,
        CASE
            WHEN value < 300000 THEN 'under 5 min'
            WHEN value < 900000 THEN '5–15 min'
            WHEN value < 3600000 THEN '15–60 min'
            WHEN value < 14400000 THEN '1–4 h'
            ELSE 'over 4 h'
        END AS waited
    FROM open_waits
    WHERE left_out IS NULL
)
SELECT waited, count(*) AS waiting, max(value) / 1000.0 AS oldest_wait_s
FROM waiting
GROUP BY waited
ORDER BY oldest_wait_s
