-- title: Containment by day
-- answers: Of the ended episodes that a bot took part in, how many did it contain: naively (no human, no handoff), net (and the customer neither left unanswered nor rated it 1 or 2), durably (and did not come back within some days)? Durably is known only once these have passed.
-- parameter: from timestamp = -13d  Episodes that ended at or after this instant
-- parameter: to timestamp = now  Episodes that ended before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- parameter: days integer = 7  Within how many days a new contact counts
-- dashboard: bot 2
-- explain: naively by day for contained_naive_rate,contained_naive
-- explain: net by day for contained_net_rate,contained_net
-- explain: durably by day for contained_durable_rate,contained_durable
-- chart: line x=day y=contained_naive_rate,contained_net_rate,contained_durable_rate unit=percent
WITH ended AS (
    SELECT *, local_day(ended_at, $zone) AS day
    FROM bot_episodes
    WHERE ended_at >= $from AND ended_at < $to
),
naively AS (
    SELECT *, CASE WHEN fate <> 'contained' THEN fate END AS left_out FROM ended
),
net AS (
    SELECT
        day, conversation, episode, customer, ended_at, at, at_offset, agent, value,
        CASE
            WHEN left_out IS NOT NULL THEN left_out
            WHEN unanswered THEN 'unanswered'
            WHEN rating <= 2 THEN 'rated_badly'
        END AS left_out
    FROM naively
),
back AS (
    SELECT DISTINCT net.conversation, net.episode
    FROM net
    JOIN contacts ON contacts.customer = net.customer
    WHERE net.left_out IS NULL
        AND contacts.timed
        AND contacts.started_at > net.ended_at
        AND elapsed_ms(net.ended_at, contacts.started_at) <= $days * 86400000
),
durably AS (
    SELECT
        net.day, net.conversation, net.at, net.at_offset, net.agent, net.value,
        CASE
            WHEN net.left_out IS NOT NULL THEN net.left_out
            WHEN back.conversation IS NOT NULL THEN 'came_back'
        END AS left_out
    FROM back
    RIGHT JOIN net ON back.conversation = net.conversation AND back.episode = net.episode
    WHERE elapsed_ms(net.ended_at, now()) > $days * 86400000
),
of_all AS (
    SELECT
        naively.day,
        count(*) AS n,
        count(*) FILTER (WHERE naively.left_out IS NULL) AS contained_naive
    FROM naively GROUP BY day
),
of_net AS (
    SELECT day, count(*) FILTER (WHERE left_out IS NULL) AS contained_net FROM net GROUP BY day
),
of_old AS (
    SELECT day, count(*) AS n_durable, count(*) FILTER (WHERE left_out IS NULL) AS contained_durable
    FROM durably GROUP BY day
)
SELECT
    of_all.day AS day,
    n,
    contained_naive,
    contained_net,
    coalesce(contained_durable, 0) AS contained_durable,
    coalesce(n_durable, 0) AS n_durable,
    round(contained_naive * 1.0 / n, 4) AS contained_naive_rate,
    round(contained_net * 1.0 / n, 4) AS contained_net_rate,
    round(contained_durable * 1.0 / n_durable, 4) AS contained_durable_rate
FROM of_all
JOIN of_net ON of_net.day = of_all.day
LEFT JOIN of_old ON of_old.day = of_all.day
ORDER BY day
