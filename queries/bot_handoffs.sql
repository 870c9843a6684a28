-- title: Bot handoffs by day
-- answers: Of the episodes a bot took part in, how many did it hand to a human, and how many ended without one?
-- parameter: from timestamp = -13d  Episodes that began at or after this instant
-- parameter: to timestamp = now  Episodes that began before this instant
-- parameter: zone text = default  IANA zone in which days are counted
-- chart: bar x=day y=handed_off,contained_naive unit=count
SELECT
    local_day(started_at, $zone) AS day,
    count(*) AS bot_episodes,
    count(*) FILTER (WHERE handoffs > 0) AS handed_off,
    count(*) FILTER (WHERE ended_at IS NOT NULL AND human_messages = 0) AS contained_naive,
    round(avg(CASE WHEN handoffs > 0 THEN 1.0 ELSE 0.0 END), 4) AS handoff_rate,
    count(*) FILTER (WHERE ended_at IS NULL) AS n_pending,
    count(*) FILTER (WHERE abandoned) AS n_abandoned
FROM episodes
WHERE bot_messages > 0 AND started_at >= $from AND started_at < $to
GROUP BY day
ORDER BY day
