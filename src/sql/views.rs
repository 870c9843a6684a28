//! The tables of one shop. The shop is a filter inside each view, below anything a query can say.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::prelude::{SessionContext, col, lit};

use super::tables::FilesAndTail;

/// One row per message as last edited, retractions marked. An edit of an edited message names the
/// first id.
const MESSAGES: &str = r#"
SELECT
    m.shop, m.conversation, m.id, m."offset", m.seq, m.occurred_at, m.received_at, m.origin,
    m.sender_id, m.sender_role, m.sender_name,
    CASE WHEN e.edits IS NULL THEN m.text ELSE e.text END AS text,
    m.text AS original_text,
    coalesce(e.edits, 0) AS edits,
    e.edited_at,
    r.retracted_at IS NOT NULL AS retracted,
    r.retracted_at,
    r.retracted_by,
    m.attachments, m.reply_to, m.visibility, m.automatic, m.leaf
FROM events m
LEFT JOIN (
    SELECT conversation, target, count(*) AS edits,
        last_value(text ORDER BY "offset") AS text, max(occurred_at) AS edited_at
    FROM events WHERE kind = 'edit' GROUP BY conversation, target
) e ON e.conversation = m.conversation AND e.target = m.id
LEFT JOIN (
    SELECT conversation, target, min(occurred_at) AS retracted_at,
        first_value(sender_id ORDER BY "offset") AS retracted_by
    FROM events WHERE kind = 'retract' GROUP BY conversation, target
) r ON r.conversation = m.conversation AND r.target = m.id
WHERE m.kind = 'message'
"#;

/// One row per category that stands on a conversation now; each is counted at its last tag.
const CATEGORIES: &str = r#"
SELECT conversation, category, tagged_at, tagged_by
FROM (
    SELECT conversation, category,
        max("offset") FILTER (WHERE kind = 'tag') AS tagged,
        max("offset") FILTER (WHERE kind = 'untag') AS untagged,
        last_value(occurred_at ORDER BY "offset") FILTER (WHERE kind = 'tag') AS tagged_at,
        last_value(sender_id ORDER BY "offset") FILTER (WHERE kind = 'tag') AS tagged_by
    FROM events
    WHERE kind IN ('tag', 'untag')
    GROUP BY conversation, category
)
WHERE tagged > coalesce(untagged, -1)
"#;

/// One row per conversation.
const CONVERSATIONS: &str = r#"
SELECT
    c.*,
    coalesce(e.episodes, 0) AS episodes,
    CASE WHEN e.ended_at IS NULL THEN 'open' ELSE e.ended_by END AS status,
    coalesce(e.reopenings, 0) AS reopenings,
    coalesce(e.handoffs, 0) AS handoffs
FROM (
    SELECT
        shop, conversation,
        min(occurred_at) AS started_at,
        max(occurred_at) AS last_at,
        count(*) AS events,
        count(*) FILTER (WHERE kind = 'message') AS messages,
        first_value(sender_id ORDER BY "offset") FILTER (WHERE sender_role = 'customer') AS customer,
        last_value("order" ORDER BY "offset") FILTER (WHERE "order" IS NOT NULL) AS "order",
        last_value(channel ORDER BY "offset") FILTER (WHERE channel IS NOT NULL) AS channel,
        last_value(language ORDER BY "offset") FILTER (WHERE language IS NOT NULL) AS language,
        last_value(rating ORDER BY "offset") FILTER (WHERE kind = 'rate') AS rating
    FROM events
    GROUP BY shop, conversation
) c
LEFT JOIN (
    SELECT conversation, count(*) AS episodes,
        last_value(ended_at ORDER BY episode) AS ended_at,
        last_value(ended_by ORDER BY episode) AS ended_by,
        count(*) FILTER (WHERE reopened) AS reopenings,
        sum(handoffs) AS handoffs
    FROM episodes GROUP BY conversation
) e ON e.conversation = c.conversation
"#;

/// The tables, each with one line on what a row is. Their order is the order of registration: views
/// come after what they are made of.
pub const TABLES: &[(&str, &str)] = &[
    ("events", "one row per record, as received"),
    ("turns", "one row per wait of a customer"),
    ("episodes", "one row per stretch from open or reopen to resolve"),
    ("messages", "one row per message, as last edited, retractions marked"),
    ("categories", "one row per category that stands on a conversation"),
    ("conversations", "one row per conversation"),
];

/// Makes a shop's tables known to a session.
pub async fn register(
    context: &SessionContext,
    shop: &str,
    stored: Vec<(&str, FilesAndTail)>,
) -> Result<()> {
    for (name, table) in stored {
        let of_shop = context.read_table(Arc::new(table))?.filter(col("shop").eq(lit(shop)))?;
        context.register_table(name, of_shop.into_view())?;
    }
    for (name, sql) in
        [("messages", MESSAGES), ("categories", CATEGORIES), ("conversations", CONVERSATIONS)]
    {
        let view = context.sql(sql).await?.into_view();
        context.register_table(name, view)?;
    }
    Ok(())
}
