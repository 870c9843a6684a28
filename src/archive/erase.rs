//! The truth forgets: rows of records below the log's beginning are written anew without their
//! content.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use super::row::records_of;
use super::{Archive, ArchiveError, ArchiveReader, stored_events_batch};
use crate::log::Store;
use crate::model::{Offset, Record};
use crate::table::{Prepared, Rewrite, Table, Wanted};

const OFFSET: &str = "offset";

impl ArchiveReader {
    /// Writes files anew with tombstones in the place of rows. Nothing changes before they are
    /// committed, all at once; then [`ArchiveReader::sweep`] deletes the files that left the table.
    pub async fn prepare_erasure(
        &self,
        tombstones: BTreeMap<Offset, Record>,
        reserve_bytes: u64,
    ) -> Result<Prepared, ArchiveError> {
        let offsets = tombstones.keys().map(|offset| offset.signed()).collect();
        let wanted = Arc::new(vec![Wanted::AnyInt(OFFSET, Arc::new(offsets))]);
        let change = Arc::new(move |batch: &RecordBatch| with_tombstones(batch, &tombstones));
        let rewrite = Rewrite { wanted, probe: OFFSET, change, reserve_bytes };
        Ok(self.table()?.prepare_rewrite(rewrite).await?)
    }

    /// Deletes files that left the table; false while somebody reads one.
    pub async fn sweep(&self) -> Result<bool, ArchiveError> {
        Ok(self.table()?.sweep_now().await?)
    }

    fn table(&self) -> Result<Table, ArchiveError> {
        let shown = self.slot.current(Archive::NAME)?;
        let table = shown.lock().table.clone();
        Ok(table)
    }
}

/// `batch` with the tombstones whose places are in it; `None` where it has them.
fn with_tombstones(
    batch: &RecordBatch,
    tombstones: &BTreeMap<Offset, Record>,
) -> Result<Option<RecordBatch>, ArrowError> {
    let offsets = batch.column_by_name(OFFSET);
    let offsets = offsets.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let is_concerned = |offset: &i64| tombstones.contains_key(&Offset(offset.cast_unsigned()));
    if !offsets.is_some_and(|offsets| offsets.values().iter().any(is_concerned)) {
        return Ok(None);
    }
    let external = |error: ArchiveError| ArrowError::ExternalError(Box::new(error));
    let mut records = records_of(batch).map_err(external)?;
    let mut has_changed = false;
    for record in &mut records {
        let Some(tombstone) = tombstones.get(&record.offset) else { continue };
        if !is_same(record, tombstone) {
            record.clone_from(tombstone);
            has_changed = true;
        }
    }
    let batch = has_changed.then(|| stored_events_batch(&records));
    batch.transpose().map_err(external)
}

/// Whether a row says what its tombstone does: both are of the same record.
fn is_same(row: &Record, tombstone: &Record) -> bool {
    let (event, erased) = (&row.event, &tombstone.event);
    row.salt == tombstone.salt
        && row.erased == tombstone.erased
        && event.sender == erased.sender
        && event.customer == erased.customer
}
