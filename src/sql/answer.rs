//! What is answered: rows in memory, or as they come, complete to a stated offset.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OwnedSemaphorePermit;

use super::SqlError;
use crate::model::Offset;

/// Most rows in an answer that is held in memory. Exports stream and have no such bound.
pub const ANSWER_ROWS_MAX: usize = 100_000;

/// Most bytes of one, in memory.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes of all that come now.
pub(super) const ANSWERS_BYTES_MAX: usize = 256 * 1024 * 1024;

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
}

/// An answer as it comes. Its errors show a client no more than those of a query that never began.
pub struct AnswerStream {
    /// Every record below this offset is in it.
    pub complete_to: Offset,
    pub schema: SchemaRef,
    pub rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
}

impl AnswerStream {
    /// The engine's rows, with errors of our own. Its turn ends with it.
    pub(super) fn new(
        complete_to: Offset,
        rows: SendableRecordBatchStream,
        turn: OwnedSemaphorePermit,
    ) -> AnswerStream {
        let schema = rows.schema();
        let rows = rows.map_err(move |error| {
            let _its = &turn;
            SqlError::from(error)
        });
        AnswerStream { complete_to, schema, rows: rows.boxed() }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

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
        let turn = Arc::new(tokio::sync::Semaphore::new(1)).acquire_owned().await.unwrap();
        let rows: Vec<_> = AnswerStream::new(Offset(7), rows, turn).rows.collect().await;
        let [Ok(_), Err(error)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!error.to_string().contains("x.parquet"), "{error}");
    }
}
