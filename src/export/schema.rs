//! What there is to ask, as a page and as text for a terminal.

use super::markdown::escaped;
use crate::sql::{ColumnSchema, Schema, TableSchema};

const HEAD: &str = "# Tables for SQL

Written from what the code declares, by `VERBATIM_BLESS=1 cargo test --release --test it schema`; `verbatim schema` prints the
same. How to ask: [sql.md](sql.md). What the figures mean: [METRICS.md](METRICS.md).
";

/// `docs/tables.md`.
pub fn schema_page(schema: &Schema) -> String {
    let mut page = HEAD.to_string();
    page.push_str("\n| table | a row is | kind |\n|---|---|---|\n");
    for table in &schema.tables {
        let kind: &str = table.kind.into();
        let rows = escaped(table.rows);
        page.push_str(&format!("| [`{0}`](#{0}) | {rows} | {kind} |\n", table.name));
    }
    for table in &schema.tables {
        page.push_str(&table_page(table));
    }
    page.push_str("\n## Functions\n\n| call | gives | meaning |\n|---|---|---|\n");
    for function in &schema.functions {
        let (call, meaning) = (function.call, escaped(function.meaning));
        page.push_str(&format!("| `{call}` | {} | {meaning} |\n", function.returns));
    }
    page.push_str("\n## Notes\n\n");
    for note in &schema.notes {
        page.push_str(&format!("- {note}\n"));
    }
    page
}

/// One table as a part of the page.
pub fn table_page(table: &TableSchema) -> String {
    let (name, rows) = (table.name, capitalized(table.rows));
    let mut page = format!(
        "\n## {name}\n\n{rows}.\n\n| column | type | NULL | meaning |\n|---|---|---|---|\n"
    );
    for ColumnSchema { name, data_type, nullable, meaning } in &table.columns {
        let nullable = if *nullable { "may be" } else { "" };
        let (data_type, meaning) = (escaped(data_type), escaped(meaning));
        page.push_str(&format!("| `{name}` | {data_type} | {nullable} | {meaning} |\n"));
    }
    page
}

/// All of it for a terminal: tables and what a row of each is, functions, notes.
pub fn schema_text(schema: &Schema) -> String {
    let mut text = String::new();
    for table in &schema.tables {
        let kind: &str = table.kind.into();
        text.push_str(&format!("{:14} {:6} {}\n", table.name, kind, table.rows));
    }
    text.push('\n');
    for function in &schema.functions {
        let head = format!("{} {}", function.call, function.returns);
        text.push_str(&format!("{head}\n    {}\n", function.meaning));
    }
    text.push('\n');
    for note in &schema.notes {
        text.push_str(&format!("{note}\n"));
    }
    text.push_str("\n`verbatim schema TABLE` shows the columns of one.\n");
    text
}

/// The columns of one table for a terminal.
pub fn table_text(table: &TableSchema) -> String {
    let kind: &str = table.kind.into();
    let mut text = format!("{} ({kind}): {}\n\n", table.name, table.rows);
    let typed = |column: &ColumnSchema| {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        format!("{}{not_null}", column.data_type)
    };
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let names = widest(&mut table.columns.iter().map(|column| column.name.len()));
    let short = |column: &&ColumnSchema| column.data_type.len() <= TYPE_CHARS_MAX;
    let shown = table.columns.iter().filter(short);
    let types = widest(&mut shown.map(|column| typed(column).len()));
    for column in &table.columns {
        let data_type = typed(column);
        text.push_str(&format!("{:names$}  {data_type:types$}  {}\n", column.name, column.meaning));
    }
    text
}

/// A longer type does not make the column of types wider.
const TYPE_CHARS_MAX: usize = 40;

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
