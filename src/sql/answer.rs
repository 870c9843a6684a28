//! What is answered: rows in memory, or as they come, complete to a stated offset.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::SqlError;
use super::ipc::bytes_of;
use super::turns::Turn;
use crate::model::Offset;

/// Most rows in an answer that is held in memory. What is streamed has no such bound.
pub const ANSWER_ROWS_MAX: usize = 100_000;

/// Most bytes of one, in memory.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes of all that come now.
pub(super) const ANSWERS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest a query may run whose answer is held in memory, or until more rows come of one that is not.
pub(super) const QUERY_TIME_MAX: Duration = Duration::from_secs(60);

/// An answer held in memory.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Every record below this offset is in it.
    pub complete_to: Offset,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    pub fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    /// What its rows take in memory.
    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(bytes_of).sum()
    }

    /// Whether it says which conversations it is about.
    pub fn names_conversations(&self) -> bool {
        self.schema.column_with_name("conversation").is_some()
    }
}

/// An answer as it comes. Its errors show a client no more than those of a query that never began.
pub struct AnswerStream {
    /// Every record below this offset is in it.
    pub complete_to: Offset,
    pub schema: SchemaRef,
    pub rows: Rows,
    /// Whether a table of the shop has been read for it.
    pub(super) has_read: Arc<AtomicBool>,
}

impl AnswerStream {
    /// The engine's rows, with errors of our own. Its turn ends with it.
    pub(super) fn new(
        complete_to: Offset,
        rows: SendableRecordBatchStream,
        turn: Turn,
    ) -> AnswerStream {
        let schema = rows.schema();
        let rows = rows.map_err(move |error| {
            let _its = &turn;
            SqlError::from(error)
        });
        // What is computed in the asker's own process is not asked.
        let has_read = Arc::new(AtomicBool::new(true));
        AnswerStream { complete_to, schema, rows: rows.boxed(), has_read }
    }

    /// Tells the same once the answer is somebody else's.
    pub(super) fn read(&self) -> impl Fn() -> bool + use<> {
        let has_read = self.has_read.clone();
        move || has_read.load(Ordering::Relaxed)
    }

    /// Whether a table of the shop has been read so far: where none has at the end, nothing of the
    /// shop is in it.
    pub fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Relaxed)
    }

    /// The same once its first rows are there: whatever fails before them fails here. Where nothing comes
    /// for `time_max` while somebody waits for it, it is given up.
    pub(super) async fn begun(self, time_max: Duration) -> Result<AnswerStream, SqlError> {
        let AnswerStream { complete_to, schema, rows, has_read } = self;
        let mut rows = within(rows, time_max);
        let mut first = Vec::new();
        while let Some(batch) = rows.try_next().await? {
            if batch.num_rows() > 0 {
                first.push(Ok(batch));
                break;
            }
        }
        let rows = stream::iter(first).chain(rows).boxed();
        Ok(AnswerStream { complete_to, schema, rows, has_read })
    }
}

/// What takes at most [`QUERY_TIME_MAX`], or is given up.
pub(super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, SqlError>>,
) -> Result<T, SqlError> {
    // On the heap: a page holds a dozen of them, within each other, and its thread's stack is of 2 MiB.
    let answered = tokio::time::timeout(QUERY_TIME_MAX, Box::pin(asked)).await;
    answered.map_err(|_| SqlError::TooLong(QUERY_TIME_MAX))?
}

type Rows = BoxStream<'static, Result<RecordBatch, SqlError>>;

/// The same rows; an error is the last of them, where the next take longer than `time_max`.
fn within(rows: Rows, time_max: Duration) -> Rows {
    let next = move |rows: Option<Rows>| async move {
        let mut rows = rows?;
        match tokio::time::timeout(time_max, rows.next()).await {
            Ok(next) => next.map(|next| (next, Some(rows))),
            Err(_) => Some((Err(SqlError::TooLong(time_max)), None)),
        }
    };
    stream::unfold(Some(rows), next).fuse().boxed()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use arrow::array::RecordBatchOptions;
    use arrow::datatypes::Schema;
    use datafusion::error::DataFusionError;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;
    use crate::model::{ErrorKind, Kinded};

    /// A file that vanished while it was read: an export used to pass on the engine's error, path
    /// and all.
    #[tokio::test]
    async fn an_error_amid_the_rows_shows_no_path() {
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::new_empty(schema.clone());
        let vanished = io::Error::other("/data/archive/events/x.parquet: not found");
        let rows = futures::stream::iter([Ok(batch), Err(DataFusionError::IoError(vanished))]);
        let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        let turn = crate::sql::turns::Turns::of(2).take("s").await.unwrap();
        let rows: Vec<_> = AnswerStream::new(Offset(7), rows, turn).rows.collect().await;
        let [Ok(_), Err(error)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!error.to_string().contains("x.parquet"), "{error}");
    }

    fn stream_of(rows: Vec<Result<RecordBatch, SqlError>>) -> AnswerStream {
        let rows = stream::iter(rows).boxed();
        let (schema, has_read) = (Arc::new(Schema::empty()), Arc::default());
        AnswerStream { complete_to: Offset(7), schema, rows, has_read }
    }

    /// An error used to come amid a body that had begun with 200.
    #[tokio::test]
    async fn what_fails_before_the_first_rows_fails_before_the_answer() {
        let empty = || Ok(RecordBatch::new_empty(Arc::new(Schema::empty())));
        let failing = stream_of(vec![empty(), Err(SqlError::TooMany)]);
        assert!(matches!(failing.begun(Duration::MAX).await, Err(SqlError::TooMany)));
        let whole = stream_of(vec![empty(), empty()]).begun(Duration::MAX).await.unwrap();
        assert_eq!(whole.rows.collect::<Vec<_>>().await.len(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_gives_nothing_is_given_up() {
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let schema = Arc::new(Schema::empty());
        let row = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
        let never = stream::iter([Ok(row)]).chain(stream::pending()).boxed();
        let answer = AnswerStream { rows: never, ..stream_of(Vec::new()) };
        let mut answer = answer.begun(Duration::from_millis(20)).await.unwrap();
        assert!(answer.rows.next().await.unwrap().is_ok());
        let last = answer.rows.next().await.unwrap();
        assert!(matches!(last, Err(SqlError::TooLong(_))), "{last:?}");
        assert!(answer.rows.next().await.is_none());
    }
}
