//! One row per conversation: its episodes and what lay outside of them. Customer, order, channel and
//! language are on each row as known with it, so the last one has them; the customer never changes.
//! Holds, releases, erasures and automatic categories are counted as events, and move no time: they come when a chat
//! is over.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "conversations",
    sql: r#"
SELECT
    shop, conversation,
    min(earliest_at) AS started_at,
    max(latest_at) AS last_at,
    sum(events) AS events,
    sum(messages) AS messages,
    max(customer) AS customer,
    last_value("order" ORDER BY "offset") AS "order",
    last_value(channel ORDER BY "offset") AS channel,
    last_value(language ORDER BY "offset") AS language,
    last_value(rating ORDER BY "offset") FILTER (WHERE rating IS NOT NULL) AS rating,
    count(episode) AS episodes,
    CASE
        WHEN max(episode) IS NULL OR count(episode) > count(ended_by) THEN 'open'
        WHEN max(episode) = max(episode) FILTER (WHERE ended_by = 'idle') THEN 'idle'
        ELSE 'resolve'
    END AS status,
    count(*) FILTER (WHERE reopened) AS reopenings,
    sum(handoffs) AS handoffs
FROM (
    SELECT shop, conversation, started_offset AS "offset", earliest_at, latest_at, events,
        messages, customer, "order", channel, language, rating, episode, ended_by, reopened,
        handoffs
    FROM episodes
    UNION ALL
    SELECT shop, conversation, "offset",
        CASE WHEN kind NOT IN ('hold', 'release', 'erase') AND NOT (automatic AND kind IN ('tag', 'untag'))
            THEN occurred_at END AS earliest_at,
        CASE WHEN kind NOT IN ('hold', 'release', 'erase') AND NOT (automatic AND kind IN ('tag', 'untag'))
            THEN occurred_at END AS latest_at,
        1 AS events, CASE WHEN kind = 'message' THEN 1 ELSE 0 END AS messages, customer, "order",
        channel, language, rating, NULL AS episode, NULL AS ended_by, false AS reopened, 0 AS handoffs
    FROM strays
)
GROUP BY shop, conversation
"#,
    columns: &[
        ("shop", Of("events")),
        ("conversation", Own("the conversation's name")),
        ("started_at", Own("the earliest time in it")),
        ("last_at", Own("the latest time in it")),
        ("events", Own("records in it, of whatever kind")),
        ("messages", Own("messages in it, notes and automatic texts included")),
        ("customer", Of("episodes")),
        ("order", Of("episodes")),
        ("channel", Of("episodes")),
        ("language", Of("episodes")),
        ("rating", Own("the last rating given, 1 to 5; NULL where there is none")),
        ("episodes", Own("how many episodes it has, open ones included")),
        ("status", Own("open, or how its last episode ended: resolve, idle")),
        ("reopenings", Own("episodes that began after a resolve, or with a reopen")),
        ("handoffs", Own("handoffs in it, transfers included")),
    ],
};
