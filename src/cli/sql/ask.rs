//! One question, and what is told beside its rows.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use crate::cli::destination::Destination;
use crate::cli::progress;
use crate::cli::rows_out::{RowFormat, write_incoming};
use crate::cli::table::Layout;
use crate::cli::target::Target;
use crate::export::RecordBatch;
use crate::model::Offset;

const COLUMNS_USUAL: usize = 80;

/// How an answer is written.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) format: RowFormat,
    /// A line a value instead of one a row.
    pub(super) expanded: bool,
    pub(super) destination: Destination,
}

/// What an answer was, once it is whole.
pub(super) struct Answered {
    rows: u64,
    complete_to: Offset,
    elapsed: Duration,
}

impl Asking {
    /// Asks, and writes the answer as it comes. Dropped before that, nothing of it is left in a file.
    pub(super) async fn ask(&self, target: &Target, query: &str) -> anyhow::Result<Answered> {
        let begun = Instant::now();
        let answer = target.sql(query).await?;
        let complete_to = answer.complete_to;
        let is_file = self.destination != Destination::Stdout;
        let bar = is_file.then(|| progress::rows("answering"));
        let each = |rows: &RecordBatch| {
            if let Some(bar) = &bar {
                bar.inc(rows.num_rows() as u64);
            }
        };
        let layout = self.layout();
        let write = async |out| write_incoming(answer, self.format, layout, out, each).await;
        let written = self.destination.fill(write).await;
        if let Some(bar) = &bar {
            bar.finish_and_clear();
        }
        Ok(Answered { rows: written?, complete_to, elapsed: begun.elapsed() })
    }

    fn layout(&self) -> Layout {
        let is_shown = self.format == RowFormat::Table && self.destination == Destination::Stdout;
        let columns = if is_shown { terminal_columns() } else { None };
        Layout { columns, expanded: self.expanded }
    }
}

/// How wide the terminal is that standard output goes to.
fn terminal_columns() -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).ok()?.ws_col;
    // Of one whose size nobody said.
    Some(if columns == 0 { COLUMNS_USUAL } else { columns.into() })
}

impl Answered {
    /// The same without its time.
    pub(super) fn untimed(&self) -> String {
        let rows = if self.rows == 1 { "row" } else { "rows" };
        format!("{} {rows}, complete to offset {}", self.rows, self.complete_to)
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} ms", self.untimed(), self.elapsed.as_millis())
    }
}
