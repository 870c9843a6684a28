//! One row per stretch in which an agent had a conversation, with how long it took until their first reply.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "assignments",
    sql: r#"
SELECT
    shop, conversation, episode, stint, coalesce(pending_since, started_at) AS at,
    started_offset AS at_offset, agent, team, channel, language, origin, outcome,
    started_at, ended_at, first_reply_at, first_reply_offset, messages, excluded,
    duration_ms, business_ms,
    frt_agent_ms AS value, frt_agent_business_ms AS business_value,
    CASE
        WHEN frt_agent_ms IS NOT NULL THEN NULL
        WHEN outcome = 'no_reply' THEN 'assigned_no_reply'
        WHEN excluded IS NOT NULL THEN excluded
        WHEN outcome = 'open' THEN 'pending'
        ELSE outcome
    END AS left_out
FROM stints
WHERE place = 'agent'
"#,
    columns: &[
        ("shop", Of("stints")),
        ("conversation", Of("stints")),
        ("episode", Of("stints")),
        ("stint", Of("stints")),
        ("at", Own("from when a first reply was owed; where none was, when the stint began")),
        ("at_offset", Own("offset of what began the stint")),
        ("agent", Of("stints")),
        ("team", Of("stints")),
        ("channel", Of("stints")),
        ("language", Of("stints")),
        ("origin", Of("stints")),
        ("outcome", Of("stints")),
        ("started_at", Of("stints")),
        ("ended_at", Of("stints")),
        ("first_reply_at", Of("stints")),
        ("first_reply_offset", Of("stints")),
        ("messages", Of("stints")),
        ("excluded", Of("stints")),
        ("duration_ms", Of("stints")),
        ("business_ms", Of("stints")),
        ("value", Own("milliseconds until the agent's first reply: `frt_agent_ms`")),
        ("business_value", Own("of them those in opening hours")),
        (
            "left_out",
            Own(
                "why there is no `value`: assigned_no_reply, nothing_owed, pending, paused, or as in `excluded`; NULL where there is one",
            ),
        ),
    ],
};
