//! Rows on their way out, in whichever format.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use futures::StreamExt;

use super::destination::Out;
use super::table::{Layout, Table};
use super::write::ReaderLeft;
use crate::cli::logging::tell;
use crate::export::{
    CellRows, Encoder, ExportError, ExportFormat, Incoming, MarkdownRows, RecordBatch, RowWriter,
    cell_columns,
};

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RowFormat {
    /// For people
    #[default]
    Table,
    /// An array of objects; NULL is null
    Json,
    /// An object a line; what is NULL is left out
    Jsonl,
    /// With a header; NULL and an empty text are the same in it
    Csv,
    /// Apache Parquet
    Parquet,
    /// Arrow's IPC stream
    Arrow,
    /// A table for a page
    Markdown,
}

impl RowFormat {
    /// The format that a file's name asks for.
    pub(super) fn of_name(path: &Path) -> anyhow::Result<RowFormat> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        Ok(match ending.to_ascii_lowercase().as_str() {
            "json" => RowFormat::Json,
            "jsonl" | "ndjson" => RowFormat::Jsonl,
            "csv" => RowFormat::Csv,
            "parquet" => RowFormat::Parquet,
            "arrow" | "arrows" => RowFormat::Arrow,
            "md" => RowFormat::Markdown,
            "txt" => RowFormat::Table,
            _ => bail!(
                "`{}` names no format: .csv, .json, .jsonl, .parquet, .arrow, .md and .txt do; or give --format",
                path.display()
            ),
        })
    }

    /// The file format that it is, where it is not laid out for people.
    pub(super) fn file(self) -> Option<ExportFormat> {
        match self {
            RowFormat::Json => Some(ExportFormat::Json),
            RowFormat::Jsonl => Some(ExportFormat::Jsonl),
            RowFormat::Csv => Some(ExportFormat::Csv),
            RowFormat::Parquet => Some(ExportFormat::Parquet),
            RowFormat::Arrow => Some(ExportFormat::Arrow),
            RowFormat::Table | RowFormat::Markdown => None,
        }
    }
}

/// Says that a file is written in another format than its name does: whoever opens it by its name finds no file of that
/// kind.
pub(super) fn tell_of_other_name(path: &Path, format: impl Debug) {
    tell!(
        "warning: `{}` is written as {format:?}, as --format says, and not as its name does",
        path.display()
    );
}

/// Writes an answer to `out` as it comes; returns how many rows it had. `each` sees rows as they are
/// written.
pub(super) async fn write_incoming(
    mut answer: Incoming,
    format: RowFormat,
    layout: Layout,
    mut out: Out,
    mut each: impl FnMut(&RecordBatch),
) -> anyhow::Result<u64> {
    let mut rows = 0;
    if let Some(format) = format.file() {
        let mut encoder = Encoder::new(format, answer.schema.clone())?;
        while let Some(batch) = answer.rows.next().await {
            let batch = batch.map_err(anyhow::Error::from_boxed)?;
            for part in encoder.parts(&batch) {
                encoder.write(&part)?;
                written(out.write_all(&encoder.take()))?;
            }
            rows += batch.num_rows() as u64;
            each(&batch);
        }
        written(out.write_all(&encoder.finish()?).and_then(|()| out.flush()))?;
        return Ok(rows);
    }
    let columns = cell_columns(&answer.schema);
    let mut writer: Box<dyn RowWriter> = match format {
        RowFormat::Markdown => Box::new(CellRows::new(MarkdownRows::new(columns, out))),
        _ => Box::new(CellRows::new(Table::new(columns, layout, out))),
    };
    while let Some(batch) = answer.rows.next().await {
        let batch = batch.map_err(anyhow::Error::from_boxed)?;
        laid_out(writer.write(&batch))?;
        rows += batch.num_rows() as u64;
        each(&batch);
    }
    laid_out(writer.finish())?;
    Ok(rows)
}

fn written(written: io::Result<()>) -> anyhow::Result<()> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => ReaderLeft.into(),
        _ => anyhow::Error::from(error).context("cannot write the answer"),
    })
}

/// What is laid out goes straight to the reader.
fn laid_out(result: Result<(), ExportError>) -> anyhow::Result<()> {
    match result {
        Err(ExportError::Io(error)) => written(Err(error)),
        other => Ok(other?),
    }
}
