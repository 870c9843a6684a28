//! A table in Markdown, for whoever pastes an answer into a page. NULL is an empty cell.

use std::io::{self, Write};

use super::cells::{CellColumn, CellWriter};

pub struct MarkdownRows<W: Write> {
    out: W,
    /// None once it is written.
    head: Option<Vec<CellColumn>>,
}

impl<W: Write> MarkdownRows<W> {
    pub fn new(columns: Vec<CellColumn>, out: W) -> MarkdownRows<W> {
        MarkdownRows { out, head: Some(columns) }
    }

    fn begin(&mut self) -> io::Result<()> {
        let Some(columns) = self.head.take() else { return Ok(()) };
        let names = columns.iter().map(|column| escaped(&column.name));
        let rules = columns.iter().map(|column| if column.is_number { "---:" } else { "---" });
        let (names, rules): (Vec<_>, Vec<_>) = (names.collect(), rules.collect());
        writeln!(self.out, "| {} |\n|{}|", names.join(" | "), rules.join("|"))
    }
}

impl<W: Write + Send> CellWriter for MarkdownRows<W> {
    fn row(&mut self, cells: Vec<Option<String>>) -> io::Result<()> {
        self.begin()?;
        let cells = cells.iter().map(|cell| cell.as_deref().map_or(String::new(), escaped));
        writeln!(self.out, "| {} |", cells.collect::<Vec<_>>().join(" | "))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }
}

/// A text that is one cell, whatever is in it.
pub(super) fn escaped(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '|' | '\\' | '`' | '*' | '_' | '<' | '[' => cell.extend(['\\', char]),
            '\r' => {}
            '\n' => cell.push_str("<br>"),
            '&' => cell.push_str("&amp;"),
            char => cell.push(char),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_cell_it_stays_one() {
        let columns = [("who|what", false), ("n", true)];
        let columns = columns.map(|(name, is_number)| CellColumn { name: name.into(), is_number });
        let mut out = Vec::new();
        let mut table = MarkdownRows::new(columns.to_vec(), &mut out);
        table.row(vec![Some("a|b\n<i>退款</i>\\".to_string()), None]).unwrap();
        table.finish().unwrap();
        let expected = "| who\\|what | n |\n|---|---:|\n| a\\|b<br>\\<i>退款\\</i>\\\\ |  |\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn an_answer_without_rows_has_its_head() {
        let mut out = Vec::new();
        let columns = vec![CellColumn { name: "day".into(), is_number: false }];
        MarkdownRows::new(columns, &mut out).finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "| day |\n|---|\n");
    }
}
