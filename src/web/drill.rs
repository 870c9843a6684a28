//! Addresses of the rows behind the figures of one query's answer.
//!
//! Invariant: an address names all that tells which figure is meant, the range and the filters too, as days that do
//! not move on.

use super::grid::Grid;
use super::links::page_of;
use super::selection::Selection;
use crate::sql::{Explanation, NamedQuery};

/// The way from a query's figures to their rows.
pub(super) struct Drill<'a> {
    pub query: &'a NamedQuery,
    pub selection: &'a Selection,
}

impl Drill<'_> {
    /// Where the rows behind the figure `column` of a row of the answer are shown; empty where the query does not say
    /// which they are.
    pub(super) fn figure(&self, grid: &Grid, row: usize, column: &str) -> String {
        let address =
            self.explanation(column).and_then(|one| self.address(one, grid, row, Some(column)));
        address.unwrap_or_default()
    }

    /// Where the rows behind a row of the answer are shown; empty where the query does not say which they are.
    pub(super) fn row(&self, grid: &Grid, row: usize) -> String {
        let first = self.query.explanations.first();
        first.and_then(|one| self.address(one, grid, row, None)).unwrap_or_default()
    }

    /// Where all rows behind an answer are shown that is one row, or none where it is more: each then leads to its own.
    pub(super) fn whole(&self) -> String {
        let first = self.query.explanations.first().filter(|one| one.by.is_empty());
        let address = first.and_then(|one| self.address(one, &Grid::default(), 0, None));
        address.unwrap_or_default()
    }

    /// Whether a column tells rows apart, and is no figure.
    pub(super) fn is_key(&self, column: &str) -> bool {
        self.query.explanations.iter().any(|one| one.by.iter().any(|key| key == column))
    }

    /// The line of the header that says which rows stand behind a figure.
    fn explanation(&self, column: &str) -> Option<&Explanation> {
        let all = &self.query.explanations;
        if self.is_key(column) {
            return None;
        }
        let of_column = all.iter().find(|one| one.figures.iter().any(|figure| figure == column));
        of_column.or_else(|| all.iter().find(|one| one.figures.is_empty()))
    }

    fn address(
        &self,
        explanation: &Explanation,
        grid: &Grid,
        row: usize,
        figure: Option<&str>,
    ) -> Option<String> {
        let figure = figure.map(|figure| ("figure".to_string(), figure.to_string()));
        let mut more: Vec<(String, String)> = figure.into_iter().collect();
        for key in &explanation.by {
            more.push((format!("at.{key}"), grid.cell(row, key)?.label()));
        }
        Some(self.selection.fixed_address(&page_of("explain", &self.query.name), &more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;
    use crate::web::grid::Value;
    use crate::web::selection::Fields;

    #[test]
    fn a_figure_leads_to_its_rows_and_a_key_nowhere() {
        let text = "-- title: x\n-- answers: y\n-- explain: counted by day,agent for p90_s\n-- explain: all by day\nSELECT 1";
        let query = NamedQuery::parse("own", text).unwrap();
        let now = parse_time("2026-01-15T14:00:00Z").unwrap();
        let fields = Fields::from([("channel".to_string(), "web".to_string())]);
        let selection = Selection::read(&fields, chrono_tz::UTC, now);
        let drill = Drill { query: &query, selection: &selection };
        let text = |text: &str| Value::Text(text.to_string());
        let grid = Grid {
            names: ["day", "agent", "p90_s", "n"].map(str::to_string).to_vec(),
            rows: vec![vec![text("2026-01-03"), Value::Null, Value::Number(3.0), Value::Whole(1)]],
            cut: false,
        };
        let state = "from=2026-01-02&to=2026-01-15&channel=web";
        assert_eq!(
            drill.figure(&grid, 0, "p90_s"),
            format!("/explain/own?figure=p90_s&at.day=2026-01-03&at.agent=&{state}")
        );
        assert_eq!(
            drill.figure(&grid, 0, "n"),
            format!("/explain/own?figure=n&at.day=2026-01-03&{state}")
        );
        assert_eq!(drill.figure(&grid, 0, "day"), "");
        assert_eq!(
            drill.row(&grid, 0),
            format!("/explain/own?at.day=2026-01-03&at.agent=&{state}")
        );
        assert_eq!(drill.figure(&Grid::default(), 0, "n"), "", "a column that is not there");
    }
}
