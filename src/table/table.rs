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
//! - no row crosses days: each file holds rows of one day;
//! - a commit does no work for the files that were there before.
//!
//! It does not know what a record is, does not decide when to commit, and never repairs.

use std::collections::BTreeSet;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use deltalake_core::kernel::Action;
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::blocking::on_blocking;
use super::compaction::{self, Compacted, Compaction, Due};
use super::file_list::FileList;
use super::lease::{Gate, Leases};
use super::load::Loaded;
use super::merge::Pace;
use super::options::TableOptions;
use super::poison::Poison;
use super::snapshot::{DataFile, TableSnapshot};
use super::store::SyncedStore;
use super::vacuum::{self, Garbage, Vacuumed};
use super::{DAY_COLUMN, TableError, check, delta, files, load};
use crate::durable::Disk;
use crate::model::{MaintenanceState, Micros, Offset};

/// Commits between two checkpoints. Opening replays at most this many entries, all at once: the
/// kernel sets aside 2 MiB for each (arrow-json's tape for 1,000 actions of 60 fields), so that a
/// hundred took 250 MiB in each table.
const CHECKPOINT_VERSIONS: u64 = 20;
/// A checkpoint writes a line for each live file, so it comes the more seldom the more there are:
/// no commit pays for more than this many lines, and 10,000 files make it 50 commits.
const CHECKPOINT_FILES_A_VERSION: u64 = 200;

/// A table. Clones are the same one: a commit waits for the other's, whoever makes it.
#[derive(Clone)]
pub struct Table {
    shared: Arc<Shared>,
}

struct Shared {
    options: TableOptions,
    store: SyncedStore,
    log: LogStoreRef,
    leases: Arc<Leases>,
    garbage: Garbage,
    poison: Poison,
    newest: Mutex<TableSnapshot>,
    /// Days whose files changed since somebody asked.
    touched: Mutex<BTreeSet<NaiveDate>>,
    /// Held while an entry of the log is written, and for nothing else.
    end_of_log: tokio::sync::Mutex<()>,
    checkpoint: Mutex<u64>,
    maintenance: Mutex<MaintenanceState>,
}

impl Table {
    /// Opens the table in `root/name`, made when missing, after checking the tail of its log and
    /// that all its files are there.
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
        let leases = Leases::of(&root);
        let loaded = load::newest(&root, &log, &tail).await?;
        load::same_columns(&root, &loaded.schema, &schema)?;
        let columns = delta::columns_to_add(&root, &loaded.metadata, &loaded.schema, &schema)?;
        let garbage = Garbage::found(&root, &loaded.files, loaded.version)?;
        let lease = leases.take(loaded.version);
        let newest = Loaded { schema, ..loaded }.leased(&root, lease);
        let shared = Shared {
            options,
            store,
            log,
            leases,
            garbage,
            poison: Poison::default(),
            touched: Mutex::new(newest.files.days().collect()),
            newest: Mutex::new(newest),
            end_of_log: tokio::sync::Mutex::default(),
            checkpoint: Mutex::new(tail.checkpoint.unwrap_or(0)),
            maintenance: Mutex::default(),
        };
        let table = Table { shared: Arc::new(shared) };
        if let Some((metadata, operation)) = columns {
            let _end_of_log = table.shared.end_of_log.lock().await;
            table.append(vec![metadata], operation, &[], &[], table.cursor()).await?;
        }
        Ok(table)
    }

    /// The newest snapshot of the table in `root/name`, checked like [`Table::open_or_create`]
    /// does. It changes nothing in the table; as long as the snapshot lives, a lease keeps the
    /// writer's vacuum, in whatever process, from the files it lists.
    pub async fn open_read_only(root: &Path, name: &str) -> Result<TableSnapshot, TableError> {
        let root = root.join(name);
        if !root.is_dir() || !check::has_log(&root)? {
            return Err(TableError::NotFound { root });
        }
        let root = root.canonicalize().map_err(TableError::io("open", &root))?;
        let at = root.clone();
        let gate = on_blocking(move || Ok::<_, TableError>(Gate::enter(&at))).await?;
        let tail = check::log_tail(&root)?;
        let (_, log) = delta::open(Disk::at(&root))?;
        let loaded = load::newest(&root, &log, &tail).await?;
        let lease = gate.lease(loaded.version);
        Ok(loaded.leased(&root, lease))
    }

    /// All offsets below it are in the table.
    pub fn cursor(&self) -> Offset {
        self.shared.newest.lock().cursor
    }

    /// What the table holds now.
    pub fn snapshot(&self) -> TableSnapshot {
        self.shared.newest.lock().clone()
    }

    /// Adds rows and moves the cursor from `expected` to `next`, durably and in one step. Each
    /// batch holds rows of its day only and becomes a file; there may be none, which moves the
    /// cursor alone.
    pub async fn commit(
        &self,
        batches: Vec<(NaiveDate, RecordBatch)>,
        expected: Offset,
        next: Offset,
    ) -> Result<TableSnapshot, TableError> {
        self.check_open()?;
        self.check_cursor(expected)?;
        if next < expected {
            return Err(TableError::CursorBack { root: self.root(), from: expected, to: next });
        }
        // What was refused so far shuts nothing; what fails from here on shuts the handle.
        let write = self.shared.poison.begin_write();
        let added = self.write_files(batches, next).await?;
        let _end_of_log = self.shared.end_of_log.lock().await;
        self.check_cursor(expected)?;
        let actions = added.iter().map(|file| Action::Add(files::add_action(file, true))).collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![DAY_COLUMN.to_string()]),
            predicate: None,
        };
        self.append(actions, operation, &[], &added, next).await?;
        write.done();
        Ok(self.snapshot())
    }

    /// What compaction has to do in the files of `day`, those named in `aside` left out.
    pub(super) fn compaction_due(&self, day: NaiveDate, aside: &BTreeSet<PathBuf>) -> Option<Due> {
        let snapshot = self.snapshot();
        let files = snapshot.files.of_day(day).iter();
        let files: Vec<DataFile> =
            files.filter(|file| !aside.contains(&snapshot.path_of(file))).cloned().collect();
        // By what was committed, not by the clock: a day is over when rows of a later one came.
        let is_closed = snapshot.files.days().next_back().is_some_and(|newest| newest > day);
        compaction::due(&files, is_closed)
    }

    /// A step that is due, to be run where it may block; its result goes to
    /// [`Table::commit_compaction`].
    pub(super) fn compaction(&self, due: Due) -> Compaction {
        let disk = self.shared.store.disk().clone();
        Compaction::new(due, self.snapshot(), self.shared.options, disk)
    }

    /// Puts a compacted file in the place of those it was made from. Rows and cursor stay as they
    /// are. Changes nothing when one of those files is no longer live: another compaction took it,
    /// and its rows must not come twice.
    pub(super) async fn commit_compaction(&self, compacted: Compacted) -> Result<(), TableError> {
        let Compacted { inputs, output, snapshot: _until_the_end } = compacted;
        let _end_of_log = self.shared.end_of_log.lock().await;
        let (live, cursor) = {
            let newest = self.shared.newest.lock();
            (newest.files.clone(), newest.cursor)
        };
        if !inputs.iter().all(|input| live.contains(input)) {
            self.discard(&[output]);
            return Ok(());
        }
        let now = Micros::now();
        let removed = inputs.iter().map(|file| Action::Remove(files::remove_action(file, now)));
        let added = Action::Add(files::add_action(&output, false));
        let actions = removed.chain([added]).collect();
        let operation = DeltaOperation::Optimize {
            predicate: None,
            target_size: compaction::TARGET_BYTES as i64,
        };
        let write = self.shared.poison.begin_write();
        self.append(actions, operation, &inputs, &[output], cursor).await?;
        write.done();
        Ok(())
    }

    /// Puts `new` files in the place of `old` ones. False, with nothing changed, where one of those is
    /// no longer live.
    pub(super) async fn replace(
        &self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        old: &[DataFile],
        new: &[DataFile],
    ) -> Result<bool, TableError> {
        self.check_open()?;
        let _end_of_log = self.shared.end_of_log.lock().await;
        let (live, cursor) = {
            let newest = self.shared.newest.lock();
            (newest.files.clone(), newest.cursor)
        };
        if !old.iter().all(|file| live.contains(file)) {
            self.discard(new);
            return Ok(false);
        }
        let write = self.shared.poison.begin_write();
        self.append(actions, operation, old, new, cursor).await?;
        write.done();
        Ok(true)
    }

    /// Lets the next vacuum delete files that never were in the table.
    pub(super) fn discard(&self, files: &[DataFile]) {
        self.shared.garbage.add(&self.root(), files, 0);
    }

    pub(super) fn options(&self) -> TableOptions {
        self.shared.options
    }

    pub(super) fn disk(&self) -> Arc<Disk> {
        self.shared.store.disk().clone()
    }

    /// Runs every compaction that is due, here and now. Returns how many there were.
    pub async fn compact(&self) -> Result<usize, TableError> {
        let mut steps = 0;
        for day in self.snapshot().files.days() {
            while let Some(due) = self.compaction_due(day, &BTreeSet::new()) {
                let compaction = self.compaction(due);
                let compacted =
                    on_blocking(move || compaction.run(Pace::Full, CancellationToken::new()))
                        .await?;
                self.commit_compaction(compacted).await?;
                steps += 1;
            }
        }
        Ok(steps)
    }

    /// Deletes files that left the table at least `rest` ago and that nobody reads.
    pub async fn vacuum(&self, rest: Duration) -> Result<Vacuumed, TableError> {
        let (shared, version) = (self.shared.clone(), self.snapshot().version);
        on_blocking(move || {
            vacuum::run(&shared.garbage, &shared.leases, shared.store.disk(), version, rest)
        })
        .await
    }

    /// What its maintenance is at.
    pub fn maintenance(&self) -> MaintenanceState {
        let mut state = self.shared.maintenance.lock().clone();
        let newest = self.snapshot();
        let damaged = newest.whole.damaged().into_iter().map(|path| newest.root.join(&*path));
        state.set_aside.extend(damaged);
        state.set_aside.sort_unstable();
        state.set_aside.dedup();
        state
    }

    pub(super) fn change_maintenance(&self, change: impl FnOnce(&mut MaintenanceState)) {
        change(&mut self.shared.maintenance.lock());
    }

    /// Files and bytes that left the table and wait for their readers.
    pub(super) fn garbage(&self) -> (u64, u64) {
        self.shared.garbage.waiting()
    }

    /// Writes a checkpoint when enough was committed since the last one. It only makes opening
    /// quicker: without one nothing is lost.
    pub async fn checkpoint_if_due(&self) -> Result<(), TableError> {
        let TableSnapshot { version, files, root, .. } = self.snapshot();
        let seldom = files.len() as u64 / CHECKPOINT_FILES_A_VERSION;
        let last = *self.shared.checkpoint.lock();
        if version < last + CHECKPOINT_VERSIONS.max(seldom) {
            return Ok(());
        }
        // Tried once for each so many versions, whatever becomes of it.
        *self.shared.checkpoint.lock() = version;
        let failed = |source| delta::delta_error("write a checkpoint of", &root, source);
        delta::checkpoint(&self.shared.log, version).await.map_err(failed)
    }

    /// Days whose files changed since this was last asked; all of them at first.
    pub(super) fn touched_days(&self) -> BTreeSet<NaiveDate> {
        mem::take(&mut *self.shared.touched.lock())
    }

    fn root(&self) -> PathBuf {
        self.shared.store.disk().root().to_path_buf()
    }

    fn check_cursor(&self, expected: Offset) -> Result<(), TableError> {
        match self.cursor() {
            stored if stored == expected => Ok(()),
            stored => Err(TableError::Fenced { root: self.root(), stored, expected }),
        }
    }

    fn check_open(&self) -> Result<(), TableError> {
        if self.shared.poison.is_poisoned() {
            return Err(TableError::Closed { root: self.root() });
        }
        Ok(())
    }

    async fn write_files(
        &self,
        batches: Vec<(NaiveDate, RecordBatch)>,
        next: Offset,
    ) -> Result<Vec<DataFile>, TableError> {
        let (snapshot, shared) = (self.snapshot(), self.shared.clone());
        on_blocking(move || {
            let (disk, options) = (shared.store.disk(), &shared.options);
            let rows = batches.into_iter().filter(|(_, batch)| batch.num_rows() > 0);
            rows.map(|(day, batch)| files::write_live(disk, &snapshot, options, day, batch, next))
                .collect()
        })
        .await
    }

    /// The one place where a version is made. The caller holds the end of the log.
    async fn append(
        &self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        removed: &[DataFile],
        added: &[DataFile],
        cursor: Offset,
    ) -> Result<(), TableError> {
        // The other kind of write may have failed while this one waited.
        self.check_open()?;
        let Shared { log, newest, .. } = &*self.shared;
        let before = self.snapshot();
        match delta::append(log, before.version, actions, operation, cursor).await {
            Ok(()) => {}
            Err(error) if delta::is_overtaken(&error) => {
                let (_, stored) = delta::load(&before.root, log).await?;
                let (root, expected) = (self.root(), before.cursor);
                return Err(TableError::Fenced { root, stored, expected });
            }
            Err(error) => return Err(delta::delta_error("commit to", &before.root, error)),
        }
        let version = before.version + 1;
        let files = before.files.changed(removed, added);
        added.iter().for_each(|file| before.whole.note(&file.path));
        removed.iter().for_each(|file| before.whole.forget(&file.path));
        self.touch(&before.files, removed.iter().chain(added));
        self.shared.garbage.add(&before.root, removed, version);
        let lease = self.shared.leases.take(version);
        *newest.lock() = TableSnapshot { version, cursor, files, _lease: lease, ..before };
        Ok(())
    }

    /// Notes down the days of `changed`; where a new day begins, the one before is over.
    fn touch<'a>(&self, before: &FileList, changed: impl Iterator<Item = &'a DataFile>) {
        let mut touched = self.shared.touched.lock();
        touched.extend(changed.map(|file| file.day));
        if let Some(last) = before.days().next_back()
            && touched.last().is_some_and(|day| *day > last)
        {
            touched.insert(last);
        }
    }
}
