//! One row per category that stands on a conversation now; each is counted at its last tag. What people say wins: a
//! category that a model gave is shown only where no person's stands on the conversation, and a person takes it off,
//! while a model takes off nothing but a model's.
//!
//! People's and models' stand apart, so that the first, which are most, are summed up once; people's tags are looked
//! at again only where a model tagged.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "categories",
    sql: r#"
SELECT conversation, category, tagged_at, tagged_by,
    false AS automatic, CAST(NULL AS VARCHAR) AS model, CAST(NULL AS DOUBLE) AS probability
FROM (
    SELECT conversation, category,
        max("offset") FILTER (WHERE tagged) AS tagged,
        last_value(occurred_at ORDER BY "offset") FILTER (WHERE tagged) AS tagged_at,
        last_value(sender_id ORDER BY "offset") FILTER (WHERE tagged) AS tagged_by,
        coalesce(max("offset") FILTER (WHERE NOT tagged), -1) AS taken_off
    FROM tags
    WHERE NOT automatic
    GROUP BY conversation, category
)
WHERE tagged > taken_off
UNION ALL
SELECT conversation, category, tagged_at, tagged_by, true, model, probability
FROM (
    SELECT conversation, category,
        max("offset") FILTER (WHERE tagged) AS tagged,
        last_value(occurred_at ORDER BY "offset") FILTER (WHERE tagged) AS tagged_at,
        last_value(sender_id ORDER BY "offset") FILTER (WHERE tagged) AS tagged_by,
        last_value(model ORDER BY "offset") FILTER (WHERE tagged) AS model,
        last_value(probability ORDER BY "offset") FILTER (WHERE tagged) AS probability,
        coalesce(max("offset") FILTER (WHERE NOT tagged), -1) AS taken_off
    FROM (
        SELECT conversation, category, tagged, "offset", occurred_at, sender_id, model, probability
        FROM tags WHERE automatic
        UNION ALL
        SELECT conversation, category, false, "offset", occurred_at, sender_id, NULL, NULL
        FROM tags WHERE NOT automatic AND NOT tagged
    )
    GROUP BY conversation, category
) AS given
WHERE tagged > taken_off AND NOT EXISTS (
    SELECT 1
    FROM (
        SELECT by_people.conversation,
            max("offset") FILTER (WHERE tagged) AS tagged,
            coalesce(max("offset") FILTER (WHERE NOT tagged), -1) AS taken_off
        FROM (SELECT DISTINCT conversation FROM tags WHERE automatic) AS by_model
        JOIN tags AS by_people ON by_people.conversation = by_model.conversation
        WHERE NOT by_people.automatic
        GROUP BY by_people.conversation, by_people.category
    ) AS known
    WHERE known.tagged > known.taken_off AND known.conversation = given.conversation
)
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
