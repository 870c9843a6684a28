//! Folds a timeline and compares its rows, as their columns show them, with what is expected.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use serde_json::Value;

use super::timeline::{duration_us, records};
use crate::facts::row::FactRow;
use crate::facts::whose::Whose;
use crate::facts::{ConversationState, EpisodeRow, Facts, StintRow, TurnRow, fold};
use crate::model::{Micros, Record, Rules, RulesChange};

/// Folds `timeline` and compares. `expect` has one line for each row, open ones included: `turn 1:
/// COLUMN=VALUE …`, `episode 1: …`, and where they are asked about `stint 1: …` and `rating 1: …`. In values `#2` is the offset of the timeline's second line,
/// `@2` its time, `@2+24h` a day later; columns in `_ms` are written `3m` or `9h10m53s`. Columns not named may hold
/// anything.
///
/// Every timeline is also folded with a stop after each of its records: the stored state must lead
/// to the same rows.
pub(crate) fn check(timeline: &str, expect: &str) {
    check_decided(&Decided::default(), timeline, expect);
}

/// [`check`] by what a shop has decided: data of a record of kind `rules`.
pub(crate) fn check_with(rules: &Value, timeline: &str, expect: &str) {
    check_decided(&Decided::default().then(1, rules), timeline, expect);
}

/// [`check`] by rules that change under way.
pub(crate) fn check_decided(decided: &Decided, timeline: &str, expect: &str) {
    let records = records(timeline);
    let run = Run::of(&records, decided);
    let rules = decided.now();
    let tables = [
        ("turn", batch_of(&run.turns(rules))),
        ("episode", batch_of(&run.episodes(rules))),
        ("stint", batch_of(&run.stints(rules))),
        ("rating", batch_of(&run.facts.ratings)),
    ];
    let lines: Vec<&str> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for (table, batch) in &tables {
        let expected: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix(table)).collect();
        // Most timelines are not about these.
        if expected.is_empty() && ["stint", "rating"].contains(table) {
            continue;
        }
        assert_eq!(batch.num_rows(), expected.len(), "{table} rows of\n{timeline}\nare {run:#?}");
        for (row, line) in expected.into_iter().enumerate() {
            check_row(table, batch, row, line.trim(), &records);
        }
    }
    check_every_stop(&records, decided, &run);
}

/// The rules of a shop, as they change in the course of a timeline.
#[derive(Default)]
pub(crate) struct Decided {
    /// By the number of the line from which they hold.
    versions: Vec<(u32, Rules)>,
    before: Rules,
}

impl Decided {
    /// With another version, made before the timeline's line of that number.
    pub(crate) fn then(mut self, line: u32, change: &Value) -> Decided {
        let change = RulesChange::parse(&change.to_string()).expect("rules");
        let rules = self.now().with(&change);
        self.versions.push((line, rules));
        self
    }

    /// What held when a record came.
    fn at(&self, record: &Record) -> &Rules {
        let held = self.versions.iter().rev().find(|(line, _)| *line <= record.seq.0);
        held.map_or(&self.before, |(_, rules)| rules)
    }

    pub(crate) fn now(&self) -> &Rules {
        self.versions.last().map_or(&self.before, |(_, rules)| rules)
    }
}

fn check_row(table: &str, batch: &RecordBatch, row: usize, line: &str, records: &[Record]) {
    let (number, pairs) = line.split_once(':').expect(line);
    // Ratings have no numbers of their own.
    let of_row = if table == "rating" { (row + 1).to_string() } else { shown(batch, table, row) };
    assert_eq!(number, of_row, "number of {table} in row {row}");
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

fn batch_of<R: FactRow>(rows: &[R]) -> RecordBatch {
    R::batch(&rows.iter().collect::<Vec<_>>()).expect("a batch")
}

/// The conversation of all timelines.
pub(crate) fn whose(rules: &Rules) -> Whose<'_> {
    Whose { shop: "shop", conversation: "c", rules }
}

/// What a fold came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) facts: Facts,
    pub(crate) state: ConversationState,
}

impl Run {
    pub(crate) fn of(records: &[Record], decided: &Decided) -> Run {
        let mut run = Run { facts: Facts::default(), state: ConversationState::default() };
        run.go_on(records, decided);
        run
    }

    fn go_on(&mut self, records: &[Record], decided: &Decided) {
        for record in records {
            fold(&mut self.state, record, decided.at(record), &mut self.facts);
        }
    }

    /// Closed turns, then the open one.
    pub(crate) fn turns(&self, rules: &Rules) -> Vec<TurnRow> {
        self.facts.turns.iter().cloned().chain(self.state.open_turn(&whose(rules))).collect()
    }

    /// Closed episodes, then the open one.
    pub(crate) fn episodes(&self, rules: &Rules) -> Vec<EpisodeRow> {
        self.facts.episodes.iter().cloned().chain(self.state.open_episode(&whose(rules))).collect()
    }

    /// Closed stints, then the open one.
    pub(crate) fn stints(&self, rules: &Rules) -> Vec<StintRow> {
        self.facts.stints.iter().cloned().chain(self.state.open_stint(&whose(rules))).collect()
    }
}

/// Stops after each record, stores the state, reads it again, and goes on: nothing may differ from
/// the straight run.
pub(crate) fn check_every_stop(records: &[Record], decided: &Decided, straight: &Run) {
    for stop in 0..records.len() {
        let mut run = Run::of(&records[..stop], decided);
        let stored = serde_json::to_string(&run.state).expect("state serializes");
        run.state = serde_json::from_str(&stored).expect("state deserializes");
        run.go_on(&records[stop..], decided);
        assert_eq!(&run, straight, "after a stop at record {stop}");
    }
}
