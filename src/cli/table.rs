//! Rows as a table for people. NULL is told from an empty text; numbers stand at the right; a text that
//! would be wider than the terminal is cut there, and only there.
//!
//! Memory is flat: columns are as wide as the first rows need, and a later cell that is wider moves its own
//! row only.

use std::io::{self, Write};

use super::shown::shown;
use super::width::{cut, width};
use crate::export::{CellColumn, CellWriter};

/// Rows that are held to see how wide columns are: × 2 KiB = 2 MiB.
const HELD_ROWS_MAX: usize = 1_000;
/// Rows that a terminal shows; the others are counted. A person who wants more wants a file.
const TERMINAL_ROWS_MAX: u64 = 500;
/// A column is not cut below this.
const CUT_COLUMNS_MIN: usize = 12;
/// Beside each cell: a rule and two spaces.
const FRAME_COLUMNS: usize = 3;
/// How NULL is written. A text that reads so has quotes.
const NULL: &str = "NULL";

/// How a table is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Columns of the terminal that it must fit; none where it goes elsewhere, and then all rows do.
    pub(super) columns: Option<usize>,
    /// One line a value instead of one a row.
    pub(super) expanded: bool,
}

pub(super) struct Table<W: Write> {
    out: W,
    layout: Layout,
    columns: Vec<CellColumn>,
    held: Vec<Vec<String>>,
    /// Columns of each cell; none while rows are held.
    widths: Option<Vec<usize>>,
    rows: u64,
}

impl<W: Write> Table<W> {
    pub(super) fn new(columns: Vec<CellColumn>, layout: Layout, out: W) -> Table<W> {
        let plain = |column: CellColumn| CellColumn { name: shown(&column.name, "⏎"), ..column };
        let columns = columns.into_iter().map(plain).collect();
        Table { out, layout, columns, held: Vec::new(), widths: None, rows: 0 }
    }

    /// Rows that a terminal does not show.
    fn is_beyond(&self) -> bool {
        self.layout.columns.is_some() && self.rows > TERMINAL_ROWS_MAX
    }

    /// Decides how wide columns are, and writes what was held.
    fn begin(&mut self) -> io::Result<()> {
        if self.widths.is_some() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let mut widths: Vec<usize> =
            self.columns.iter().map(|column| width(&column.name)).collect();
        for row in &held {
            for (place, cell) in row.iter().enumerate() {
                widths[place] = widths[place].max(width(cell));
            }
        }
        if let Some(columns) = self.layout.columns
            && !fit(&mut widths, &self.columns, columns)
        {
            self.layout.expanded = true;
        }
        self.widths = Some(widths);
        if !self.layout.expanded {
            self.rule()?;
            let names = self.columns.iter().map(|column| column.name.clone()).collect();
            self.line(names)?;
            self.rule()?;
        }
        for (number, row) in (1..).zip(held) {
            self.write(row, number)?;
        }
        Ok(())
    }

    fn write(&mut self, row: Vec<String>, number: u64) -> io::Result<()> {
        if self.layout.expanded { self.record(&row, number) } else { self.line(row) }
    }

    fn line(&mut self, row: Vec<String>) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut line = String::from("|");
        for ((cell, columns), column) in row.iter().zip(widths).zip(&self.columns) {
            let cell = if self.layout.columns.is_some() { &cut(cell, *columns) } else { cell };
            let space = " ".repeat(columns.saturating_sub(width(cell)));
            let (before, behind) =
                if column.is_number { (space.as_str(), "") } else { ("", space.as_str()) };
            line.push_str(&format!(" {before}{cell}{behind} |"));
        }
        writeln!(self.out, "{line}")
    }

    fn rule(&mut self) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let rules = widths.iter().map(|columns| "-".repeat(columns + 2));
        writeln!(self.out, "+{}+", rules.collect::<Vec<_>>().join("+"))
    }

    fn record(&mut self, row: &[String], number: u64) -> io::Result<()> {
        let names = self.columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
        writeln!(self.out, "-[ {number} ]{}", "-".repeat(names))?;
        for (column, cell) in self.columns.iter().zip(row) {
            let space = " ".repeat(names - width(&column.name));
            writeln!(self.out, "{}{space} | {cell}", column.name)?;
        }
        Ok(())
    }
}

impl<W: Write + Send> CellWriter for Table<W> {
    fn row(&mut self, cells: Vec<Option<String>>) -> io::Result<()> {
        self.rows += 1;
        if self.is_beyond() {
            return Ok(());
        }
        let cells = cells.into_iter().map(cell).collect();
        if self.widths.is_none() {
            self.held.push(cells);
            return if self.held.len() < HELD_ROWS_MAX { Ok(()) } else { self.begin() };
        }
        self.write(cells, self.rows)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        if !self.layout.expanded {
            self.rule()?;
        }
        if self.is_beyond() {
            let more = self.rows - TERMINAL_ROWS_MAX;
            writeln!(
                self.out,
                "… and {more} more rows, counted and not shown; --out FILE writes all"
            )?;
        }
        self.out.flush()
    }
}

fn cell(value: Option<String>) -> String {
    match value.as_deref() {
        None => NULL.to_string(),
        Some(NULL) => format!("\"{NULL}\""),
        Some(text) => shown(text, "⏎"),
    }
}

/// Makes the widest columns of text narrower until all fit; false where they cannot.
fn fit(widths: &mut [usize], columns: &[CellColumn], available: usize) -> bool {
    let frame = widths.len() * FRAME_COLUMNS + 1;
    loop {
        let taken = widths.iter().sum::<usize>() + frame;
        if taken <= available {
            return true;
        }
        let texts = (0..widths.len()).filter(|place| !columns[*place].is_number);
        let Some(widest) = texts.max_by_key(|place| widths[*place]) else { return false };
        // Down to the next widest, or to what is needed, at once.
        let others =
            (0..widths.len()).filter(|place| *place != widest && !columns[*place].is_number);
        let next = others.map(|place| widths[place]).max().unwrap_or(0);
        let floor = next.max(CUT_COLUMNS_MIN).min(widths[widest].saturating_sub(1));
        if floor < CUT_COLUMNS_MIN {
            return false;
        }
        widths[widest] = floor.max(widths[widest].saturating_sub(taken - available));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, bool)]) -> Vec<CellColumn> {
        let column = |(name, is_number): &(&str, bool)| CellColumn {
            name: name.to_string(),
            is_number: *is_number,
        };
        columns.iter().map(column).collect()
    }

    fn laid_out(layout: Layout, of: &[(&str, bool)], rows: &[&[Option<&str>]]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(columns(of), layout, &mut out);
        for row in rows {
            table.row(row.iter().map(|cell| cell.map(str::to_string)).collect()).unwrap();
        }
        table.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    const COLUMNS: &[(&str, bool)] = &[("agent", false), ("waits", true)];

    #[test]
    fn wide_characters_are_aligned_and_null_is_told_from_empty() {
        let rows: &[&[Option<&str>]] = &[
            &[Some("赵敏"), Some("12")],
            &[Some(""), Some("7")],
            &[None, None],
            &[Some("NULL"), Some("-3")],
            &[Some("a\nb\u{1b}[2J"), Some("0")],
        ];
        let expected = "\
+----------------+-------+
| agent          | waits |
+----------------+-------+
| 赵敏           |    12 |
|                |     7 |
| NULL           |  NULL |
| \"NULL\"         |    -3 |
| a⏎b<U+001B>[2J |     0 |
+----------------+-------+
";
        assert_eq!(laid_out(Layout::default(), COLUMNS, rows), expected);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_then_shown_a_line_a_value() {
        let long = "x".repeat(60);
        let rows: &[&[Option<&str>]] = &[&[Some(&long), Some("1")]];
        let fits = laid_out(Layout { columns: Some(40), expanded: false }, COLUMNS, rows);
        assert!(fits.lines().all(|line| width(line) <= 40), "{fits}");
        assert!(fits.contains("xxx… |"), "{fits}");
        let narrow = laid_out(Layout { columns: Some(20), expanded: false }, COLUMNS, rows);
        assert!(narrow.contains(&format!("agent | {long}")), "{narrow}");
        let file = laid_out(Layout::default(), COLUMNS, rows);
        assert!(file.contains(&long), "{file}");
    }

    #[test]
    fn a_terminal_says_how_many_rows_it_does_not_show_and_a_file_has_all() {
        let row: &[Option<&str>] = &[Some("a"), Some("1")];
        let rows = vec![row; 2_500];
        let terminal = Layout { columns: Some(80), expanded: false };
        let shown = laid_out(terminal, COLUMNS, &rows);
        assert_eq!(shown.matches("| a ").count(), 500);
        assert!(shown.contains("… and 2000 more rows"), "{shown}");
        let all = laid_out(Layout::default(), COLUMNS, &rows);
        assert_eq!(all.matches("| a ").count(), 2_500);
    }

    #[test]
    fn an_answer_without_rows_has_its_head() {
        let empty = laid_out(Layout::default(), COLUMNS, &[]);
        assert!(empty.contains("| agent | waits |"), "{empty}");
        let expanded = Layout { columns: Some(80), expanded: true };
        assert_eq!(laid_out(expanded, COLUMNS, &[]), "");
        let rows: &[&[Option<&str>]] = &[&[Some("赵敏"), None]];
        let record = laid_out(expanded, COLUMNS, rows);
        assert_eq!(record, "-[ 1 ]-----\nagent | 赵敏\nwaits | NULL\n");
    }
}
