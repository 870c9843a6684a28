-- title: How long customers wait
-- answers: How many waits were how long, and which share of them was at most so long?
-- parameter: from timestamp = -13d  Waits that began (or ended, or went on) at or after this instant
-- parameter: to timestamp = now  Waits that began (or ended, or went on) before this instant
-- parameter: by start|end|overlap = start  Which waits: those that began in the range, ended in it, or went on in it
-- dashboard: waits 2
-- explain: waited by wait for n
-- chart: bar x=wait y=n unit=count
WITH lengths (place, wait) AS (
    VALUES
        (1, 'up to 10 s'),
        (2, '10–30 s'),
        (3, '30–60 s'),
        (4, '1–3 min'),
        (5, '3–5 min'),
        (6, '5–15 min'),
        (7, '15–60 min'),
        (8, '1–4 h'),
        (9, '4–8 h'),
        (10, '8–24 h'),
        (11, 'over 24 h')
),
waited AS (
    SELECT
        CASE
            WHEN value <= 10000 THEN 'up to 10 s'
            WHEN value <= 30000 THEN '10–30 s'
            WHEN value <= 60000 THEN '30–60 s'
            WHEN value <= 180000 THEN '1–3 min'
            WHEN value <= 300000 THEN '3–5 min'
            WHEN value <= 900000 THEN '5–15 min'
            WHEN value <= 3600000 THEN '15–60 min'
            WHEN value <= 14400000 THEN '1–4 h'
            WHEN value <= 28800000 THEN '4–8 h'
            WHEN value <= 86400000 THEN '8–24 h'
            ELSE 'over 24 h'
        END AS wait,
        conversation, at, at_offset, agent, value, left_out
    FROM waits
    WHERE value IS NOT NULL AND (
        ($by = 'start' AND at >= $from AND at < $to)
        OR ($by = 'end' AND ended_at >= $from AND ended_at < $to)
        OR ($by = 'overlap' AND at < $to AND (ended_at > $from OR at >= $from))
    )
),
counted AS (
    SELECT place, lengths.wait, count(waited.conversation) AS n
    FROM lengths LEFT JOIN waited ON waited.wait = lengths.wait
    GROUP BY place, lengths.wait
)
SELECT
    wait,
    n,
    -- Over eleven rows.
    round(sum(n) OVER (ORDER BY place) * 1.0 / nullif(sum(n) OVER (), 0), 4) AS at_most_rate
FROM counted
ORDER BY place
