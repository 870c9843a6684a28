//! One row per wait, with what it counts as: `value` is how long it took a human to answer, and `left_out` why it
//! has none.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "waits",
    sql: r#"
SELECT
    shop, conversation, turn, episode, waiting_since AS at, waiting_offset AS at_offset,
    agent, team, channel, language, origin, started_by, outcome, customer_messages,
    replied_at, reply_offset, ended_at, sla_target, due_at,
    nrt_ms AS value, nrt_business_ms AS business_value,
    CASE
        WHEN nrt_ms IS NOT NULL THEN NULL
        WHEN excluded IS NOT NULL THEN excluded
        WHEN outcome = 'open' THEN 'pending'
        WHEN outcome = 'bot' THEN 'answered_by_bot'
        ELSE outcome
    END AS left_out
FROM turns
"#,
    columns: &[
        ("shop", Of("turns")),
        ("conversation", Of("turns")),
        ("turn", Of("turns")),
        ("episode", Of("turns")),
        ("at", Own("when the wait began: `waiting_since`")),
        ("at_offset", Own("offset of what began it")),
        ("agent", Of("turns")),
        ("team", Of("turns")),
        ("channel", Of("turns")),
        ("language", Of("turns")),
        ("origin", Of("turns")),
        ("started_by", Of("turns")),
        ("outcome", Of("turns")),
        ("customer_messages", Of("turns")),
        ("replied_at", Of("turns")),
        ("reply_offset", Of("turns")),
        ("ended_at", Of("turns")),
        ("sla_target", Of("turns")),
        ("due_at", Of("turns")),
        ("value", Own("milliseconds until a human answered")),
        ("business_value", Own("of them those in opening hours")),
        (
            "left_out",
            Own(
                "why there is no `value`: pending, abandoned, answered_by_bot, or as in `excluded`; NULL where there is one",
            ),
        ),
    ],
};
