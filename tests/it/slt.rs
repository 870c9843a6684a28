//! A runner of SQL kept as data, in the format of sqllogictest: records with blank lines between
//! them, `#` for comments.
//! ```text
//! connection SHOP          optional; SHOP is `main` without it
//! query TYPES [rowsort]    one letter a column: Text, Integer, Real, Boolean, Date, Point in time, ? for what is left
//! SELECT …
//! ----
//! rows: cells joined by a space, NULL and (empty) for what would not show
//!
//! statement error TEXT     TEXT is in the error
//! DROP …
//! ```

use std::path::Path;

use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use verbatim::sql::{Answer, Sql};

use super::support::SHOP;

/// The records of a file that are not answered as they expect, each with its answer.
pub async fn failures(sql: &Sql, file: &Path) -> Vec<String> {
    let mut failures = Vec::new();
    for record in std::fs::read_to_string(file).unwrap().split("\n\n") {
        let failure = failure(sql, record.trim()).await;
        failures.extend(failure.map(|failure| format!("{}: {failure}", file.display())));
    }
    failures
}

/// The record with its answer, where that is not what it expects.
pub async fn failure(sql: &Sql, record: &str) -> Option<String> {
    let lines: Vec<&str> = record.lines().filter(|line| !line.starts_with('#')).collect();
    let connection = lines.first()?.strip_prefix("connection ");
    let lines = &lines[usize::from(connection.is_some())..];
    let end = lines.iter().position(|line| *line == "----").unwrap_or(lines.len());
    let answer = sql.query(connection.unwrap_or(SHOP), &lines[1..end].join("\n")).await;
    let answer = answer.map(|answer| written(&answer)).map_err(|error| error.to_string());
    let mut expected: Vec<String> = lines.iter().skip(end + 1).map(ToString::to_string).collect();
    let agrees = match (lines[0].split(' ').collect::<Vec<_>>().as_slice(), answer.clone()) {
        (["statement", "error", text @ ..], Err(error)) => error.contains(&text.join(" ")),
        (["query", types], Ok(answer)) => answer == (types.to_string(), expected),
        (["query", types, "rowsort"], Ok((got, mut rows))) => {
            rows.sort();
            expected.sort();
            (got, rows) == (types.to_string(), expected)
        }
        _ => false,
    };
    (!agrees).then(|| format!("{record}\nis answered {answer:#?}"))
}

fn type_of(data_type: &DataType) -> char {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => 'T',
        DataType::Boolean => 'B',
        DataType::Date32 => 'D',
        DataType::Timestamp(_, _) => 'P',
        number if number.is_integer() => 'I',
        number if number.is_floating() => 'R',
        _ => '?',
    }
}

/// An answer as records write it: types and rows.
fn written(answer: &Answer) -> (String, Vec<String>) {
    let types = answer.schema.fields().iter().map(|field| type_of(field.data_type())).collect();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns = batch.columns().iter();
        let columns: Vec<_> =
            columns.map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column.value(row).to_string());
            let cells =
                cells.map(|cell| if cell.is_empty() { "(empty)".to_string() } else { cell });
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    (types, rows)
}
