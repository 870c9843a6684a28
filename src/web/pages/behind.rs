//! The rows behind a figure, and what they say about it in words: how many are counted, which few of them decide it, how
//! much of their time lay in opening hours, what was left out and why.
//!
//! Invariant: it says nothing that the rows do not: every number in its sentences is counted from them.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono_tz::Tz;

use crate::model::Offset;
use crate::sql::{BUSINESS, Counted};
use crate::web::figures::{duration, thousands};
use crate::web::grid::{Grid, Value};
use crate::web::links::{address, page_of};
use crate::web::shown::Shown;
use crate::web::wording::Wording;

/// The share of all time that the longest rows have which are called out.
const MOST: f64 = 0.5;
/// More than this share of the rows are no few.
const FEW: f64 = 0.25;
/// Milliseconds are told as seconds.
const MS: f64 = 1_000.0;
/// Figures are rounded to milliseconds, and to a fraction more where they were averaged.
const SAME_MS: f64 = 1.0;

/// One row behind a figure.
pub(in crate::web) struct BehindRow {
    pub conversation: Shown,
    /// The transcript, at this very record.
    pub address: String,
    pub at: String,
    pub datetime: String,
    pub agent: Shown,
    pub agent_address: String,
    pub value: String,
    /// How much of it lay in opening hours, as its table has it.
    pub business: String,
    /// Why it is not counted; empty where it is.
    pub left_out: String,
    /// It has the very value that the figure has.
    pub is_figure: bool,
}

/// All rows behind a figure.
pub(in crate::web) struct Behind<'a> {
    grid: &'a Grid,
    figure: Option<&'a str>,
    counted: Counted<'a>,
    wording: &'a Wording,
    /// The figure itself, in milliseconds, where it is a time that one of the rows has.
    figure_ms: Option<f64>,
}

impl<'a> Behind<'a> {
    pub(in crate::web) fn of(
        grid: &'a Grid,
        figure: Option<&'a str>,
        wording: &'a Wording,
        figure_ms: Option<f64>,
    ) -> Behind<'a> {
        let left_out = |row: usize| text(grid, row, "left_out");
        let is_reason =
            |reason: &str| (0..grid.rows.len()).any(|row| left_out(row) == Some(reason));
        Behind { grid, figure, counted: Counted::of(figure, is_reason), wording, figure_ms }
    }

    pub(in crate::web) fn len(&self) -> usize {
        self.grid.rows.len()
    }

    /// How many rows are counted.
    pub(in crate::web) fn counted(&self) -> usize {
        (0..self.len()).filter(|row| self.is_counted(*row)).count()
    }

    /// Whether any row has a measured time.
    pub(in crate::web) fn has_values(&self) -> bool {
        (0..self.len()).any(|row| self.value(row).is_some())
    }

    pub(in crate::web) fn has_hours(&self) -> bool {
        (0..self.len()).any(|row| self.business_ms(row).is_some())
    }

    /// What is to be said of them, a sentence each. `what` is what a row is: `waits that began on Thu 19 Nov 2026`.
    pub(in crate::web) fn sentences(&self, what: &str) -> Vec<String> {
        let counted = i64::try_from(self.counted()).unwrap_or(i64::MAX);
        if self.grid.cut {
            // What can be counted of a part is true of nothing.
            return vec![format!("Counted: {} {what}, or more.", thousands(counted))];
        }
        if self.is_rate() {
            let all = i64::try_from(self.len()).unwrap_or(i64::MAX);
            let said = format!("Counted: {} of {} {what}.", thousands(counted), thousands(all));
            let others = self.listed().map(|listed| format!("The others: {listed}."));
            return std::iter::once(said).chain(others).collect();
        }
        let mut said = vec![format!("Counted: {} {what}.", thousands(counted))];
        said.extend(self.rank());
        // How long the rows of a count took says nothing of it.
        if self.figure.is_none() || self.figure_ms.is_some() {
            said.extend(self.longest());
        }
        said.extend(self.listed().map(|listed| format!("Left out: {listed}.")));
        said
    }

    /// Whether all rows are what the figure is a share of.
    fn is_rate(&self) -> bool {
        self.figure.is_some_and(|figure| figure.ends_with("_rate"))
    }

    /// Where the figure stands among the rows it counts.
    fn rank(&self) -> Option<String> {
        let figure = self.figure_ms?;
        let values = self.values();
        let longer = values.iter().filter(|value| **value > figure + SAME_MS).count();
        let has_it = values.iter().any(|value| (value - figure).abs() <= SAME_MS);
        let no_longer = values.len() - longer;
        has_it.then(|| {
            format!(
                "One of them took just as long as the figure says; {} of {} took no longer, {longer} longer.",
                no_longer,
                values.len()
            )
        })
    }

    /// The few longest that have most of the time, and how much of theirs lay in opening hours.
    fn longest(&self) -> Option<String> {
        let values = self.values();
        let total: f64 = values.iter().sum();
        let mut sum = 0.0;
        let count = 1 + values.iter().position(|value| {
            sum += value;
            sum >= total * MOST
        })?;
        if total <= 0.0 || count as f64 > (values.len() as f64 * FEW).max(2.0) || values.len() < 2 {
            return None;
        }
        let first: Vec<String> =
            values.iter().take(count.min(3)).map(|value| duration(value / MS)).collect();
        let more = if count > first.len() { ", …" } else { "" };
        let (of_them, have) = match count {
            1 => ("The longest of them".to_string(), "has"),
            count => (format!("The longest {count} of them"), "have"),
        };
        let share = sum / total * 100.0;
        let said =
            format!("{of_them} ({}{more}) {have} {share:.0} % of all the time.", first.join(", "));
        Some(format!("{said}{}", self.in_hours(count, sum).unwrap_or_default()))
    }

    fn in_hours(&self, count: usize, sum: f64) -> Option<String> {
        let rows: Vec<usize> =
            (0..self.len()).filter(|row| self.is_counted(*row)).take(count).collect();
        let open = rows.iter().map(|row| self.business_ms(*row)).sum::<Option<f64>>()?;
        let whose = if count == 1 { "its" } else { "their" };
        let (sum_words, open_words) = (duration(sum / MS), duration(open / MS));
        (open < sum - SAME_MS)
            .then(|| format!(" Of {whose} {sum_words} only {open_words} lay in opening hours."))
    }

    /// What is not counted, and why.
    fn listed(&self) -> Option<String> {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for row in (0..self.len()).filter(|row| !self.is_counted(*row)) {
            if let Some(reason) = self.reason(row) {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let kept = (0..self.len())
            .filter(|row| !self.is_counted(*row) && self.left_out_as(*row).is_none())
            .count();
        let total = reasons.values().sum::<usize>() + kept;
        let mut listed: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if kept > 0 {
            listed.push(format!("{kept} that other figures count"));
        }
        (total > 0).then(|| listed.join(", "))
    }

    /// The rows from `first` on.
    pub(in crate::web) fn rows(&self, first: usize, count: usize) -> Vec<BehindRow> {
        (first..self.len()).take(count).map(|row| self.row(row)).collect()
    }

    fn row(&self, row: usize) -> BehindRow {
        let text = |column: &str| text(self.grid, row, column).unwrap_or_default();
        let (conversation, agent) = (text("conversation"), text("agent"));
        let at = self.at(row);
        let value = self.value(row);
        let is_figure = self.is_counted(row)
            && self
                .figure_ms
                .zip(value)
                .is_some_and(|(figure, value)| (figure - value).abs() <= SAME_MS);
        BehindRow {
            address: address(conversation, self.offset(row)),
            conversation: Shown::plain(conversation),
            at: at.map_or_else(
                || "–".to_string(),
                |at| at.format("%a %-d %b %Y, %H:%M:%S").to_string(),
            ),
            datetime: at.map_or_else(String::new, |at| at.to_rfc3339()),
            agent_address: if agent.is_empty() { String::new() } else { page_of("agents", agent) },
            agent: Shown::plain(if agent.is_empty() { "–" } else { agent }),
            value: value.map_or_else(|| "–".to_string(), |value| duration(value / MS)),
            business: self
                .business_ms(row)
                .map_or_else(|| "–".to_string(), |open| duration(open / MS)),
            left_out: self.reason(row).unwrap_or_default(),
            is_figure,
        }
    }

    /// The values of what is counted, as they stand: the longest first.
    fn values(&self) -> Vec<f64> {
        let counted = (0..self.len()).filter(|row| self.is_counted(*row));
        counted.filter_map(|row| self.value(row)).collect()
    }

    fn is_counted(&self, row: usize) -> bool {
        self.counted.counts(self.left_out_as(row))
    }

    fn left_out_as(&self, row: usize) -> Option<&str> {
        text(self.grid, row, "left_out")
    }

    /// Why a row is not counted, in words; of those that several reasons have together, which it has.
    fn reason(&self, row: usize) -> Option<String> {
        let reason = self.grid.cell(row, "left_out").filter(|value| **value != Value::Null)?;
        let is_told = !self.is_counted(row) || self.counted == Counted::Others;
        is_told.then(|| self.wording.words("left_out", reason))
    }

    fn value(&self, row: usize) -> Option<f64> {
        self.grid.cell(row, "value")?.number()
    }

    fn at(&self, row: usize) -> Option<DateTime<Tz>> {
        match self.grid.cell(row, "at")? {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    fn offset(&self, row: usize) -> Option<Offset> {
        let offset = self.grid.cell(row, "at_offset")?.whole()?;
        Some(Offset(u64::try_from(offset).ok()?))
    }

    /// How much of a row's span was open, by the hours that were in force when it was settled.
    fn business_ms(&self, row: usize) -> Option<f64> {
        self.grid.cell(row, BUSINESS)?.number()
    }
}

fn text<'a>(grid: &'a Grid, row: usize, column: &str) -> Option<&'a str> {
    match grid.cell(row, column)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] =
        ["conversation", "at", "at_offset", "agent", "value", "left_out", BUSINESS];
    const HOUR: i64 = 3_600_000;

    /// Conversation, when, offset, milliseconds, why it is not counted.
    type Told<'a> = (&'a str, &'a str, i64, Option<i64>, Option<&'a str>);

    fn grid(rows: &[Told<'_>]) -> Grid {
        let text = |text: &str| Value::Text(text.to_string());
        let row = |(conversation, at, offset, value, left_out): &Told<'_>| {
            let at =
                DateTime::parse_from_rfc3339(at).unwrap().with_timezone(&chrono_tz::Asia::Shanghai);
            vec![
                text(conversation),
                Value::Time(at),
                Value::Whole(*offset),
                text("lin"),
                value.map_or(Value::Null, Value::Whole),
                left_out.map_or(Value::Null, text),
                // As if a fifth of each had lain in opening hours.
                value.map_or(Value::Null, |value| Value::Whole(value / 5)),
            ]
        };
        Grid {
            names: NAMES.map(str::to_string).to_vec(),
            rows: rows.iter().map(row).collect(),
            cut: false,
        }
    }

    /// The p90 of a day stood above three hours, and why took hand-written SQL.
    #[test]
    fn a_figure_is_explained_by_its_longest_rows_and_the_opening_hours() {
        let mut rows = vec![
            ("c-1", "2026-11-19T13:12:00Z", 17, Some(10 * HOUR), None),
            ("c-2", "2026-11-19T15:26:00Z", 23, Some(9 * HOUR), None),
        ];
        rows.extend(
            (0..16).map(|nth| ("c-3", "2026-11-19T06:00:00Z", 30 + nth, Some(60_000), None)),
        );
        rows.push(("c-4", "2026-11-19T07:00:00Z", 70, None, Some("answered_by_bot")));
        let (grid, wording) = (grid(&rows), Wording::default());
        let behind = Behind::of(&grid, Some("p90_s"), &wording, Some(9.0 * HOUR as f64));
        let said = behind.sentences("waits that began on Thu 19 Nov 2026");
        assert_eq!(
            said,
            [
                "Counted: 18 waits that began on Thu 19 Nov 2026.",
                "One of them took just as long as the figure says; 17 of 18 took no longer, 1 longer.",
                "The longest of them (10 h) has 52 % of all the time. Of its 10 h only 2 h lay in opening hours.",
                "Left out: 1 answered by bot.",
            ]
        );
        let rows = behind.rows(0, 50);
        assert_eq!(rows.len(), 19);
        assert_eq!(rows[1].address, "/conversations/c-2?at=23#m-23");
        assert_eq!((&*rows[1].at, &*rows[1].value), ("Thu 19 Nov 2026, 23:26:00", "9 h"));
        assert_eq!(
            (rows[0].is_figure, rows[1].is_figure, rows[18].is_figure),
            (false, true, false)
        );
        assert_eq!((&*rows[18].left_out, &*rows[18].value), ("answered by bot", "–"));
    }

    /// Of five breaches it said that all others were counted, and that the five were left out.
    #[test]
    fn a_figure_that_is_called_as_a_reason_counts_what_has_it() {
        let mut rows = vec![
            ("c-1", "2026-11-19T13:12:00Z", 17, Some(3 * HOUR), Some("breached")),
            ("c-2", "2026-11-19T13:13:00Z", 18, Some(2 * HOUR), Some("breached")),
            ("c-3", "2026-11-19T13:14:00Z", 19, None, Some("pending")),
        ];
        rows.extend((0..7).map(|nth| ("c-4", "2026-11-19T06:00:00Z", 30 + nth, Some(HOUR), None)));
        let (grid, wording) = (grid(&rows), Wording::default());
        let behind = Behind::of(&grid, Some("breached"), &wording, None);
        assert_eq!(behind.counted(), 2);
        let said = behind.sentences("waits");
        assert_eq!(said[0], "Counted: 2 waits.");
        assert_eq!(said.last().unwrap(), "Left out: 1 pending, 7 that other figures count.");
        assert_eq!(behind.rows(0, 1)[0].left_out, "");
    }

    #[test]
    fn of_a_share_both_numbers_are_told_and_of_what_is_excluded_each_reason() {
        let rows = [
            ("c-1", "2026-11-19T13:12:00Z", 17, Some(9 * HOUR), None),
            ("c-2", "2026-11-19T13:13:00Z", 18, None, Some("untimed")),
            ("c-3", "2026-11-19T13:14:00Z", 19, None, Some("pending")),
        ];
        let (grid, wording) = (grid(&rows), Wording::default());
        let share = Behind::of(&grid, Some("met_rate"), &wording, None);
        let said = share.sentences("waits");
        assert_eq!(said, ["Counted: 1 of 3 waits.", "The others: 1 pending, 1 untimed."]);
        let excluded = Behind::of(&grid, Some("n_excluded"), &wording, None);
        assert_eq!(excluded.sentences("waits")[0], "Counted: 1 waits.");
        assert_eq!(excluded.rows(1, 1)[0].left_out, "untimed");
    }

    #[test]
    fn rows_without_times_are_only_counted() {
        let grid = grid(&[("c-1", "2026-11-19T13:12:00Z", 17, None, None)]);
        let wording = Wording::default();
        let behind = Behind::of(&grid, None, &wording, None);
        assert_eq!(behind.sentences("messages sent"), ["Counted: 1 messages sent."]);
        assert!(!behind.has_values() && !behind.has_hours());
        assert!(Behind::of(&Grid::default(), None, &wording, None).rows(0, 50).is_empty());
    }
}
