//! One named query's answer on the dashboard: title, chart, table, SQL. Also a table alone, where
//! no chart is asked for.

use crate::model::{ErrorKind, Offset};
use crate::sql::{Answer, NamedQuery};
use crate::web::charts::{Drawing, draw};
use crate::web::figures::{figure, headline_label, label};
use crate::web::grid::{Grid, Value};
use crate::web::shown::Shown;

use super::failure_text;

/// Rows of a table on a page: more belong in an export.
const TABLE_ROWS_MAX: usize = 100;

/// What became of one query.
pub(in crate::web) struct Panel {
    pub name: String,
    pub title: String,
    pub answers: String,
    pub has_chart: bool,
    pub chart: Option<Drawing>,
    pub table: Table,
    pub sql: String,
    /// Why there is no answer, in words for people.
    pub problem: Option<&'static str>,
    pub complete_to: Option<Offset>,
}

/// Rows as text.
#[derive(Default)]
pub(in crate::web) struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// There are more rows than shown.
    pub cut: bool,
}

pub(in crate::web) struct Column {
    pub label: String,
    pub numeric: bool,
}

pub(in crate::web) struct Cell {
    pub text: Shown,
    pub numeric: bool,
}

/// One headline figure.
pub(in crate::web) struct Headline {
    pub label: String,
    pub figure: String,
}

impl Panel {
    /// The panel of `query` with what it answered.
    pub(in crate::web) fn of(query: &NamedQuery, answer: Result<&Answer, ErrorKind>) -> Panel {
        let read = answer.and_then(|answer| Ok((answer, read(answer)?)));
        let (complete_to, grid, problem) = match read {
            Ok((answer, grid)) => (Some(answer.complete_to), grid, None),
            Err(kind) => (None, Grid::default(), Some(failure_text(kind))),
        };
        Panel {
            name: query.name.clone(),
            title: query.title.clone(),
            answers: query.answers.clone(),
            has_chart: query.chart.is_some(),
            chart: query.chart.as_ref().and_then(|chart| draw(chart, &grid, &query.title)),
            table: Table::of(&grid),
            sql: query.sql.trim().to_string(),
            problem,
            complete_to,
        }
    }

    /// Whether this panel was to have a chart but its rows gave none.
    pub(in crate::web) fn is_empty(&self) -> bool {
        self.has_chart && self.problem.is_none() && self.chart.is_none()
    }
}

/// The rows of an answer.
pub(in crate::web) fn read(answer: &Answer) -> Result<Grid, ErrorKind> {
    Grid::of(&answer.batches).map_err(|error| {
        tracing::error!(%error, "an answer could not be read");
        ErrorKind::Bug
    })
}

/// The figures of a one-row answer, in the order of its columns.
pub(in crate::web) fn headlines(grid: &Grid) -> Vec<Headline> {
    let Some(row) = grid.rows.first() else { return Vec::new() };
    let cells = grid.names.iter().zip(row);
    cells
        .map(|(name, value)| Headline { label: headline_label(name), figure: figure(name, value) })
        .collect()
}

impl Table {
    fn of(grid: &Grid) -> Table {
        let numeric = |index: usize| grid.rows.iter().any(|row| row[index].number().is_some());
        let columns = grid.names.iter().enumerate();
        let columns: Vec<Column> = columns
            .map(|(index, name)| Column { label: label(name), numeric: numeric(index) })
            .collect();
        let cells = |row: &Vec<Value>| {
            let cells = row.iter().zip(&grid.names).zip(&columns);
            cells
                .map(|((value, name), column)| Cell {
                    text: cell_text(name, value, column),
                    numeric: column.numeric,
                })
                .collect()
        };
        let rows = grid.rows.iter().take(TABLE_ROWS_MAX).map(cells).collect();
        Table { rows, cut: grid.cut || grid.rows.len() > TABLE_ROWS_MAX, columns }
    }
}

/// A cell's text. Among words NULL is a row of its own, such as "untagged", and stays empty for the
/// template to name.
fn cell_text(name: &str, value: &Value, column: &Column) -> Shown {
    match value {
        Value::Null if !column.numeric => Shown::default(),
        value => Shown::plain(&figure(name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Chart, ChartKind};

    #[test]
    fn a_failed_query_says_so_in_words_and_shows_no_rows() {
        let chart = Chart {
            kind: ChartKind::Line,
            x: "day".into(),
            y: vec!["n".into()],
            series: None,
            unit: None,
        };
        let query = NamedQuery {
            name: "waiting_by_day".into(),
            title: "Waits".into(),
            answers: "How long.".into(),
            parameters: Vec::new(),
            chart: Some(chart),
            sql: "SELECT 1".into(),
        };
        let panel = Panel::of(&query, Err(ErrorKind::Retry));
        assert!(
            panel.problem.is_some()
                && panel.chart.is_none()
                && panel.complete_to.is_none()
                && !panel.is_empty()
        );
        assert!(panel.table.rows.is_empty());
    }

    #[test]
    fn tables_hold_a_hundred_rows_and_say_when_there_are_more() {
        let names = vec!["agent".to_string(), "median_s".to_string()];
        let row = |index: i64| vec![Value::Text("<林>".to_string()), Value::Whole(index)];
        let grid = Grid { names, rows: (0..101).map(row).collect(), cut: false };
        let table = Table::of(&grid);
        assert_eq!((table.rows.len(), table.cut), (100, true));
        assert_eq!(table.rows[70][0].text.to_string(), "&#60;林&#62;");
        assert_eq!(table.rows[70][1].text.to_string(), "1 min 10 s");
        assert!(!table.columns[0].numeric && table.columns[1].numeric);
        let headlines = headlines(&grid);
        assert_eq!(
            (headlines[1].label.as_str(), headlines[1].figure.as_str()),
            ("median wait", "0 s")
        );
    }
}
