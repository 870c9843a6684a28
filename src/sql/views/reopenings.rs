//! One row per reopening, with how long after the resolve it came. Asked about, not counted: filters leave it whole.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "reopenings",
    sql: r#"
SELECT shop, conversation, episode - 1 AS episode, since_resolve_ms AS value
FROM episodes
WHERE reopened AND since_resolve_ms IS NOT NULL
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("conversation", Of("episodes")),
        ("episode", Own("number of the episode that was resolved before it")),
        ("value", Own("milliseconds from that resolve to the reopening: `since_resolve_ms`")),
    ],
};
