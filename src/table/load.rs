//! What a handle starts from: the newest version, checked, made durable, with the columns that are
//! wanted.
//!
//! It repairs nothing and makes nothing.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use deltalake_core::kernel::Metadata;
use deltalake_core::logstore::LogStoreRef;

use super::check::{self, LogTail};
use super::file_list::FileList;
use super::lease::Lease;
use super::snapshot::TableSnapshot;
use super::{TableError, delta};
use crate::durable::Disk;
use crate::model::Offset;

/// The newest version of a table, as it was found.
pub(super) struct Loaded {
    pub(super) version: u64,
    pub(super) cursor: Offset,
    pub(super) files: FileList,
    pub(super) schema: SchemaRef,
    pub(super) metadata: Metadata,
}

impl Loaded {
    /// As a snapshot of the table in `root`, kept by `lease`.
    pub(super) fn leased(self, root: &Path, lease: Lease) -> TableSnapshot {
        let Loaded { version, cursor, files, schema, metadata: _ } = self;
        let whole = Arc::default();
        TableSnapshot {
            version,
            cursor,
            files,
            schema,
            root: Arc::from(root),
            whole,
            _lease: lease,
        }
    }
}

/// Loads the newest version and checks its files.
pub(super) async fn newest(
    root: &Path,
    log: &LogStoreRef,
    tail: &LogTail,
) -> Result<Loaded, TableError> {
    let (state, cursor) = delta::load(root, log).await?;
    delta::check_writable(root, &state)?;
    let schema = delta::file_schema(&state);
    let files = delta::files(root, &state, &schema)?;
    check::data_files(root, &files, tail)?;
    let (version, metadata) = (state.version(), state.metadata().clone());
    Ok(Loaded { version, cursor, files, schema, metadata })
}

/// What an earlier process named but perhaps did not live to sync is made durable before the cursor
/// is believed.
pub(super) fn sync_tail(disk: &Disk, root: &Path, tail: &LogTail) -> Result<(), TableError> {
    let added = tail.added.iter().map(|path| root.join(path)).filter(|path| path.exists());
    for path in tail.entries.iter().cloned().chain(added) {
        disk.sync_existing(&path).map_err(TableError::io("sync", &path))?;
    }
    Ok(())
}

/// Refuses a table that was made with other columns than this version writes. One may have come
/// since that can be NULL: rows of before have none.
pub(super) fn same_columns(
    root: &Path,
    stored: &Schema,
    wanted: &Schema,
) -> Result<(), TableError> {
    let other = |detail| TableError::OtherColumns { root: root.to_path_buf(), detail };
    let named = |field: &Field| format!("{} {}", field.name(), field.data_type());
    for field in stored.fields() {
        match wanted.field_with_name(field.name()) {
            Ok(known) if known.data_type() == field.data_type() => {}
            Ok(known) => return Err(other(format!("`{}`, not `{}`", named(field), named(known)))),
            Err(_) => return Err(other(format!("`{}`, which it should not have", named(field)))),
        }
    }
    let is_missing =
        |field: &&Arc<Field>| !field.is_nullable() && stored.field_with_name(field.name()).is_err();
    match wanted.fields().iter().find(is_missing) {
        Some(field) => Err(other(format!("no `{}`", named(field)))),
        None => Ok(()),
    }
}

/// `batch` with the columns of `schema`: those that its file does not have are NULL.
pub(super) fn in_columns(
    batch: RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch);
    }
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => new_null_array(field.data_type(), batch.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema.clone(), columns)
}
