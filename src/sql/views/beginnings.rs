//! One row per conversation that has an episode with a time, with when the first of those began. Asked about, not
//! counted: filters leave it whole.
//!
//! Nearly always that is the first episode, which says so itself: a range of times then reads the files of that range,
//! and nothing is summed up. Only of conversations that began without times, and went on with them, are all episodes
//! looked at: those stand on the left, where a join builds its table, and where there are none it reads no further.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "beginnings",
    sql: r#"
SELECT shop, conversation, started_at AS at, started_offset AS at_offset
FROM episodes
WHERE episode = 1 AND timed
UNION ALL
SELECT
    max(episodes.shop), untimed.conversation,
    first_value(episodes.started_at ORDER BY episodes.started_offset), min(episodes.started_offset)
FROM (SELECT conversation FROM episodes WHERE episode = 1 AND NOT timed) AS untimed
JOIN episodes ON episodes.conversation = untimed.conversation
WHERE episodes.timed
GROUP BY untimed.conversation
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("conversation", Of("episodes")),
        ("at", Own("when its first episode began")),
        ("at_offset", Own("offset of what began that")),
    ],
};
