//! An answer on its way to a client of the Postgres wire: batches as they come, rows as many as are
//! wanted at a time.

use arrow::record_batch::RecordBatch;
use bytes::BytesMut;
use futures::TryStreamExt;

use super::columns::Columns;
use crate::sql::{AnswerStream, SqlError};

/// Most rows of one answer. They are not held in memory, so it is ten times of those that are; exports
/// have no such bound.
pub const WIRE_ROWS_MAX: u64 = 1_000_000;

/// As what rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowForm {
    Row,
    /// A line of `COPY … TO STDOUT`.
    Line {
        is_csv: bool,
    },
}

/// An answer, and how far it has been taken.
pub struct WireAnswer {
    columns: Columns,
    answer: AnswerStream,
    /// Rows that came and were not wanted yet.
    waiting: Option<RecordBatch>,
    came: u64,
}

impl WireAnswer {
    pub(super) fn of(answer: AnswerStream) -> WireAnswer {
        let columns = Columns::of(&answer.schema);
        WireAnswer { columns, answer, waiting: None, came: 0 }
    }

    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Whether a table of the shop has been read for it so far.
    pub fn has_read(&self) -> bool {
        self.answer.has_read()
    }

    /// Waits for rows, where none wait; tells whether there are any. May be given up and called again.
    pub async fn wait(&mut self) -> Result<bool, SqlError> {
        while self.waiting.is_none() {
            let Some(rows) = self.answer.rows.try_next().await? else { return Ok(false) };
            self.came += rows.num_rows() as u64;
            if self.came > WIRE_ROWS_MAX {
                return Err(SqlError::TooManyRows { max: WIRE_ROWS_MAX as usize });
            }
            self.waiting = Some(rows).filter(|rows| rows.num_rows() > 0);
        }
        Ok(true)
    }

    /// Appends at most `max` of the rows that wait to `out`, a batch of which is small; returns how many.
    pub fn write(
        &mut self,
        columns: &Columns,
        form: RowForm,
        max: u64,
        out: &mut BytesMut,
    ) -> Result<u64, SqlError> {
        let rows = self.take(max);
        match form {
            RowForm::Row => columns.write(&rows, out)?,
            RowForm::Line { is_csv } => columns.write_lines(&rows, is_csv, out)?,
        }
        Ok(rows.num_rows() as u64)
    }

    /// Passes over at most `max` of the rows that wait; returns how many.
    pub fn skip(&mut self, max: u64) -> u64 {
        self.take(max).num_rows() as u64
    }

    fn take(&mut self, max: u64) -> RecordBatch {
        let Some(rows) = self.waiting.take() else {
            return RecordBatch::new_empty(self.answer.schema.clone());
        };
        let count = usize::try_from(max).unwrap_or(usize::MAX).min(rows.num_rows());
        if count < rows.num_rows() {
            self.waiting = Some(rows.slice(count, rows.num_rows() - count));
        }
        rows.slice(0, count)
    }
}
