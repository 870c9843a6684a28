//! The tables of one shop, and the views over them.

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

/// One row per message as last edited, retractions marked. What was changed is few and stands on the
/// left, where a join builds its table; the messages stream by, and what a question says of them
/// reaches their scan.
const MESSAGES: &str = r#"
SELECT
    m.shop, m.conversation, m.id, m."offset", m.seq, m.occurred_at, m.received_at, m.origin,
    m.sender_id, m.sender_role, m.sender_name,
    CASE WHEN c.edits > 0 THEN c.text ELSE m.text END AS text,
    m.text AS original_text,
    coalesce(c.edits, 0) AS edits,
    c.edited_at,
    c.retracted_at IS NOT NULL AS retracted,
    c.retracted_at,
    c.retracted_by,
    m.attachments, m.reply_to, m.visibility, m.automatic, m.leaf, m.erased_at
FROM (
    SELECT conversation, message,
        count(*) FILTER (WHERE kind = 'edit') AS edits,
        last_value(text ORDER BY "offset") FILTER (WHERE kind = 'edit') AS text,
        max(occurred_at) FILTER (WHERE kind = 'edit') AS edited_at,
        min(occurred_at) FILTER (WHERE kind = 'retract') AS retracted_at,
        first_value(sender_id ORDER BY "offset") FILTER (WHERE kind = 'retract') AS retracted_by
    FROM changes GROUP BY conversation, message
) c
RIGHT JOIN events m ON c.conversation = m.conversation AND c.message = m.id
WHERE m.kind = 'message'
"#;

/// One row per category that stands on a conversation now; each is counted at its last tag.
const CATEGORIES: &str = r#"
SELECT conversation, category, tagged_at, tagged_by
FROM (
    SELECT conversation, category,
        max("offset") FILTER (WHERE tagged) AS tagged,
        max("offset") FILTER (WHERE NOT tagged) AS untagged,
        last_value(occurred_at ORDER BY "offset") FILTER (WHERE tagged) AS tagged_at,
        last_value(sender_id ORDER BY "offset") FILTER (WHERE tagged) AS tagged_by
    FROM tags
    GROUP BY conversation, category
)
WHERE tagged > coalesce(untagged, -1)
"#;

/// One row per conversation: its episodes and what lay outside of them. Customer, order, channel and
/// language are on each row as known with it, so the last one has them; the customer never changes.
/// Holds, releases and erasures are counted as events, and move no time: they come when a chat is over.
const CONVERSATIONS: &str = r#"
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
        CASE WHEN kind NOT IN ('hold', 'release', 'erase') THEN occurred_at END AS earliest_at,
        CASE WHEN kind NOT IN ('hold', 'release', 'erase') THEN occurred_at END AS latest_at,
        1 AS events, CASE WHEN kind = 'message' THEN 1 ELSE 0 END AS messages, customer, "order",
        channel, language, rating, NULL AS episode, NULL AS ended_by, false AS reopened, 0 AS handoffs
    FROM strays
)
GROUP BY shop, conversation
"#;

/// The tables, each with one line on what a row is. Their order is the order of registration: views
/// come after what they are made of.
pub const TABLES: &[(&str, &str)] = &[
    ("events", "one row per record, as received"),
    ("turns", "one row per wait of a customer"),
    ("episodes", "one row per stretch from open or reopen to resolve"),
    ("changes", "one row per edit or retraction of a message"),
    ("tags", "one row per tag put on a conversation or taken off"),
    ("strays", "one row per record outside every episode"),
    ("messages", "one row per message, as last edited, retractions marked"),
    ("categories", "one row per category that stands on a conversation"),
    ("conversations", "one row per conversation"),
];

/// Makes the views known to a session that knows the tables they are made of.
pub(super) async fn register(context: &SessionContext) -> Result<()> {
    for (name, sql) in
        [("messages", MESSAGES), ("categories", CATEGORIES), ("conversations", CONVERSATIONS)]
    {
        let view = context.sql(sql).await?.into_view();
        context.register_table(name, view)?;
    }
    Ok(())
}
