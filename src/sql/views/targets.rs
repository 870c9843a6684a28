//! One row per wait or episode that was due at a time, with what became of that.

use super::Meaning::Own;
use super::View;

pub(super) const VIEW: View = View {
    name: "targets",
    sql: r#"
SELECT
    * EXCLUDE (unknown),
    CASE
        WHEN unknown IS NOT NULL THEN unknown
        WHEN ended_at IS NULL AND now() < due_at THEN 'pending'
        WHEN ended_at IS NULL OR ended_at > due_at THEN 'breached'
        WHEN answered THEN NULL
        WHEN ended_at = due_at THEN 'breached'
        ELSE 'cancelled'
    END AS left_out
FROM (
    SELECT
        shop, conversation, episode, sla_target AS target, waiting_since AS at,
        waiting_offset AS at_offset, due_at, ended_at, outcome IN ('replied', 'bot') AS answered,
        agent, team, channel, language, origin, nrt_ms AS value,
        CASE WHEN excluded IN ('untimed', 'clock_backwards') THEN excluded END AS unknown
    FROM turns
    WHERE due_at IS NOT NULL
    UNION ALL
    SELECT
        shop, conversation, episode, 'resolution' AS target, started_at AS at,
        started_offset AS at_offset, resolution_due_at AS due_at, ended_at,
        ended_by IS NOT DISTINCT FROM 'resolve' AS answered,
        agent, team, channel, language, origin, episode_resolution_ms AS value,
        CASE WHEN ended_by = 'resolve' AND episode_resolution_ms IS NULL THEN
            CASE WHEN timed AND ended_at < started_at THEN 'clock_backwards' ELSE 'untimed' END
        END AS unknown
    FROM episodes
    WHERE resolution_due_at IS NOT NULL
)
"#,
    columns: &[
        ("shop", Own("the tenant")),
        ("conversation", Own("the conversation it is part of")),
        ("episode", Own("number of the episode")),
        ("target", Own("first_reply, next_reply, or resolution")),
        ("at", Own("when the wait or the episode began")),
        ("at_offset", Own("offset of what began it")),
        (
            "due_at",
            Own("when the answer or the resolve was due, by the policy in force at the beginning"),
        ),
        ("ended_at", Own("when the wait or the episode ended; NULL while open")),
        ("answered", Own("whether it ended as it should: by an answer, by a resolve")),
        ("agent", Own("whose it was")),
        ("team", Own("the team of that agent")),
        ("channel", Own("the conversation's channel, as last told")),
        ("language", Own("the conversation's language, as last told")),
        ("origin", Own("live chat, or an imported transcript")),
        ("value", Own("milliseconds that it took")),
        (
            "left_out",
            Own(
                "why it is not met: breached, cancelled, pending; untimed or clock_backwards where nobody can say; NULL where it is",
            ),
        ),
    ],
};
