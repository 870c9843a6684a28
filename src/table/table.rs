//! One Delta table with a cursor: created, opened, appended to, its small files replaced by
//! compacted ones.
//!
//! Invariants:
//! - data and cursor change in one Delta commit, which is on stable storage when [`Table::commit`]
//!   returns;
//! - a commit is made only when the cursor of the very snapshot it builds on is the one expected,
//!   and it is never rebased: two writers cannot both move the cursor from the same place (test
//!   `a_stale_writer_is_fenced`);
//! - after a failed write nothing is written again through this handle: whether the commit is there
//!   is known only to whoever opens the table next;
//! - no row crosses days: each file holds rows of one UTC day.
//!
//! It does not know what a record is, does not decide when to commit, and never repairs.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use deltalake_core::kernel::Action;
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use tokio_util::sync::CancellationToken;

use super::blocking::on_blocking;
use super::compaction::{self, Compacted, Compaction};
use super::options::TableOptions;
use super::poison::{Poison, Write};
use super::snapshot::{DataFile, TableSnapshot};
use super::store::SyncedStore;
use super::vacuum::{self, Vacuumed};
use super::{DAY_COLUMN, TableError, check, delta, files, load};
use crate::durable::Disk;
use crate::model::{Micros, Offset};

/// A checkpoint every so many commits: opening replays at most this many entries.
const CHECKPOINT_EVERY_VERSIONS: u64 = 100;

/// The one writer of a table. Readers take [`Table::snapshot`].
pub struct Table {
    options: TableOptions,
    store: SyncedStore,
    log: LogStoreRef,
    state: DeltaTableState,
    snapshot: TableSnapshot,
    poison: Poison,
    checkpoint: u64,
}

impl Table {
    /// Opens the table in `root/name`, made when missing, after checking the tail of its log and
    /// all its files.
    pub async fn open_or_create(
        root: &Path,
        name: &str,
        schema: SchemaRef,
        options: TableOptions,
    ) -> Result<Table, TableError> {
        let root = root.join(name);
        let disk = Disk::open(&root).map_err(TableError::io("make", &root))?;
        Table::open_on(disk, name, schema, options).await
    }

    pub(super) async fn open_on(
        disk: Disk,
        name: &str,
        schema: SchemaRef,
        options: TableOptions,
    ) -> Result<Table, TableError> {
        let root = disk.root().to_path_buf();
        let (store, log) = delta::open(disk)?;
        if !check::has_log(&root)? {
            delta::create(&root, name, &log, &schema).await?;
        }
        let tail = check::log_tail(&root)?;
        load::sync_tail(store.disk(), &root, &tail)?;
        let (state, snapshot) = load::newest(&root, &log, &tail).await?;
        load::same_columns(&root, &snapshot.schema, &schema)?;
        let snapshot = TableSnapshot { schema, ..snapshot };
        let checkpoint = tail.checkpoint.unwrap_or(0);
        Ok(Table { options, store, log, state, snapshot, poison: Poison::default(), checkpoint })
    }

    /// The newest snapshot of the table in `root/name`, checked like [`Table::open_or_create`]
    /// does. Writes nothing.
    pub async fn open_read_only(root: &Path, name: &str) -> Result<TableSnapshot, TableError> {
        let root = root.join(name);
        if !root.is_dir() || !check::has_log(&root)? {
            return Err(TableError::NotFound { root });
        }
        let root = root.canonicalize().map_err(TableError::io("open", &root))?;
        let tail = check::log_tail(&root)?;
        let (_, log) = delta::open(Disk::at(&root))?;
        Ok(load::newest(&root, &log, &tail).await?.1)
    }

    /// All offsets below it are in the table.
    pub fn cursor(&self) -> Offset {
        self.snapshot.cursor
    }

    /// What the table holds now.
    pub fn snapshot(&self) -> TableSnapshot {
        self.snapshot.clone()
    }

    /// The live files now.
    pub fn files(&self) -> &[DataFile] {
        &self.snapshot.files
    }

    /// Adds rows and moves the cursor from `expected` to `next`, durably and in one step. Each
    /// batch holds rows of its day only; there may be none, which moves the cursor alone.
    pub async fn commit(
        &mut self,
        batches: Vec<(NaiveDate, RecordBatch)>,
        expected: Offset,
        next: Offset,
    ) -> Result<TableSnapshot, TableError> {
        let write = self.begin_write(expected, next)?;
        let added = self.write_files(batches, next).await?;
        let actions = added.iter().map(|file| Action::Add(files::add_action(file, true))).collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![DAY_COLUMN.to_string()]),
            predicate: None,
        };
        let live = self.files().iter().cloned().chain(added).collect();
        self.commit_actions(actions, operation, live, next).await?;
        write.done();
        self.checkpoint_if_due().await;
        Ok(self.snapshot())
    }

    /// A compaction that is due, to be run where it may block; its result goes to
    /// [`Table::commit_compaction`].
    pub fn compaction_due(&self) -> Option<Compaction> {
        let due = compaction::due(self.files())?;
        Some(Compaction::new(due, self.snapshot(), self.options, self.store.disk().clone()))
    }

    /// Puts a compacted file in the place of those it was made from. Rows and cursor stay as they
    /// are. Changes nothing when one of those files is no longer live: another compaction took it,
    /// and its rows must not come twice.
    pub async fn commit_compaction(
        &mut self,
        compacted: Compacted,
    ) -> Result<TableSnapshot, TableError> {
        let write = self.begin_write(self.cursor(), self.cursor())?;
        let replaced =
            |file: &DataFile| compacted.inputs.iter().any(|input| input.path == file.path);
        if self.files().iter().filter(|file| replaced(file)).count() != compacted.inputs.len() {
            write.done();
            return Ok(self.snapshot());
        }
        let now = Micros::now();
        let mut actions: Vec<Action> = compacted
            .inputs
            .iter()
            .map(|file| Action::Remove(files::remove_action(file, now)))
            .collect();
        actions.push(Action::Add(files::add_action(&compacted.output, false)));
        let kept = self.files().iter().filter(|file| !replaced(file)).cloned();
        let live = kept.chain([compacted.output.clone()]).collect();
        let operation =
            DeltaOperation::Optimize { predicate: None, target_size: compaction::TARGET_BYTES };
        self.commit_actions(actions, operation, live, self.cursor()).await?;
        write.done();
        self.checkpoint_if_due().await;
        Ok(self.snapshot())
    }

    /// Runs one compaction that is due, here and now. Returns whether there was one.
    pub async fn compact(&mut self) -> Result<bool, TableError> {
        let Some(compaction) = self.compaction_due() else { return Ok(false) };
        let compacted = on_blocking(move || compaction.run(CancellationToken::new())).await?;
        self.commit_compaction(compacted).await?;
        Ok(true)
    }

    /// Deletes files that left the table more than [`super::REMOVED_FILE_GRACE`] before `now`, and
    /// leftovers of processes that died.
    pub async fn vacuum(&self, now: Micros) -> Result<Vacuumed, TableError> {
        vacuum::run(&self.snapshot, &self.state, &self.log, self.store.disk().clone(), now).await
    }

    fn root(&self) -> PathBuf {
        self.snapshot.root.to_path_buf()
    }

    /// Begins a write that moves the cursor from `expected` to `next`. What is refused here shuts
    /// nothing; what fails from here on shuts the handle.
    fn begin_write(&self, expected: Offset, next: Offset) -> Result<Write, TableError> {
        if self.poison.is_poisoned() {
            return Err(TableError::Closed { root: self.root() });
        }
        if self.cursor() != expected {
            return Err(self.fenced(self.cursor(), expected));
        }
        if next < expected {
            return Err(TableError::CursorBack { root: self.root(), from: expected, to: next });
        }
        Ok(self.poison.begin_write())
    }

    fn fenced(&self, stored: Offset, expected: Offset) -> TableError {
        TableError::Fenced { root: self.root(), stored, expected }
    }

    async fn write_files(
        &self,
        batches: Vec<(NaiveDate, RecordBatch)>,
        next: Offset,
    ) -> Result<Vec<DataFile>, TableError> {
        let (snapshot, options, disk) = (self.snapshot(), self.options, self.store.disk().clone());
        on_blocking(move || {
            let rows = batches.into_iter().filter(|(_, batch)| batch.num_rows() > 0);
            rows.map(|(day, batch)| files::write_live(&disk, &snapshot, &options, day, batch, next))
                .collect()
        })
        .await
    }

    /// The one place where a version is made.
    async fn commit_actions(
        &mut self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        files: Vec<DataFile>,
        cursor: Offset,
    ) -> Result<(), TableError> {
        match delta::commit(&self.state, &self.log, actions, operation, cursor).await {
            Ok(state) => self.state = state,
            Err(error) if delta::is_overtaken(&error) => {
                let (_, stored) = delta::load(&self.snapshot.root, &self.log).await?;
                return Err(self.fenced(stored, self.cursor()));
            }
            Err(error) => return Err(delta::delta_error("commit to", &self.snapshot.root, error)),
        }
        self.snapshot = TableSnapshot {
            version: self.state.version(),
            cursor,
            files: files.into(),
            ..self.snapshot.clone()
        };
        Ok(())
    }

    /// A checkpoint only makes opening quicker: without one nothing is lost, so its failure is
    /// told, not returned.
    async fn checkpoint_if_due(&mut self) {
        if self.snapshot.version < self.checkpoint + CHECKPOINT_EVERY_VERSIONS {
            return;
        }
        self.checkpoint = self.snapshot.version;
        match delta::checkpoint(&self.state, &self.log).await {
            Ok(state) => self.state = state,
            Err(error) => {
                let root = self.snapshot.root.display();
                tracing::warn!(%root, %error, "no checkpoint of the table's log could be written");
            }
        }
    }
}
