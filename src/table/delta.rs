//! The Delta log, through delta-rs: load, append, checkpoint. No other file of the crate names a
//! delta-rs type but for the actions that [`super::files`] makes.
//!
//! delta-rs's own commit lists the log twice and replays every live file with its statistics (in
//! deltalake-core 1.1.3: `get_latest_version`, then `materialize_files_with_engine`), so that a
//! commit costs the more the larger the table is. Its parts do not: the bytes of an entry are made
//! by [`CommitData`], and [`append`] puts them under the name of the version after ours, which
//! fails when that name is taken. Nothing is rebased, and no hook runs after a commit: the fence is
//! ours to hold, see [`super::Table::commit`].

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use deltalake_core::checkpoints;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{
    CommitData, CommitProperties, PROTOCOL, TransactionError,
};
use deltalake_core::kernel::{Action, Metadata, MetadataExt, StructType, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::{Error as ObjectStoreError, ObjectStoreExt};
use serde_json::{Value, json};
use url::Url;

use super::file_list::FileList;
use super::snapshot::DataFile;
use super::stats;
use super::store::SyncedStore;
use super::{DAY_COLUMN, TableError};
use crate::durable::Disk;
use crate::model::Offset;

/// The application whose transaction version is the cursor.
const APP_ID: &str = "verbatim";
/// Key of the number of actions after `commitInfo`, by which a cut commit entry is told from a
/// whole one.
pub(super) const ACTIONS_KEY: &str = "verbatimActions";
/// Commit entries older than this go at the next checkpoint. At a commit a second they are 3,600
/// files, which every opening lists, so they must not pile up for delta-rs's default of 30 days.
const LOG_RETENTION: &str = "interval 1 hours";
/// How long the log remembers removed files, for other engines: our vacuum does not ask it.
const TOMBSTONE_RETENTION: &str = "interval 1 days";

/// The store over `disk` and the log of the table in it.
pub(super) fn open(disk: Disk) -> Result<(SyncedStore, LogStoreRef), TableError> {
    let root = disk.root().to_path_buf();
    let failed = |source| delta_error("open", &root, source);
    let store = SyncedStore::new(disk).map_err(|source| failed(source.into()))?;
    // The root of the store, not of the machine.
    let url = Url::parse("file:///")
        .map_err(|_| failed(DeltaTableError::InvalidTableLocation("/".to_string())))?;
    let builder = DeltaTableBuilder::from_url(url.clone()).map_err(failed)?;
    let log = builder
        .with_storage_backend(Arc::new(store.clone()), url)
        .build_storage()
        .map_err(failed)?;
    Ok((store, log))
}

/// Writes version 0: columns, partition column, cursor 0.
pub(super) async fn create(
    root: &Path,
    name: &str,
    log: &LogStoreRef,
    schema: &Schema,
) -> Result<(), TableError> {
    let failed = |source| delta_error("create", root, source);
    let mut columns: Vec<Field> =
        schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    columns.push(Field::new(DAY_COLUMN, DataType::Date32, false));
    let columns: StructType = (&Schema::new(columns))
        .try_into_kernel()
        .map_err(|source| failed(DeltaTableError::Arrow { source }))?;
    CreateBuilder::new()
        .with_log_store(log.clone())
        .with_table_name(name)
        .with_columns(columns.fields().cloned())
        .with_partition_columns([DAY_COLUMN])
        .with_configuration([
            ("delta.logRetentionDuration", Some(LOG_RETENTION)),
            ("delta.deletedFileRetentionDuration", Some(TOMBSTONE_RETENTION)),
        ])
        // Protocol, metadata and the transaction.
        .with_commit_properties(properties(2, Offset(0)))
        .await
        .map(drop)
        .or_else(|error| {
            // Someone else made it at the same moment; which columns it has is checked after
            // loading.
            if is_overtaken(&error) { Ok(()) } else { Err(failed(error)) }
        })
}

/// The newest version, with its cursor.
pub(super) async fn load(
    root: &Path,
    log: &LogStoreRef,
) -> Result<(DeltaTableState, Offset), TableError> {
    let failed = |source| delta_error("read", root, source);
    let state = DeltaTableState::try_new(log, None).await.map_err(failed)?;
    let cursor = state.transaction_version(log, APP_ID).await.map_err(failed)?.unwrap_or(0);
    Ok((state, Offset(u64::try_from(cursor).unwrap_or(0))))
}

/// What tells other engines of the columns that `wanted` has and the table of `metadata` does not
/// name yet; `None` where it names them all.
pub(super) fn columns_to_add(
    root: &Path,
    metadata: &Metadata,
    stored: &Schema,
    wanted: &Schema,
) -> Result<Option<(Action, DeltaOperation)>, TableError> {
    let is_new = |field: &&Arc<Field>| stored.field_with_name(field.name()).is_err();
    let new: Vec<Field> =
        wanted.fields().iter().filter(is_new).map(|field| field.as_ref().clone()).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let failed = |source| delta_error("add columns to", root, source);
    let of_arrow = |fields: Vec<Field>| -> Result<StructType, TableError> {
        (&Schema::new(fields))
            .try_into_kernel()
            .map_err(|source| failed(DeltaTableError::Arrow { source }))
    };
    let added = of_arrow(new.clone())?;
    let named = stored.fields().iter().map(|field| field.as_ref().clone());
    let day = Field::new(DAY_COLUMN, DataType::Date32, false);
    let all = of_arrow(named.chain(new).chain([day]).collect())?;
    let metadata = metadata.clone().with_schema(&all).map_err(|source| failed(source.into()))?;
    let operation = DeltaOperation::AddColumn { fields: added.fields().cloned().collect() };
    Ok(Some((Action::Metadata(metadata), operation)))
}

/// Refuses a table whose protocol asks for more of a writer than delta-rs knows.
pub(super) fn check_writable(root: &Path, state: &DeltaTableState) -> Result<(), TableError> {
    let failed = |source: TransactionError| delta_error("write to", root, source.into());
    PROTOCOL.can_write_to(state).map_err(failed)
}

/// The live files of a snapshot.
pub(super) fn files(
    root: &Path,
    state: &DeltaTableState,
    schema: &Schema,
) -> Result<FileList, TableError> {
    let mut files = Vec::new();
    for view in state.log_data().iter() {
        let path = view.path().into_owned();
        let day = view.partition_values_map().remove(DAY_COLUMN).flatten();
        let day = day.and_then(|day| day.parse::<NaiveDate>().ok());
        let said = view.stats().and_then(|said| stats::from_json(schema, &said));
        let (Some(day), Some((rows, columns))) = (day, said) else {
            return Err(TableError::Damaged {
                path: root.join(&path),
                expected: "a day and a number of rows in the Delta log".to_string(),
                found: "neither or one of them".to_string(),
            });
        };
        let bytes = u64::try_from(view.size()).unwrap_or(0);
        let (path, stats) = (path.into(), columns.into());
        files.push(DataFile { path, day, rows, bytes, stats, since: 0 });
    }
    Ok(files.into_iter().collect())
}

/// Appends `actions` and the cursor as the version after `version`, or fails with nothing changed.
/// Every error but [`is_overtaken`] leaves open whether the entry is there.
pub(super) async fn append(
    log: &LogStoreRef,
    version: u64,
    actions: Vec<Action>,
    operation: DeltaOperation,
    cursor: Offset,
) -> Result<(), DeltaTableError> {
    let cleaned_below = checkpoint_hint(log).await?;
    if cleaned_below.is_some_and(|checkpoint| checkpoint > version) {
        // The name of the next version may be free again: entries below a checkpoint expire.
        return Err(TransactionError::VersionAlreadyExists(version + 1).into());
    }
    let metadata = [(ACTIONS_KEY.to_string(), json!(actions.len() + 1))];
    let data = CommitData::new(actions, operation, metadata.into(), vec![transaction(cursor)]);
    let entry = CommitOrBytes::LogBytes(data.get_bytes()?);
    Ok(log.write_commit_entry(version + 1, entry, Default::default()).await?)
}

/// The version of the newest checkpoint, as its writer noted it down.
async fn checkpoint_hint(log: &LogStoreRef) -> Result<Option<u64>, DeltaTableError> {
    let path = log.log_path().clone().join("_last_checkpoint");
    let noted = match log.object_store(None).get(&path).await {
        Ok(found) => found.bytes().await?,
        Err(ObjectStoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let noted: Option<Value> = serde_json::from_slice(&noted).ok();
    Ok(noted.and_then(|noted| noted["version"].as_u64()))
}

/// Whether a commit failed because another writer made that version first.
pub(super) fn is_overtaken(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(
                source,
                TransactionError::VersionAlreadyExists(_) | TransactionError::MaxCommitAttempts(_)
            )
        }
        _ => false,
    }
}

/// Writes a checkpoint of `version` and removes expired commit entries below it.
pub(super) async fn checkpoint(log: &LogStoreRef, version: u64) -> Result<(), DeltaTableError> {
    let mut table = DeltaTable::new(log.clone());
    table.state = Some(DeltaTableState::try_new(log, Some(version)).await?);
    checkpoints::create_checkpoint(&table, None).await?;
    checkpoints::cleanup_metadata(&table, None).await?;
    Ok(())
}

/// The columns of the files: those of the table without the partition column.
pub(super) fn file_schema(state: &DeltaTableState) -> SchemaRef {
    let fields: Vec<_> = state
        .snapshot()
        .arrow_schema()
        .fields()
        .iter()
        .filter(|field| field.name() != DAY_COLUMN)
        .cloned()
        .collect();
    Arc::new(Schema::new(fields))
}

pub(super) fn delta_error(
    action: &'static str,
    root: &Path,
    source: DeltaTableError,
) -> TableError {
    TableError::Delta { action, root: root.to_path_buf(), source: Box::new(source) }
}

/// What goes with version 0: the cursor, the number of actions, no hooks.
fn properties(actions: usize, cursor: Offset) -> CommitProperties {
    CommitProperties::default()
        .with_max_retries(0)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
        .with_application_transaction(transaction(cursor))
        .with_metadata([(ACTIONS_KEY.to_string(), json!(actions + 1))])
}

fn transaction(cursor: Offset) -> Transaction {
    Transaction::new(APP_ID, i64::try_from(cursor.0).unwrap_or(i64::MAX))
}
