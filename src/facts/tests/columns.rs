//! The tables as other tools see them.

use std::collections::HashSet;

use arrow::datatypes::SchemaRef;

use crate::facts::row::FactRow;
use crate::facts::{ChangeRow, EpisodeRow, RatingRow, StintRow, StrayRow, TagRow, TurnRow};

/// `name type`, with `?` where NULL may stand.
fn described(schema: &SchemaRef) -> String {
    let columns = schema.fields().iter().map(|field| {
        let data_type = field.data_type().to_string().to_lowercase();
        let data_type = data_type.split('(').next().unwrap_or_default();
        format!("{} {data_type}{}", field.name(), if field.is_nullable() { "?" } else { "" })
    });
    columns.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_columns_of_turns_stand() {
    let expected = "shop utf8, conversation utf8, turn int64, episode int64, started_by utf8, waiting_since timestamp, \
        waiting_offset int64, customer_messages int64, ended_at timestamp?, outcome utf8, replied_at timestamp?, \
        replier utf8?, replier_assignee utf8?, reply_offset int64?, nrt_ms int64?, nrt_business_ms int64?, response_any_ms int64?, response_any_business_ms int64?, \
        agent utf8?, team utf8?, sla_target utf8?, due_at timestamp?, handed_off boolean, excluded utf8?, closed_offset int64?, closed_at timestamp?, origin utf8, channel utf8?, language utf8?, \
        metric_version int32, rules_version int64, schedule_version int32?";
    assert_eq!(described(&TurnRow::schema()), expected);
}

#[test]
fn the_columns_of_episodes_stand() {
    let expected = "shop utf8, conversation utf8, episode int64, started_at timestamp, started_offset int64, \
        started_by utf8, timed boolean, first_customer_at timestamp?, first_human_at timestamp?, first_bot_at timestamp?, \
        frt_total_ms int64?, frt_total_business_ms int64?, frt_human_ms int64?, frt_human_business_ms int64?, \
        frt_bot_ms int64?, frt_bot_business_ms int64?, frt_excluded utf8?, first_replier utf8?, first_replier_team utf8?, \
        agent utf8?, team utf8?, \
        ended_at timestamp?, ended_by utf8?, resolved_by utf8?, resolver_role utf8?, episode_resolution_ms int64?, \
        episode_resolution_business_ms int64?, resolution_human_ms int64?, resolution_human_business_ms int64?, \
        close_gap_ms int64?, close_gap_business_ms int64?, resolution_due_at timestamp?, unanswered boolean, \
        abandoned boolean, events int64, messages int64, earliest_at timestamp, latest_at timestamp, \
        customer_messages int64, human_messages int64, bot_messages int64, handoffs int64, transfers int64, \
        first_handoff_at timestamp?, reopened boolean, since_resolve_ms int64?, categories list, rating int32?, last_assignee utf8?, \
        customer utf8?, order utf8?, channel utf8?, language utf8?, origin utf8, closed_offset int64?, closed_at timestamp?, \
        metric_version int32, rules_version int64, schedule_version int32?";
    assert_eq!(described(&EpisodeRow::schema()), expected);
}

#[test]
fn the_columns_of_what_became_of_messages_and_tags_stand() {
    let expected = "shop utf8, conversation utf8, message utf8, kind utf8, version int64, offset int64, \
        received_at timestamp, occurred_at timestamp, text utf8?, sender_id utf8, sender_role utf8";
    assert_eq!(described(&ChangeRow::schema()), expected);
    let expected = "shop utf8, conversation utf8, category utf8, tagged boolean, offset int64, \
        received_at timestamp, occurred_at timestamp, timed boolean, sender_id utf8, sender_role utf8, automatic boolean, \
        model utf8?, probability float64?";
    assert_eq!(described(&TagRow::schema()), expected);
    let expected = "shop utf8, conversation utf8, kind utf8, offset int64, received_at timestamp, \
        occurred_at timestamp, automatic boolean, rating int32?, customer utf8?, order utf8?, channel utf8?, \
        language utf8?";
    assert_eq!(described(&StrayRow::schema()), expected);
}

#[test]
fn the_columns_of_stints_and_ratings_stand() {
    let expected = "shop utf8, conversation utf8, episode int64, stint int64, place utf8, agent utf8?, team utf8?, \
        started_at timestamp, started_offset int64, started_by utf8, ended_at timestamp?, ended_by utf8?, \
        duration_ms int64?, business_ms int64?, pending_since timestamp?, first_reply_at timestamp?, \
        first_reply_offset int64?, frt_agent_ms int64?, frt_agent_business_ms int64?, outcome utf8?, messages int64, \
        excluded utf8?, origin utf8, channel utf8?, language utf8?, closed_offset int64?, closed_at timestamp?, \
        metric_version int32, rules_version int64, schedule_version int32?";
    assert_eq!(described(&StintRow::schema()), expected);
    let expected = "shop utf8, conversation utf8, episode int64?, kind utf8, offset int64, received_at timestamp, \
        occurred_at timestamp, rating int32?, requested_at timestamp?, requested_offset int64?, agent utf8?, team utf8?, channel utf8?, \
        language utf8?, customer utf8?";
    assert_eq!(described(&RatingRow::schema()), expected);
}

/// Names and meanings of a table's columns.
fn columns_of<R: FactRow>() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    R::COLUMNS.iter().map(|column| (R::TABLE, column.name, column.meaning))
}

#[test]
fn no_rows_are_an_empty_batch() {
    assert_eq!(TurnRow::batch(&[]).expect("empty").schema(), TurnRow::schema());
    assert_eq!(EpisodeRow::batch(&[]).expect("empty").schema(), EpisodeRow::schema());
}

#[test]
fn every_column_has_one_name_and_a_meaning() {
    let columns = columns_of::<TurnRow>().chain(columns_of::<EpisodeRow>());
    let columns = columns.chain(columns_of::<ChangeRow>()).chain(columns_of::<TagRow>());
    let columns = columns.chain(columns_of::<StintRow>()).chain(columns_of::<RatingRow>());
    let mut seen = HashSet::new();
    for (table, name, meaning) in columns.chain(columns_of::<StrayRow>()) {
        assert!(seen.insert((table, name)), "{table}.{name} twice");
        assert!(!meaning.is_empty(), "{table}.{name}");
    }
}
