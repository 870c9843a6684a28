//! Answers on stdout.

use std::io::{self, Write};

use anyhow::Context;

use crate::export::render;
use crate::sql::Answer;

/// How rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RowFormat {
    /// For people
    #[default]
    Table,
    /// An array of objects
    Json,
    /// With a header
    Csv,
}

/// Whoever reads standard output closed it, as `head` does.
#[derive(Debug, thiserror::Error)]
#[error("the reader of standard output closed it")]
pub(super) struct ReaderLeft;

/// Writes bytes to stdout whole.
pub(super) fn to_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderLeft.into()),
        written => written.context("cannot write to standard output"),
    }
}

/// Writes a line of JSON to stdout.
pub(super) fn json_line(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to_stdout(&line)
}

/// Writes an answer's rows; a note that is not data goes to stderr.
pub(super) fn rows(answer: &Answer, format: RowFormat) -> anyhow::Result<()> {
    let bytes = match format {
        RowFormat::Table => format!("{}\n", render::table(answer)?).into_bytes(),
        RowFormat::Json => render::json(answer)?,
        RowFormat::Csv => render::csv(answer)?,
    };
    to_stdout(&bytes)?;
    if format == RowFormat::Table {
        eprintln!("complete to offset {}", answer.complete_to);
    }
    Ok(())
}
