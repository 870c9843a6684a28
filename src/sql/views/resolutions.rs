//! One row per episode, with how long it took until it was resolved.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "resolutions",
    sql: r#"
SELECT
    shop, conversation, episode, started_at AS at, started_offset AS at_offset,
    agent, team, channel, language, origin, ended_at, ended_by, resolved_by, resolver_role,
    close_gap_ms, close_gap_business_ms,
    resolution_human_ms AS human_value, resolution_human_business_ms AS human_business_value,
    episode_resolution_ms AS value, episode_resolution_business_ms AS business_value,
    CASE
        WHEN episode_resolution_ms IS NOT NULL THEN NULL
        WHEN ended_at IS NULL THEN 'pending'
        WHEN abandoned THEN 'abandoned'
        WHEN ended_by = 'idle' THEN 'idle'
        WHEN timed AND ended_at < started_at THEN 'clock_backwards'
        ELSE 'untimed'
    END AS left_out
FROM episodes
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("conversation", Of("episodes")),
        ("episode", Of("episodes")),
        ("at", Own("when the episode began")),
        ("at_offset", Own("offset of what began it")),
        ("agent", Of("episodes")),
        ("team", Of("episodes")),
        ("channel", Of("episodes")),
        ("language", Of("episodes")),
        ("origin", Of("episodes")),
        ("ended_at", Of("episodes")),
        ("ended_by", Of("episodes")),
        ("resolved_by", Of("episodes")),
        ("resolver_role", Of("episodes")),
        ("close_gap_ms", Of("episodes")),
        ("close_gap_business_ms", Of("episodes")),
        ("human_value", Own("milliseconds of humans: `resolution_human_ms`")),
        ("human_business_value", Own("of them those in opening hours")),
        ("value", Own("milliseconds from its beginning to the resolve: `episode_resolution_ms`")),
        ("business_value", Own("of them those in opening hours")),
        (
            "left_out",
            Own(
                "why there is no `value`: pending, abandoned, idle, clock_backwards, untimed; NULL where there is one",
            ),
        ),
    ],
};
