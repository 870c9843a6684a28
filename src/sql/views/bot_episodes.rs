//! One row per episode that a bot took part in, with what became of it. Those of transcripts without times are of no
//! day, and left out.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "bot_episodes",
    sql: r#"
SELECT
    shop, conversation, episode, started_at AS at, started_offset AS at_offset,
    agent, team, channel, language, origin, customer, ended_at, ended_by, handoffs, bot_messages,
    human_messages, unanswered, rating,
    CASE
        WHEN handoffs > 0 AND human_messages > 0 THEN 'handed_off_answered'
        WHEN human_messages > 0 THEN 'joined'
        WHEN ended_at IS NULL THEN 'pending'
        WHEN handoffs > 0 THEN 'handed_off_unanswered'
        ELSE 'contained'
    END AS fate,
    frt_bot_ms AS value
FROM episodes
WHERE bot_messages > 0 AND timed
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
        ("customer", Of("episodes")),
        ("ended_at", Of("episodes")),
        ("ended_by", Of("episodes")),
        ("handoffs", Of("episodes")),
        ("bot_messages", Of("episodes")),
        ("human_messages", Of("episodes")),
        ("unanswered", Of("episodes")),
        ("rating", Of("episodes")),
        (
            "fate",
            Own(
                "handed_off_answered, handed_off_unanswered, joined (a human spoke without a handoff), contained, pending",
            ),
        ),
        ("value", Own("milliseconds until the bot's first message: `frt_bot_ms`")),
    ],
};
