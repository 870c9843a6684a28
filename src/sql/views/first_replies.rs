//! One row per episode, with the first human reply in it; the credit is its sender's.

use super::Meaning::{Of, Own};
use super::View;

pub(super) const VIEW: View = View {
    name: "first_replies",
    sql: r#"
SELECT
    shop, conversation, episode, started_at AS at, started_offset AS at_offset, timed,
    coalesce(first_replier, agent) AS agent,
    CASE WHEN first_replier IS NULL THEN team ELSE first_replier_team END AS team,
    channel, language, origin, first_customer_at, first_human_at, first_bot_at, ended_at,
    frt_human_ms, frt_human_business_ms, frt_bot_ms, frt_bot_business_ms, frt_excluded,
    frt_total_ms AS value, frt_total_business_ms AS business_value,
    CASE
        WHEN frt_total_ms IS NOT NULL THEN NULL
        WHEN frt_excluded <> 'no_reply' THEN frt_excluded
        WHEN abandoned THEN 'abandoned'
        WHEN frt_excluded = 'no_reply' AND first_bot_at IS NOT NULL AND NOT unanswered
            THEN 'answered_by_bot'
        ELSE coalesce(frt_excluded, 'pending')
    END AS left_out
FROM episodes
"#,
    columns: &[
        ("shop", Of("episodes")),
        ("conversation", Of("episodes")),
        ("episode", Of("episodes")),
        ("at", Own("when the episode began")),
        ("at_offset", Own("offset of what began it")),
        ("timed", Of("episodes")),
        ("agent", Own("who sent the first reply; the agent of the episode where nobody did")),
        ("team", Own("the team of that agent")),
        ("channel", Of("episodes")),
        ("language", Of("episodes")),
        ("origin", Of("episodes")),
        ("first_customer_at", Of("episodes")),
        ("first_human_at", Of("episodes")),
        ("first_bot_at", Of("episodes")),
        ("ended_at", Of("episodes")),
        ("frt_human_ms", Of("episodes")),
        ("frt_human_business_ms", Of("episodes")),
        ("frt_bot_ms", Of("episodes")),
        ("frt_bot_business_ms", Of("episodes")),
        ("frt_excluded", Of("episodes")),
        (
            "value",
            Own(
                "milliseconds from the customer's first message to the first human reply: `frt_total_ms`",
            ),
        ),
        ("business_value", Own("of them those in opening hours")),
        (
            "left_out",
            Own(
                "why there is no `value`: pending, abandoned, answered_by_bot, no_customer, no_reply, or as in `frt_excluded`; NULL where there is one",
            ),
        ),
    ],
};
