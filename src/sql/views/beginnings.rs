//! One row per conversation that has an episode, with when its first one began. Asked about, not counted: filters leave it whole.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "beginnings",
    sql: r#"
SELECT shop, conversation, min(started_at) AS at, min(started_offset) AS at_offset
FROM episodes
WHERE timed
GROUP BY shop, conversation
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("conversation", Of("episodes")),
        ("at", Own("when its first episode began")),
        ("at_offset", Own("offset of what began that")),
    ],
};
