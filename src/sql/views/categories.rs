//! One row per category that stands on a conversation now; each is counted at its last tag. What people say wins: a
//! category that a model gave is shown only where no person's stands on the conversation, and a person takes it off,
//! while a model takes off nothing but a model's.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "categories",
    sql: r#"
SELECT conversation, category, tagged_at, tagged_by, automatic, model, probability
FROM (
    SELECT conversation, category, automatic, tagged, tagged_at, tagged_by, model, probability, taken_off,
        bool_or(NOT automatic AND tagged > taken_off) OVER (PARTITION BY conversation) AS is_known
    FROM (
        SELECT conversation, category, automatic,
            coalesce(max("offset") FILTER (WHERE tagged), -1) AS tagged,
            last_value(occurred_at ORDER BY "offset") FILTER (WHERE tagged) AS tagged_at,
            last_value(sender_id ORDER BY "offset") FILTER (WHERE tagged) AS tagged_by,
            last_value(model ORDER BY "offset") FILTER (WHERE tagged) AS model,
            last_value(probability ORDER BY "offset") FILTER (WHERE tagged) AS probability,
            coalesce(max("offset") FILTER (WHERE NOT tagged), -1) AS taken_off
        FROM (
            SELECT conversation, category, automatic, tagged, "offset", occurred_at, sender_id, model, probability
            FROM tags
            UNION ALL
            SELECT conversation, category, true, false, "offset", occurred_at, sender_id, NULL, NULL
            FROM tags WHERE NOT automatic AND NOT tagged
        )
        GROUP BY conversation, category, automatic
    )
)
WHERE tagged > taken_off AND (NOT automatic OR NOT is_known)
"#,
    columns: &[
        ("conversation", Of("tags")),
        ("category", Of("tags")),
        ("tagged_at", Own("when it was last put on the conversation")),
        ("tagged_by", Own("who put it on last")),
        ("automatic", Of("tags")),
        ("model", Of("tags")),
        ("probability", Of("tags")),
    ],
};
