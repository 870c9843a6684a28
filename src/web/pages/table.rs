//! An answer as a table: figures as people say them, what they were a period before, and links to what stands behind.

use chrono::NaiveDate;

use crate::model::Offset;
use crate::web::drill::Drill;
use crate::web::figures::{change, figure, label};
use crate::web::grid::{Grid, Value};
use crate::web::links::{address, page_of};
use crate::web::shown::Shown;
use crate::web::wording::Wording;

/// Rows of a table on a page: more belong in a file.
const TABLE_ROWS_MAX: usize = 100;
/// From this many columns on, a table does not fit beside another.
const WIDE_COLUMNS: usize = 7;
/// How the names of columns end that say which record a row is about.
const OFFSET: &str = "_offset";
/// Columns of names that have a page, and the page.
const PAGES: &[(&str, &str)] = &[
    ("agent", "agents"),
    ("replier", "agents"),
    ("first_replier", "agents"),
    ("last_assignee", "agents"),
    ("customer", "customers"),
    ("order", "orders"),
];

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

#[derive(Default)]
pub(in crate::web) struct Cell {
    pub text: Shown,
    pub numeric: bool,
    /// Empty where there is nothing to lead to.
    pub address: String,
    /// The same for programs, where it is a day or an instant.
    pub datetime: String,
    /// What it was a period before, and the difference; empty where nothing is compared.
    pub before: String,
    pub change: String,
}

/// How the cells of an answer are made.
pub(in crate::web) struct Cells<'a> {
    pub grid: &'a Grid,
    pub drill: &'a Drill<'a>,
    pub wording: &'a Wording,
}

impl Table {
    /// The first rows of an answer.
    pub(in crate::web) fn of(cells: &Cells<'_>) -> Table {
        let grid = cells.grid;
        let columns: Vec<(usize, Column)> = cells.columns();
        let row = |row: usize| {
            columns.iter().map(|(index, column)| cells.cell(row, *index, column)).collect()
        };
        let rows = (0..grid.rows.len().min(TABLE_ROWS_MAX)).map(row).collect();
        let cut = grid.cut || grid.rows.len() > TABLE_ROWS_MAX;
        Table { rows, cut, columns: columns.into_iter().map(|(_, column)| column).collect() }
    }

    /// Whether it needs the width of the page.
    pub(in crate::web) fn is_wide(&self) -> bool {
        self.columns.len() >= WIDE_COLUMNS
    }
}

impl Cells<'_> {
    /// The columns that are shown: what was before stands in the cell of what is now.
    fn columns(&self) -> Vec<(usize, Column)> {
        let names = self.grid.names.iter().enumerate();
        let shown = names.filter(|(_, name)| !self.grid.is_beside(name));
        let numeric = |index: usize| self.grid.rows.iter().any(|row| row[index].number().is_some());
        let column = |(index, name): (usize, &String)| {
            (index, Column { label: label(name), numeric: numeric(index) })
        };
        shown.map(column).collect()
    }

    fn cell(&self, row: usize, index: usize, column: &Column) -> Cell {
        let (name, value) = (self.grid.names[index].as_str(), &self.grid.rows[row][index]);
        let previous = self.grid.before(row, name);
        let (before, change) = match previous {
            Some(previous) => (figure(name, previous), change(name, value, previous)),
            None => (String::new(), String::new()),
        };
        Cell {
            text: Shown::plain(&self.text(name, value, column)),
            numeric: column.numeric,
            address: self.address(row, index),
            datetime: datetime(value),
            before,
            change,
        }
    }

    /// Among what tells rows apart NULL is a row of its own, such as "untagged"; elsewhere it is no figure.
    fn text(&self, name: &str, value: &Value, column: &Column) -> String {
        match value {
            Value::Null if !column.numeric && self.drill.is_key(name) => "none".to_string(),
            Value::Null | Value::Whole(_) | Value::Number(_) if name != "weekday" => {
                figure(name, value)
            }
            Value::Text(text) if day(text).is_some() => {
                day(text).map_or_else(String::new, |day| day.format("%Y-%m-%d %a").to_string())
            }
            value => self.wording.words(name, value),
        }
    }

    /// The first cell that tells rows apart leads to the rows behind its row, other names to their pages.
    fn address(&self, row: usize, index: usize) -> String {
        let name = self.grid.names[index].as_str();
        let is_key = |index: usize| self.drill.is_key(&self.grid.names[index]);
        if is_key(index) {
            let is_first = (0..index).all(|earlier| !is_key(earlier));
            return if is_first { self.drill.row(self.grid, row) } else { String::new() };
        }
        let Value::Text(text) = &self.grid.rows[row][index] else { return String::new() };
        if name == "conversation" {
            return address(text, self.offset(row));
        }
        let page = PAGES.iter().find(|(column, _)| *column == name);
        page.map_or_else(String::new, |(_, page)| page_of(page, text))
    }

    /// The record that a row is about, where a column says it.
    fn offset(&self, row: usize) -> Option<Offset> {
        let column = self.grid.names.iter().position(|name| name.ends_with(OFFSET))?;
        Some(Offset(u64::try_from(self.grid.rows[row][column].whole()?).ok()?))
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|_| text.len() == 10)
}

fn datetime(value: &Value) -> String {
    match value {
        Value::Time(time) => time.to_rfc3339(),
        Value::Text(text) if day(text).is_some() => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::sql::NamedQuery;
    use crate::web::selection::{Fields, Selection};

    fn table(explain: &str, grid: &Grid) -> Table {
        let text = format!("-- title: x\n-- answers: y\n{explain}SELECT 1");
        let query = NamedQuery::parse("own", &text).unwrap();
        let selection = Selection::read(&Fields::new(), chrono_tz::UTC, Micros(0));
        let drill = Drill { query: &query, selection: &selection };
        Table::of(&Cells { grid, drill: &drill, wording: &Wording::default() })
    }

    fn grid(names: &[&str], rows: Vec<Vec<Value>>) -> Grid {
        Grid { names: names.iter().map(ToString::to_string).collect(), rows, cut: false }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_string())
    }

    #[test]
    fn tables_hold_a_hundred_rows_and_say_when_there_are_more() {
        let row = |index: i64| vec![text("<林>"), Value::Whole(index)];
        let table = table("", &grid(&["agent", "median_s"], (0..101).map(row).collect()));
        assert_eq!((table.rows.len(), table.cut), (100, true));
        assert_eq!(table.rows[70][0].text.to_string(), "&#60;林&#62;");
        assert_eq!(table.rows[70][0].address, "/agents/%3C%E6%9E%97%3E");
        assert_eq!(table.rows[70][1].text.to_string(), "1 min 10 s");
        assert!(!table.columns[0].numeric && table.columns[1].numeric);
    }

    #[test]
    fn what_was_before_stands_in_the_cell_of_what_is() {
        let names = ["day", "n", "previous_n", "change_n", "handoff_rate", "previous_handoff_rate"];
        let row = vec![
            text("2026-01-03"),
            Value::Whole(15),
            Value::Whole(10),
            Value::Whole(5),
            Value::Null,
            Value::Number(0.5),
        ];
        let table = table("-- explain: c by day\n", &grid(&names, vec![row]));
        let [day, n, rate] = table.rows[0].as_slice() else { panic!("{}", table.columns.len()) };
        assert_eq!((&*day.datetime, &*day.text.text()), ("2026-01-03", "2026-01-03 Sat"));
        assert!(day.address.starts_with("/explain/own?at.day=2026-01-03&"), "{}", day.address);
        assert_eq!((&*n.before, &*n.change), ("10", "+50 %"));
        assert_eq!((&*rate.text.text(), &*rate.before, &*rate.change), ("–", "50.0 %", ""));
    }

    #[test]
    fn a_conversation_leads_to_the_record_that_the_row_is_about() {
        let names = ["conversation", "waiting_offset", "category"];
        let rows = vec![
            vec![text("c/1"), Value::Whole(7), Value::Null],
            vec![text("c/2"), Value::Null, text("refund")],
        ];
        let table = table("-- explain: c by category\n", &grid(&names, rows));
        assert_eq!(table.rows[0][0].address, "/conversations/c%2F1?at=7#m-7");
        assert_eq!(table.rows[1][0].address, "/conversations/c%2F2");
        assert_eq!((table.rows[0].len(), table.rows[0][2].text.text()), (3, "none".to_string()));
    }
}
