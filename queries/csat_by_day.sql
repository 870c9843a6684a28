-- title: Satisfaction by day
-- answers: Which share of the ratings received was 4 or 5, by the day of the rating; and which share of the requests for one was answered, by the day of the request?
-- parameter: from timestamp = -13d  Ratings and requests sent at or after this instant
-- parameter: to timestamp = now  Ratings and requests sent before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: overview 7
-- dashboard: agents 3
-- explain: rated by day for csat_rate,satisfied
-- explain: all_rated by day for ratings
-- explain: asked by day for response_rate,responses
-- explain: all_asked by day for requests
-- chart: line x=day y=csat_rate,response_rate n=ratings,requests unit=percent
WITH rated AS (
    SELECT
        local_day(occurred_at, $zone) AS day, conversation, occurred_at AS at, "offset" AS at_offset,
        agent, CAST(NULL AS BIGINT) AS value,
        CASE WHEN rating < 4 THEN 'not_satisfied' END AS left_out
    FROM ratings
    WHERE kind = 'rating' AND occurred_at >= $from AND occurred_at < $to
),
all_rated AS (
    SELECT day, conversation, at, at_offset, agent, value, CAST(NULL AS VARCHAR) AS left_out FROM rated
),
responses AS (
    SELECT conversation, requested_offset FROM rated_requests
    WHERE requested_at >= $from AND requested_at < $to
),
requests AS (
    SELECT conversation, occurred_at, "offset" AS at_offset, agent
    FROM ratings
    WHERE kind = 'request' AND occurred_at >= $from AND occurred_at < $to
),
asked AS (
    SELECT
        local_day(requests.occurred_at, $zone) AS day, requests.conversation,
        requests.occurred_at AS at, requests.at_offset, requests.agent, CAST(NULL AS BIGINT) AS value,
        CASE WHEN responses.conversation IS NULL THEN 'not_rated' END AS left_out
    FROM responses
    RIGHT JOIN requests
        ON responses.conversation = requests.conversation
        AND responses.requested_offset = requests.at_offset
),
all_asked AS (
    SELECT day, conversation, at, at_offset, agent, value, CAST(NULL AS VARCHAR) AS left_out FROM asked
),
received AS (
    SELECT day, count(*) AS ratings, count(*) FILTER (WHERE left_out IS NULL) AS satisfied
    FROM rated GROUP BY day
),
sent AS (
    SELECT day, count(*) AS requests, count(*) FILTER (WHERE left_out IS NULL) AS responses
    FROM asked GROUP BY day
)
SELECT
    coalesce(received.day, sent.day) AS day,
    round(satisfied * 1.0 / ratings, 4) AS csat_rate,
    coalesce(satisfied, 0) AS satisfied,
    coalesce(ratings, 0) AS ratings,
    round(responses * 1.0 / requests, 4) AS response_rate,
    coalesce(responses, 0) AS responses,
    coalesce(requests, 0) AS requests
FROM received FULL JOIN sent ON received.day = sent.day
ORDER BY day
