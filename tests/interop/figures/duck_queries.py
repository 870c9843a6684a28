"""The named queries once more, for DuckDB, by its own means: views over the exported Parquet files, and the macros of `duck.py`."""

# Why a wait or an episode is not among the figures of human replies. No wait is counted twice.
VIEWS = """
CREATE VIEW waits AS SELECT *, CASE
    WHEN nrt_ms IS NOT NULL THEN NULL
    WHEN excluded IS NOT NULL THEN 'excluded'
    WHEN outcome = 'open' THEN 'pending'
    WHEN outcome = 'abandoned' THEN 'abandoned'
    ELSE 'bot' END AS why
FROM turns WHERE is_asked(waiting_since);
CREATE VIEW begun AS SELECT *, CASE
    WHEN frt_total_ms IS NOT NULL THEN NULL
    WHEN frt_excluded <> 'no_reply' THEN 'excluded'
    WHEN abandoned THEN 'abandoned'
    WHEN frt_excluded = 'no_reply' AND first_bot_at IS NOT NULL AND NOT unanswered THEN 'bot'
    WHEN frt_excluded IS NOT NULL THEN 'excluded'
    ELSE 'pending' END AS why
FROM episodes WHERE is_asked(started_at);
CREATE VIEW queued AS FROM stints WHERE place = 'queue' AND is_asked(started_at);
CREATE VIEW held AS FROM stints WHERE place = 'agent' AND is_asked(started_at);
CREATE VIEW rated AS FROM ratings WHERE kind = 'rating' AND is_asked(occurred_at);
CREATE VIEW open_waits AS SELECT *, elapsed_ms(waiting_since, now()) AS ms FROM turns WHERE outcome = 'open' AND excluded IS NULL;
CREATE VIEW due AS
    SELECT conversation, waiting_since AS since, waiting_offset AS at_offset, sla_target AS target, due_at, ended_at,
        outcome IN ('replied', 'bot') AS is_answered, agent, team, channel,
        excluded IN ('untimed', 'clock_backwards') AS is_unknown
    FROM turns WHERE due_at IS NOT NULL
    UNION ALL
    SELECT conversation, started_at, started_offset, 'resolution', resolution_due_at, ended_at, ended_by IS NOT DISTINCT FROM 'resolve',
        agent, team, channel, ended_by = 'resolve' AND episode_resolution_ms IS NULL
    FROM episodes WHERE resolution_due_at IS NOT NULL;
-- The categories that stand now: a model's only where no person's does, and people take off either.
CREATE VIEW given AS
    SELECT conversation, category,
        max("offset") FILTER (tagged AND NOT automatic) > coalesce(max("offset") FILTER (NOT tagged AND NOT automatic), -1) AS by_people,
        max("offset") FILTER (tagged AND automatic) > coalesce(max("offset") FILTER (NOT tagged), -1) AS by_model
    FROM tags GROUP BY ALL;
CREATE VIEW standing AS
    SELECT conversation, category, by_people IS NOT TRUE AS automatic FROM given
    WHERE by_people OR (by_model AND conversation NOT IN (SELECT conversation FROM given WHERE by_people));
"""
WHY = """
    count(*) FILTER (why = 'pending') AS n_pending,
    count(*) FILTER (why = 'abandoned') AS n_abandoned,
    count(*) FILTER (why = 'bot') AS answered_by_bot,
    count(*) FILTER (why = 'excluded') AS n_excluded
"""
WAITS = f"""
    nearest_rank(nrt_ms, 0.5) / 1000 AS median_s,
    nearest_rank(nrt_ms, 0.9) / 1000 AS p90_s,
    nearest_rank(nrt_ms, 0.95) / 1000 AS p95_s,
    avg(nrt_ms) / 1000 AS mean_s,
    count(nrt_ms) AS n,
    {WHY}
"""

QUERIES = {
    "waiting_by_day": f"SELECT local_day(waiting_since) AS day, {WAITS} FROM waits GROUP BY ALL",
    "waiting_by_hour": f"SELECT local_hour(waiting_since) AS hour, {WAITS} FROM waits GROUP BY ALL",
    "waiting_by_weekday": f"SELECT local_weekday(waiting_since) AS weekday, local_hour(waiting_since) AS hour, {WAITS} FROM waits GROUP BY ALL",
    "waiting_by_agent": f"SELECT agent, {WAITS} FROM waits GROUP BY ALL",
    "business_by_day": """
        SELECT local_day(waiting_since) AS day,
            nearest_rank(nrt_ms, 0.5) / 1000 AS median_s,
            nearest_rank(nrt_ms, 0.9) / 1000 AS p90_s,
            nearest_rank(nrt_business_ms, 0.5) / 1000 AS business_median_s,
            nearest_rank(nrt_business_ms, 0.9) / 1000 AS business_p90_s,
            count(nrt_ms) AS n,
            count(nrt_business_ms) AS n_business
        FROM waits GROUP BY ALL""",
    "first_response_by_day": f"""
        SELECT local_day(started_at) AS day,
            nearest_rank(frt_total_ms, 0.5) / 1000 AS total_median_s,
            nearest_rank(frt_total_ms, 0.9) / 1000 AS total_p90_s,
            nearest_rank(frt_human_ms, 0.5) / 1000 AS human_median_s,
            nearest_rank(frt_human_ms, 0.9) / 1000 AS human_p90_s,
            nearest_rank(frt_bot_ms, 0.5) / 1000 AS bot_median_s,
            count(frt_total_ms) AS n,
            count(frt_human_ms) AS n_human,
            count(frt_bot_ms) AS n_bot,
            {WHY}
        FROM begun GROUP BY ALL""",
    "resolution_by_day": """
        SELECT local_day(started_at) AS day,
            nearest_rank(episode_resolution_ms, 0.5) / 1000 AS median_s,
            nearest_rank(episode_resolution_ms, 0.9) / 1000 AS p90_s,
            nearest_rank(resolution_human_ms, 0.5) / 1000 AS human_median_s,
            nearest_rank(resolution_human_ms, 0.9) / 1000 AS human_p90_s,
            nearest_rank(episode_resolution_business_ms, 0.5) / 1000 AS business_median_s,
            count(episode_resolution_ms) AS n,
            count(resolution_human_ms) AS n_human,
            count(episode_resolution_business_ms) AS n_business,
            count(*) FILTER (ended_at IS NULL) AS n_pending,
            count(*) FILTER (abandoned) AS n_abandoned,
            count(*) FILTER (ended_at IS NOT NULL AND episode_resolution_ms IS NULL AND NOT abandoned) AS n_excluded
        FROM begun GROUP BY ALL""",
    "queue_by_day": """
        SELECT local_day(started_at) AS day,
            nearest_rank(CASE WHEN is_taken THEN duration_ms END, 0.5) / 1000 AS median_s,
            nearest_rank(CASE WHEN is_taken THEN duration_ms END, 0.9) / 1000 AS p90_s,
            nearest_rank(CASE WHEN is_taken THEN duration_ms END, 0.95) / 1000 AS p95_s,
            avg(duration_ms) FILTER (is_taken) / 1000 AS mean_s,
            count(duration_ms) FILTER (is_taken) AS n,
            count(*) FILTER (outcome = 'open' AND excluded IS NULL) AS n_pending,
            count(*) FILTER (outcome = 'abandoned' AND excluded IS NULL) AS n_abandoned,
            count(*) - n - n_pending - n_abandoned AS n_excluded,
            n_abandoned / nullif(n_abandoned + n, 0) AS abandonment_rate
        FROM (SELECT *, outcome IN ('assigned', 'answered') AS is_taken FROM queued) GROUP BY ALL""",
    "volume_by_day": """
        SELECT local_day(occurred_at) AS day, sender_role AS role, count(*) AS messages
        FROM events WHERE kind = 'message' AND (origin = 'live' OR sent_at IS NOT NULL) AND is_asked(occurred_at) GROUP BY ALL""",
    "volume_by_weekday": """
        SELECT local_weekday(occurred_at) AS weekday, local_hour(occurred_at) AS hour, count(*) AS messages
        FROM events WHERE kind = 'message' AND sender_role = 'customer' AND (origin = 'live' OR sent_at IS NOT NULL)
            AND is_asked(occurred_at) GROUP BY ALL""",
    "categories_by_day": """
        SELECT day, category, count(*) AS conversations, count(*) FILTER (is_automatic) AS automatic
        FROM (SELECT local_day(occurred_at) AS day, category, conversation, bool_and(automatic) AS is_automatic
            FROM tags WHERE tagged AND timed AND is_asked(occurred_at) GROUP BY ALL)
        GROUP BY ALL""",
    "bot_handoffs": """
        SELECT local_day(started_at) AS day, count(*) AS n,
            count(*) FILTER (became = 'answered') AS handed_off_answered,
            count(*) FILTER (became = 'unanswered') AS handed_off_unanswered,
            count(*) FILTER (became = 'joined') AS joined,
            count(*) FILTER (became = 'contained') AS contained,
            count(*) FILTER (became = 'open') AS n_pending,
            avg((handoffs > 0)::INT) AS handoff_rate
        FROM (SELECT *, CASE
                WHEN handoffs > 0 AND human_messages > 0 THEN 'answered'
                WHEN human_messages > 0 THEN 'joined'
                WHEN ended_at IS NULL THEN 'open'
                WHEN handoffs > 0 THEN 'unanswered'
                ELSE 'contained' END AS became
            FROM begun WHERE bot_messages > 0 AND timed)
        GROUP BY ALL""",
    "csat_by_agent": """
        SELECT agent, avg((rating >= 4)::INT) AS csat_rate, count(*) FILTER (rating >= 4) AS satisfied, count(*) AS ratings,
            avg(rating) AS mean_rating
        FROM rated GROUP BY ALL""",
    "sla_by_day": """
        SELECT local_day(since) AS day,
            count(*) FILTER (state = 'met') AS met,
            count(*) FILTER (state = 'breached') AS breached,
            count(*) FILTER (state = 'cancelled') AS cancelled,
            count(*) FILTER (state = 'pending') AS n_pending,
            count(*) FILTER (state = 'unknown') AS n_excluded,
            met / nullif(met + breached, 0) AS met_rate
        FROM (SELECT *, CASE
                WHEN is_unknown THEN 'unknown'
                WHEN ended_at IS NULL AND now() < due_at THEN 'pending'
                WHEN is_answered AND ended_at <= due_at THEN 'met'
                WHEN ended_at < due_at THEN 'cancelled'
                ELSE 'breached' END AS state
            FROM due WHERE is_asked(since))
        GROUP BY ALL""",
    "waiting_by_category": f"""
        SELECT coalesce(category, 'untagged') AS category, {WAITS} FROM waits LEFT JOIN standing USING (conversation) GROUP BY ALL""",
    "waits_histogram": """
        WITH lengths(place, wait, above_s, to_s) AS (VALUES
            (1, 'up to 10 s', -1, 10), (2, '10–30 s', 10, 30), (3, '30–60 s', 30, 60), (4, '1–3 min', 60, 180), (5, '3–5 min', 180, 300),
            (6, '5–15 min', 300, 900), (7, '15–60 min', 900, 3600), (8, '1–4 h', 3600, 14400), (9, '4–8 h', 14400, 28800),
            (10, '8–24 h', 28800, 86400), (11, 'over 24 h', 86400, 1e12))
        SELECT wait, count(nrt_ms) AS n, sum(count(nrt_ms)) OVER (ORDER BY place) / nullif(sum(count(nrt_ms)) OVER (), 0) AS at_most_rate
        FROM lengths LEFT JOIN waits ON nrt_ms > above_s * 1000 AND nrt_ms <= to_s * 1000 GROUP BY place, wait""",
    "waiting_now": """
        SELECT CASE
                WHEN ms < 5 * 60000 THEN 'under 5 min'
                WHEN ms < 15 * 60000 THEN '5–15 min'
                WHEN ms < 60 * 60000 THEN '15–60 min'
                WHEN ms < 240 * 60000 THEN '1–4 h'
                ELSE 'over 4 h' END AS waited,
            count(*) AS waiting, max(ms) / 1000 AS oldest_wait_s
        FROM open_waits GROUP BY ALL""",
    "longest_waits": """
        SELECT conversation, epoch_us(waiting_since) AS waiting_since, waiting_offset AS at_offset, ms / 1000 AS waited_s, agent, team, channel,
            epoch_us(due_at) AS due_at
        FROM open_waits ORDER BY ms DESC, waiting_offset LIMIT 20""",
    "sla_open": """
        SELECT conversation, epoch_us(since) AS since, at_offset, target, epoch_us(due_at) AS due_at,
            elapsed_ms(due_at, now()) / 1000 AS overdue_s, agent, team, channel
        FROM due WHERE ended_at IS NULL ORDER BY due.due_at, at_offset LIMIT 20""",
    "backlog_at": """
        WITH there AS (
            SELECT 'episode' AS what, elapsed_ms(started_at, getvariable('moment')) AS ms FROM episodes
            WHERE lasts_at(started_at, ended_at, getvariable('moment')) AND timed
            UNION ALL
            SELECT 'wait', elapsed_ms(waiting_since, getvariable('moment')) FROM turns
            WHERE lasts_at(waiting_since, ended_at, getvariable('moment')) AND excluded IS DISTINCT FROM 'untimed'),
        ages(age, from_s, below_s) AS (VALUES
            ('under 15 min', 0, 900), ('15–60 min', 900, 3600), ('1–8 h', 3600, 28800), ('8–24 h', 28800, 86400), ('over 24 h', 86400, 1e12))
        SELECT age, count(*) FILTER (what = 'episode') AS open, count(*) FILTER (what = 'wait') AS unattended
        FROM ages LEFT JOIN there ON ms >= from_s * 1000 AND ms < below_s * 1000 GROUP BY ALL""",
    "backlog_by_day": """
        WITH days AS (
            SELECT day::DATE AS day FROM generate_series(timezone(getvariable('zone'), getvariable('from'))::DATE::TIMESTAMP,
                timezone(getvariable('zone'), getvariable('to') - INTERVAL 1 microsecond), INTERVAL 1 day) AS days(day)),
        ends AS (SELECT day, least(timezone(getvariable('zone'), (day + 1)::TIMESTAMP), now()) AS its_end FROM days),
        opened AS (
            SELECT day, count(*) AS open FROM ends JOIN episodes ON lasts_at(started_at, ended_at, its_end)
            WHERE timed GROUP BY day),
        waited AS (
            SELECT day, count(*) AS unattended, count(*) FILTER (elapsed_ms(waiting_since, its_end) > 3600000) AS unattended_over_1_h,
                count(*) FILTER (elapsed_ms(waiting_since, its_end) > 28800000) AS unattended_over_8_h
            FROM ends JOIN turns ON lasts_at(waiting_since, ended_at, its_end) WHERE excluded IS DISTINCT FROM 'untimed' GROUP BY day)
        SELECT strftime(day, '%Y-%m-%d') AS day, coalesce(open, 0) AS open, coalesce(unattended, 0) AS unattended,
            coalesce(unattended_over_1_h, 0) AS unattended_over_1_h, coalesce(unattended_over_8_h, 0) AS unattended_over_8_h
        FROM days LEFT JOIN opened USING (day) LEFT JOIN waited USING (day)""",
    "categories": """
        SELECT coalesce(category, 'untagged') AS category, count(*) AS conversations, count(*) FILTER (automatic) AS automatic
        FROM (SELECT conversation, arg_min(started_at, episode) AS begun_at FROM episodes WHERE timed GROUP BY ALL) LEFT JOIN standing USING (conversation)
        WHERE is_asked(begun_at) GROUP BY ALL""",
    "containment_by_day": """
        WITH ended AS (
            SELECT *, handoffs = 0 AND human_messages = 0 AS naive, naive AND NOT unanswered AND coalesce(rating, 5) > 2 AS net,
                elapsed_ms(ended_at, now()) > 7 * 86400000 AS is_old,
                EXISTS (
                    SELECT 1 FROM episodes AS later
                    WHERE later.timed AND later.customer = episodes.customer AND later.started_at > episodes.ended_at
                        AND elapsed_ms(episodes.ended_at, later.started_at) <= 7 * 86400000) AS came_back
            FROM episodes WHERE bot_messages > 0 AND timed AND is_asked(ended_at))
        SELECT local_day(ended_at) AS day, count(*) AS n,
            count(*) FILTER (naive) AS contained_naive,
            count(*) FILTER (net) AS contained_net,
            count(*) FILTER (net AND is_old AND NOT came_back) AS contained_durable,
            count(*) FILTER (is_old) AS n_durable,
            contained_naive / n AS contained_naive_rate,
            contained_net / n AS contained_net_rate,
            contained_durable / nullif(n_durable, 0) AS contained_durable_rate
        FROM ended GROUP BY ALL""",
    "csat_by_day": """
        WITH received AS (
            SELECT local_day(occurred_at) AS day, count(*) AS ratings, count(*) FILTER (rating >= 4) AS satisfied FROM rated GROUP BY ALL),
        sent AS (
            SELECT local_day(occurred_at) AS day, count(*) AS requests,
                count(*) FILTER ((conversation, "offset") IN (SELECT (conversation, requested_offset) FROM ratings WHERE kind = 'rating'))
                    AS responses
            FROM ratings WHERE kind = 'request' AND is_asked(occurred_at) GROUP BY ALL)
        SELECT day, satisfied / ratings AS csat_rate, coalesce(satisfied, 0) AS satisfied, coalesce(ratings, 0) AS ratings,
            responses / requests AS response_rate, coalesce(responses, 0) AS responses, coalesce(requests, 0) AS requests
        FROM received FULL JOIN sent USING (day)""",
    "customers_answered_by_day": """
        WITH customers AS (
            SELECT local_day(waiting_since) AS day, customer, bool_and(coalesce(nrt_ms <= 3600000, false)) AS is_answered
            FROM waits JOIN (SELECT conversation, episode, customer FROM episodes) USING (conversation, episode)
            WHERE customer IS NOT NULL AND (why IS NULL OR why = 'abandoned'
                OR (why = 'pending' AND elapsed_ms(waiting_since, now()) > 3600000))
            GROUP BY ALL)
        SELECT day, avg(is_answered::INT) AS answered_rate, count(*) FILTER (is_answered) AS answered, count(*) AS n FROM customers GROUP BY ALL""",
    "reopen_rate_by_day": """
        WITH resolved AS (
            SELECT local_day(ended_at) AS day, elapsed_ms(ended_at, now()) > 7 * 86400000 AS is_old,
                coalesce(later.since_resolve_ms <= 7 * 86400000, false) AS is_reopened
            FROM (FROM episodes WHERE ended_by = 'resolve' AND timed AND is_asked(ended_at)) AS resolved
            LEFT JOIN (SELECT conversation, episode - 1 AS episode, since_resolve_ms FROM episodes WHERE reopened) AS later
                USING (conversation, episode))
        SELECT day, avg(is_reopened::INT) FILTER (is_old) AS reopen_rate, count(*) FILTER (is_reopened AND is_old) AS reopened,
            count(*) FILTER (is_old) AS n, count(*) FILTER (NOT is_old) AS n_pending
        FROM resolved GROUP BY ALL""",
    "within_seconds_by_day": """
        WITH judged AS (
            SELECT *, why IS NULL OR why = 'abandoned'
                OR (why = 'pending' AND elapsed_ms(waiting_since, now()) > 180000) AS counts
            FROM waits WHERE local_hour(waiting_since) BETWEEN 8 AND 22)
        SELECT local_day(waiting_since) AS day, count(*) FILTER (nrt_ms <= 180000) AS within,
            count(*) FILTER (counts) AS n, count(*) FILTER (why = 'pending' AND NOT counts) AS n_pending,
            count(*) FILTER (why = 'bot') AS answered_by_bot, count(*) FILTER (why = 'excluded') AS n_excluded,
            within / nullif(n, 0) AS within_rate
        FROM judged GROUP BY ALL""",
    "agents": """
        WITH replied AS (
            SELECT agent, count(nrt_ms) AS replies, nearest_rank(nrt_ms, 0.5) / 1000 AS median_s, nearest_rank(nrt_ms, 0.9) / 1000 AS p90_s
            FROM waits WHERE agent IS NOT NULL GROUP BY ALL),
        assigned AS (
            SELECT agent, nearest_rank(frt_agent_ms, 0.5) / 1000 AS frt_agent_median_s, count(frt_agent_ms) AS n_frt_agent,
                count(*) FILTER (outcome = 'no_reply') AS assigned_no_reply
            FROM stints WHERE place = 'agent' AND is_asked(coalesce(pending_since, started_at)) GROUP BY ALL),
        had AS (SELECT agent, count(DISTINCT conversation) AS conversations_held, sum(duration_ms) / 1000 AS handling_s FROM held GROUP BY ALL),
        spans AS (
            SELECT agent, local_day(started_at) AS day, epoch_us(started_at) AS since, epoch_us(ended_at) AS until
            FROM held WHERE duration_ms IS NOT NULL),
        -- Of each span what none that began before it covers: of all days, and of its own.
        new AS (
            SELECT agent, day, since, until,
                greatest(until - greatest(since, coalesce(reached, since)), 0) AS new_us,
                greatest(until - greatest(since, coalesce(reached_that_day, since)), 0) AS new_that_day_us
            FROM (SELECT *,
                    max(until) OVER (PARTITION BY agent ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
                    max(until) OVER (PARTITION BY agent, day ORDER BY since, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                        AS reached_that_day
                FROM spans)),
        busy AS (SELECT agent, sum(until - since) / nullif(sum(new_us), 0) AS concurrency FROM new GROUP BY ALL),
        present AS (
            SELECT agent, sum(busy_us) / nullif(sum(day_us), 0) AS occupancy_rate
            FROM (SELECT agent, day, sum(new_that_day_us) AS busy_us, max(until) - min(since) AS day_us FROM new GROUP BY ALL) GROUP BY ALL)
        SELECT agent, coalesce(replies, 0) AS replies, median_s, p90_s, frt_agent_median_s, coalesce(n_frt_agent, 0) AS n_frt_agent,
            coalesce(assigned_no_reply, 0) AS assigned_no_reply, coalesce(conversations_held, 0) AS conversations_held, handling_s, concurrency,
            occupancy_rate
        FROM replied FULL JOIN assigned USING (agent) FULL JOIN had USING (agent) LEFT JOIN busy USING (agent) LEFT JOIN present USING (agent)""",
    "summary": """
        SELECT *, (SELECT count(*) FROM events WHERE kind = 'message' AND (origin = 'live' OR sent_at IS NOT NULL) AND is_asked(occurred_at))
            AS messages
        FROM (SELECT nearest_rank(nrt_ms, 0.5) / 1000 AS median_wait_s, nearest_rank(nrt_ms, 0.9) / 1000 AS p90_wait_s, count(nrt_ms) AS replies
                FROM waits),
            (SELECT count(*) AS waiting_now, max(ms) / 1000 AS oldest_wait_s FROM open_waits),
            (SELECT nearest_rank(frt_total_ms, 0.5) / 1000 AS first_response_median_s, count(frt_total_ms) AS first_responses,
                count(DISTINCT conversation) FILTER (timed) AS conversations, avg((handoffs > 0)::INT) FILTER (bot_messages > 0 AND timed) AS handoff_rate FROM begun)""",
}
