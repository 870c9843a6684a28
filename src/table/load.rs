//! What a handle starts from: the newest version, checked, made durable, with the columns that are
//! wanted.
//!
//! It repairs nothing and makes nothing.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
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
}

impl Loaded {
    /// As a snapshot of the table in `root`, kept by `lease`.
    pub(super) fn leased(self, root: &Path, lease: Lease) -> TableSnapshot {
        let Loaded { version, cursor, files, schema } = self;
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
    Ok(Loaded { version: state.version(), cursor, files, schema })
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

/// Refuses a table that was made with other columns than this version writes.
pub(super) fn same_columns(
    root: &Path,
    stored: &Schema,
    wanted: &Schema,
) -> Result<(), TableError> {
    let names = |schema: &Schema| -> Vec<String> {
        schema
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect()
    };
    let (stored, wanted) = (names(stored), names(wanted));
    match stored.iter().zip(&wanted).find(|(stored, wanted)| stored != wanted) {
        None if stored.len() == wanted.len() => Ok(()),
        None => Err(TableError::OtherColumns {
            root: root.to_path_buf(),
            detail: format!("{} columns, not {}", stored.len(), wanted.len()),
        }),
        Some((stored, wanted)) => Err(TableError::OtherColumns {
            root: root.to_path_buf(),
            detail: format!("`{stored}`, not `{wanted}`"),
        }),
    }
}
