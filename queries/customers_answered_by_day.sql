-- title: Customers answered within an hour
-- answers: Of the customers who waited for a human on a day, which share had every wait answered within some minutes? A wait that a resolve cut is none of these. A customer's row is the wait that was answered latest, or never.
-- parameter: from timestamp = -13d  Customers whose waits began at or after this instant
-- parameter: to timestamp = now  Customers whose waits began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- parameter: minutes integer = 60  Within how many minutes
-- dashboard: sla 4
-- explain: customers by day for answered_rate,answered
-- explain: all_customers by day for n
-- chart: line x=day y=answered_rate unit=percent
WITH waited AS (
    SELECT
        local_day(at, $zone) AS day, contacts.customer, waits.conversation, at, at_offset, agent,
        coalesce(value, elapsed_ms(at, coalesce(ended_at, now()))) AS waited_ms,
        CASE
            WHEN value <= $minutes * 60000 THEN 0
            WHEN value IS NULL AND left_out <> 'pending' THEN 2
            ELSE 1
        END AS fault
    FROM waits
    JOIN contacts ON contacts.conversation = waits.conversation AND contacts.episode = waits.episode
    WHERE at >= $from AND at < $to
        AND (value IS NOT NULL OR left_out = 'abandoned'
            OR (left_out = 'pending' AND elapsed_ms(at, now()) > $minutes * 60000))
),
customers AS (
    SELECT
        day, customer,
        first_value(conversation ORDER BY fault DESC, waited_ms DESC, at_offset) AS conversation,
        first_value(at ORDER BY fault DESC, waited_ms DESC, at_offset) AS at,
        first_value(at_offset ORDER BY fault DESC, waited_ms DESC, at_offset) AS at_offset,
        first_value(agent ORDER BY fault DESC, waited_ms DESC, at_offset) AS agent,
        first_value(waited_ms ORDER BY fault DESC, waited_ms DESC, at_offset) AS value,
        CASE max(fault) WHEN 1 THEN 'late' WHEN 2 THEN 'not_answered' END AS left_out
    FROM waited
    GROUP BY day, customer
),
all_customers AS (
    SELECT day, conversation, at, at_offset, agent, value, CAST(NULL AS VARCHAR) AS left_out
    FROM customers
)
SELECT
    day,
    round(avg(CASE WHEN left_out IS NULL THEN 1.0 ELSE 0.0 END), 4) AS answered_rate,
    count(*) FILTER (WHERE left_out IS NULL) AS answered,
    count(*) AS n
FROM customers
GROUP BY day
ORDER BY day
