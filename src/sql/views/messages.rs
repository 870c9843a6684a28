//! One row per message as last edited, retractions marked. What was changed is few and stands on the
//! left, where a join builds its table; the messages stream by, and what a question says of them
//! reaches their scan.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "messages",
    sql: r#"
SELECT
    m.shop, m.conversation, m.id, m."offset", m.seq, m.occurred_at, m.received_at, m.origin,
    m.origin = 'live' OR m.sent_at IS NOT NULL AS timed,
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
"#,
    columns: &[
        ("shop", Of("events")),
        ("conversation", Of("events")),
        ("id", Own("id of the message, unique in its conversation")),
        (
            "offset",
            Own("offset of the message as it was first sent; edits have their own, in `changes`"),
        ),
        ("seq", Of("events")),
        ("occurred_at", Own("when it was first sent")),
        ("received_at", Of("events")),
        ("origin", Of("events")),
        (
            "timed",
            Own(
                "false: it is of a transcript without times, so occurred_at is when that was imported",
            ),
        ),
        ("sender_id", Own("who wrote it")),
        ("sender_role", Own("as what: customer, human, bot, system")),
        ("sender_name", Own("the sender's name, where it was told")),
        (
            "text",
            Own("the text as last edited; a retracted message keeps its own, see `retracted`"),
        ),
        ("original_text", Own("the text as first sent")),
        ("edits", Own("how often it was edited")),
        ("edited_at", Own("when it was last edited; NULL where it never was")),
        ("retracted", Own("whether it was retracted")),
        ("retracted_at", Own("when it was first retracted; NULL where it never was")),
        ("retracted_by", Own("who retracted it first; NULL where nobody did")),
        ("attachments", Of("events")),
        ("reply_to", Of("events")),
        ("visibility", Of("events")),
        ("automatic", Of("events")),
        ("leaf", Of("events")),
        ("erased_at", Of("events")),
    ],
};
