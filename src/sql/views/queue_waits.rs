//! One row per stay in the queue, with how long it took until somebody had the conversation.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "queue_waits",
    sql: r#"
SELECT
    shop, conversation, episode, stint, started_at AS at, started_offset AS at_offset,
    agent, team, channel, language, origin, outcome, ended_at, ended_by,
    CASE WHEN outcome IN ('assigned', 'answered') THEN duration_ms END AS value,
    CASE WHEN outcome IN ('assigned', 'answered') THEN business_ms END AS business_value,
    CASE
        WHEN outcome IN ('assigned', 'answered') AND duration_ms IS NOT NULL THEN NULL
        WHEN excluded IS NOT NULL THEN excluded
        WHEN outcome = 'open' THEN 'pending'
        ELSE outcome
    END AS left_out
FROM stints
WHERE place = 'queue'
"#,
    columns: &[
        ("shop", Of("stints")),
        ("conversation", Of("stints")),
        ("episode", Of("stints")),
        ("stint", Of("stints")),
        ("at", Own("when it came into the queue")),
        ("at_offset", Own("offset of what brought it there")),
        ("agent", Of("stints")),
        ("team", Of("stints")),
        ("channel", Of("stints")),
        ("language", Of("stints")),
        ("origin", Of("stints")),
        ("outcome", Of("stints")),
        ("ended_at", Of("stints")),
        ("ended_by", Of("stints")),
        ("value", Own("milliseconds until somebody had it")),
        ("business_value", Own("of them those in opening hours")),
        (
            "left_out",
            Own(
                "why there is no `value`: pending, abandoned, resolved, paused, or as in `excluded`; NULL where there is one",
            ),
        ),
    ],
};
