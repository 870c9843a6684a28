//! Answers on stdout.

use std::io::{self, Write};

use anyhow::Context;

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
