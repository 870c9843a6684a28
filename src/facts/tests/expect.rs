//! Folds a timeline and compares its rows, as their columns show them, with what is expected.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;

use super::timeline::{duration_us, records};
use crate::facts::row::FactRow;
use crate::facts::{ConversationState, EpisodeRow, Facts, TurnRow, fold};
use crate::model::{Micros, Record, Rules};

/// Folds `timeline` and compares. `expect` has one line for each row, open ones included: `turn 1:
/// COLUMN=VALUE …` or `episode 1: …`. In values `#2` is the offset of the timeline's second line,
/// `@2` its time, `@2+24h` a day later; columns in `_ms` are written `3m` or `9h10m53s`. Columns not named may hold
/// anything.
///
/// Every timeline is also folded with a stop after each of its records: the stored state must lead
/// to the same rows.
pub(crate) fn check(timeline: &str, expect: &str) {
    check_with(&Rules::default(), timeline, expect);
}

/// [`check`] with settings of its own.
pub(crate) fn check_with(rules: &Rules, timeline: &str, expect: &str) {
    let records = records(timeline);
    let run = Run::of(&records, rules);
    let turns = TurnRow::batch(&run.turns().iter().collect::<Vec<_>>()).expect("turns");
    let episodes = EpisodeRow::batch(&run.episodes().iter().collect::<Vec<_>>()).expect("episodes");
    let lines: Vec<&str> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for (table, batch) in [("turn", &turns), ("episode", &episodes)] {
        let expected: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix(table)).collect();
        assert_eq!(batch.num_rows(), expected.len(), "{table} rows of\n{timeline}\nare {run:#?}");
        for (row, line) in expected.into_iter().enumerate() {
            check_row(table, batch, row, line.trim(), &records);
        }
    }
    check_every_stop(&records, rules, &run);
}

fn check_row(table: &str, batch: &RecordBatch, row: usize, line: &str, records: &[Record]) {
    let (number, pairs) = line.split_once(':').expect(line);
    assert_eq!(number, shown(batch, table, row), "number of {table} in row {row}");
    for pair in pairs.split_whitespace() {
        let (column, expected) = pair.split_once('=').expect(line);
        let got = shown(batch, column, row);
        assert_eq!(
            got,
            meant(column, expected, records),
            "{column} of {table} {number}, expected `{expected}`"
        );
    }
}

/// A cell as text: times in microseconds, everything else as arrow shows it, without spaces.
fn shown(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column `{column}`"));
    if array.is_null(row) {
        return "NULL".to_string();
    }
    match array.data_type() {
        DataType::Timestamp(_, _) => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).to_string()
        }
        _ => array_value_to_string(array, row).expect("shows").replace(' ', ""),
    }
}

fn meant(column: &str, expected: &str, records: &[Record]) -> String {
    let line = |number: &str| &records[number.parse::<usize>().expect(expected) - 1];
    if let Some(number) = expected.strip_prefix('#') {
        return line(number).offset.to_string();
    }
    if let Some(time) = expected.strip_prefix('@') {
        let (number, passed) = time.split_once('+').unwrap_or((time, "0s"));
        return Micros(line(number).occurred_at().0 + duration_us(passed)).0.to_string();
    }
    if column.ends_with("_ms") && expected != "NULL" {
        return (duration_us(expected) / 1_000).to_string();
    }
    expected.to_string()
}

/// What a fold came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) facts: Facts,
    pub(crate) state: ConversationState,
}

impl Run {
    pub(crate) fn of(records: &[Record], rules: &Rules) -> Run {
        let mut run = Run { facts: Facts::default(), state: ConversationState::default() };
        run.go_on(records, rules);
        run
    }

    fn go_on(&mut self, records: &[Record], rules: &Rules) {
        for record in records {
            fold(&mut self.state, record, rules, &mut self.facts);
        }
    }

    /// Closed turns, then the open one.
    pub(crate) fn turns(&self) -> Vec<TurnRow> {
        self.facts.turns.iter().cloned().chain(self.state.open_turn("shop", "c")).collect()
    }

    /// Closed episodes, then the open one.
    pub(crate) fn episodes(&self) -> Vec<EpisodeRow> {
        self.facts.episodes.iter().cloned().chain(self.state.open_episode("shop", "c")).collect()
    }
}

/// Stops after each record, stores the state, reads it again, and goes on: nothing may differ from
/// the straight run.
pub(crate) fn check_every_stop(records: &[Record], rules: &Rules, straight: &Run) {
    for stop in 0..records.len() {
        let mut run = Run::of(&records[..stop], rules);
        let stored = serde_json::to_string(&run.state).expect("state serializes");
        run.state = serde_json::from_str(&stored).expect("state deserializes");
        run.go_on(&records[stop..], rules);
        assert_eq!(&run, straight, "after a stop at record {stop}");
    }
}
