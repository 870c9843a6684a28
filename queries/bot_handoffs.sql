-- title: What became of the bot's chats
-- answers: Of the episodes that a bot took part in, which did it hand over, and did a human answer then; which did a human join, which did the bot contain, and which go on? Each is in one of these.
-- parameter: from timestamp = -13d  Episodes that began at or after this instant
-- parameter: to timestamp = now  Episodes that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- dashboard: bot 1
-- explain: with_bot by day for n
-- explain: answered by day for handed_off_answered
-- explain: unanswered by day for handed_off_unanswered
-- explain: taken by day for joined
-- explain: kept by day for contained
-- explain: going_on by day for n_pending
-- explain: handed_off by day for handoff_rate
-- chart: stacked_bar x=day y=handed_off_answered,handed_off_unanswered,joined,contained,n_pending unit=count
WITH with_bot AS (
    SELECT *, local_day(at, $zone) AS day, CAST(NULL AS VARCHAR) AS left_out
    FROM bot_episodes
    WHERE at >= $from AND at < $to
),
answered AS (
    SELECT * FROM with_bot WHERE fate = 'handed_off_answered'
),
unanswered AS (
    SELECT * FROM with_bot WHERE fate = 'handed_off_unanswered'
),
taken AS (
    SELECT * FROM with_bot WHERE fate = 'joined'
),
kept AS (
    SELECT * FROM with_bot WHERE fate = 'contained'
),
going_on AS (
    SELECT day, conversation, at, at_offset, agent, value, fate AS left_out
    FROM with_bot
    WHERE fate = 'pending'
),
handed_off AS (
    SELECT
        day, conversation, at, at_offset, agent, value,
        CASE WHEN handoffs = 0 THEN 'not_handed_off' END AS left_out
    FROM with_bot
)
SELECT
    day,
    count(*) AS n,
    count(*) FILTER (WHERE fate = 'handed_off_answered') AS handed_off_answered,
    count(*) FILTER (WHERE fate = 'handed_off_unanswered') AS handed_off_unanswered,
    count(*) FILTER (WHERE fate = 'joined') AS joined,
    count(*) FILTER (WHERE fate = 'contained') AS contained,
    count(*) FILTER (WHERE fate = 'pending') AS n_pending,
    round(avg(CASE WHEN handoffs > 0 THEN 1.0 ELSE 0.0 END), 4) AS handoff_rate
FROM with_bot
GROUP BY day
ORDER BY day
