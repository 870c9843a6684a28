-- title: Backlog at an instant
-- answers: How many episodes were open at an instant, and in how many did a customer wait, by how long already?
-- parameter: moment timestamp = now  The instant
-- dashboard: sla 6
-- explain: open_then by age for open
-- explain: waiting_then by age for unattended
-- chart: bar x=age y=open,unattended unit=count
WITH ages (place, age) AS (
    VALUES (1, 'under 15 min'), (2, '15–60 min'), (3, '1–8 h'), (4, '8–24 h'), (5, 'over 24 h')
),
there AS (
    SELECT 'episode' AS what, conversation, started_at AS at, started_offset AS at_offset, agent
    FROM episodes
    WHERE started_at < $moment AND (ended_at IS NULL OR ended_at >= $moment)
        AND timed
    UNION ALL
    SELECT 'wait', conversation, at, at_offset, agent
    FROM waits
    WHERE at < $moment AND (ended_at IS NULL OR ended_at >= $moment)
        AND coalesce(left_out, '') <> 'untimed'
),
aged AS (
    SELECT
        what, conversation, at, at_offset, agent, elapsed_ms(at, $moment) AS value,
        CAST(NULL AS VARCHAR) AS left_out,
        CASE
            WHEN elapsed_ms(at, $moment) < 900000 THEN 'under 15 min'
            WHEN elapsed_ms(at, $moment) < 3600000 THEN '15–60 min'
            WHEN elapsed_ms(at, $moment) < 28800000 THEN '1–8 h'
            WHEN elapsed_ms(at, $moment) < 86400000 THEN '8–24 h'
            ELSE 'over 24 h'
        END AS age
    FROM there
),
open_then AS (
    SELECT * FROM aged WHERE what = 'episode'
),
waiting_then AS (
    SELECT * FROM aged WHERE what = 'wait'
),
counted AS (
    SELECT
        place, ages.age,
        count(*) FILTER (WHERE what = 'episode') AS open,
        count(*) FILTER (WHERE what = 'wait') AS unattended
    FROM ages LEFT JOIN aged ON aged.age = ages.age
    GROUP BY place, ages.age
)
SELECT age, open, unattended
FROM counted
ORDER BY place
