//! One row per wait that goes on, with how long it has lasted.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "open_waits",
    sql: r#"
SELECT
    shop, conversation, turn, episode, waiting_since AS at, waiting_offset AS at_offset,
    agent, team, channel, language, customer_messages, sla_target, due_at,
    CASE WHEN excluded IS NULL THEN elapsed_ms(waiting_since, now()) END AS value,
    excluded AS left_out
FROM turns
WHERE outcome = 'open'
"#,
    columns: &[
        ("shop", Of("turns")),
        ("conversation", Of("turns")),
        ("turn", Of("turns")),
        ("episode", Of("turns")),
        ("at", Own("when the wait began")),
        ("at_offset", Own("offset of what began it")),
        ("agent", Of("turns")),
        ("team", Of("turns")),
        ("channel", Of("turns")),
        ("language", Of("turns")),
        ("customer_messages", Of("turns")),
        ("sla_target", Of("turns")),
        ("due_at", Of("turns")),
        ("value", Own("milliseconds that it has lasted; NULL where nobody knows since when")),
        ("left_out", Own("why there is no `value`: untimed")),
    ],
};
