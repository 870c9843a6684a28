//! One row per episode of a customer who is known.

use super::Meaning::Of;
use super::View;

pub(super) const VIEW: View = View {
    name: "contacts",
    sql: r#"
SELECT shop, customer, conversation, episode, started_at, timed
FROM episodes
WHERE customer IS NOT NULL
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("customer", Of("episodes")),
        ("conversation", Of("episodes")),
        ("episode", Of("episodes")),
        ("started_at", Of("episodes")),
        ("timed", Of("episodes")),
    ],
};
