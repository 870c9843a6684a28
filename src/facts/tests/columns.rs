//! The tables as other tools see them.

use std::collections::HashSet;

use arrow::datatypes::SchemaRef;

use crate::facts::{
    EPISODE_COLUMNS, TURN_COLUMNS, episodes_batch, episodes_schema, turns_batch, turns_schema,
};

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
        replier utf8?, replier_assignee utf8?, reply_offset int64?, nrt_ms int64?, response_any_ms int64?, \
        handed_off boolean, excluded utf8?, closed_offset int64?, origin utf8, channel utf8?, language utf8?, \
        metric_version int32, schedule_version int32?";
    assert_eq!(described(&turns_schema()), expected);
}

#[test]
fn the_columns_of_episodes_stand() {
    let expected = "shop utf8, conversation utf8, episode int64, started_at timestamp, started_offset int64, \
        started_by utf8, first_customer_at timestamp?, first_human_at timestamp?, first_bot_at timestamp?, \
        frt_total_ms int64?, frt_human_ms int64?, frt_bot_ms int64?, frt_excluded utf8?, first_replier utf8?, \
        ended_at timestamp?, ended_by utf8?, resolved_by utf8?, resolver_role utf8?, episode_resolution_ms int64?, \
        customer_messages int64, human_messages int64, bot_messages int64, handoffs int64, transfers int64, \
        first_handoff_at timestamp?, reopened boolean, categories list, rating int32?, last_assignee utf8?, \
        customer utf8?, order utf8?, channel utf8?, language utf8?, origin utf8, closed_offset int64?, \
        metric_version int32, schedule_version int32?";
    assert_eq!(described(&episodes_schema()), expected);
}

#[test]
fn no_rows_are_an_empty_batch() {
    assert_eq!(turns_batch(&[]).expect("empty").schema(), turns_schema());
    assert_eq!(episodes_batch(&[]).expect("empty").schema(), episodes_schema());
}

#[test]
fn every_column_has_one_name_and_a_meaning() {
    let turns = TURN_COLUMNS.iter().map(|column| ("turns", column.name, column.meaning));
    let episodes = EPISODE_COLUMNS.iter().map(|column| ("episodes", column.name, column.meaning));
    let mut seen = HashSet::new();
    for (table, name, meaning) in turns.chain(episodes) {
        assert!(seen.insert((table, name)), "{table}.{name} twice");
        assert!(!meaning.is_empty(), "{table}.{name}");
    }
}
