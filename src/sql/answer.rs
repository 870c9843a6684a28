//! What is answered: rows in memory, or as they come, complete to a stated offset.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::SendableRecordBatchStream;

use crate::model::Offset;

/// Most rows in an answer that is held in memory. Exports stream and have no such bound.
pub const ANSWER_ROWS_MAX: usize = 100_000;

/// An answer held in memory.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Every record below this offset is in it.
    pub complete_to: Offset,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// There were more rows than [`ANSWER_ROWS_MAX`].
    pub truncated: bool,
}

/// An answer as it comes.
pub struct AnswerStream {
    pub complete_to: Offset,
    pub rows: SendableRecordBatchStream,
}
