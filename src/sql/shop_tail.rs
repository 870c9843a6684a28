//! The rows of one shop beyond the files, made when a scan asks for them: most questions read one
//! or two tables and a few columns of them, and under traffic a tail holds 65,536 records.
//!
//! It holds rows of the one shop only, whatever the store's tail holds.

use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};

use crate::archive::some_columns_of_events;
use crate::log::Tail;
use crate::model::{Offset, Record};

/// Rows of one batch: as many as the engine works on at once.
const BATCH_ROWS: usize = 8_192;

/// Where the rows come from.
#[derive(Debug)]
pub enum ShopTail {
    /// They are there.
    Rows(Vec<RecordBatch>),
    /// They are made of those records that are the shop's and lie below an offset.
    Events { shop: String, tail: Tail, end: Offset },
}

impl ShopTail {
    /// The rows, with the columns at these places of the table; no batch where there is no row.
    pub(super) fn batches(&self, columns: &[usize]) -> Result<Vec<RecordBatch>> {
        match self {
            ShopTail::Rows(batches) => {
                let batches = batches.iter().filter(|batch| batch.num_rows() > 0);
                Ok(batches.map(|batch| batch.project(columns)).collect::<Result<_, _>>()?)
            }
            ShopTail::Events { shop, tail, end } => {
                let is_seen = |record: &&Record| record.shop == *shop && record.offset < *end;
                let records: Vec<&Record> = tail.records().filter(is_seen).collect();
                let batch = |records: &[&Record]| some_columns_of_events(columns, records);
                let batches: Result<_, _> = records.chunks(BATCH_ROWS).map(batch).collect();
                batches.map_err(|error| DataFusionError::External(Box::new(error)))
            }
        }
    }
}
