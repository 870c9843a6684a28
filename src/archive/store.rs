//! The store that fills `events`, and the reader through which questions see it: files ∪ tail.
//!
//! Invariant: a record is in exactly one of the two halves of an [`ArchiveSnapshot`], at any
//! moment. A commit takes the whole tail, so between it and the next record the table's cursor is
//! the tail's start or its end; at its end, the tail is left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::batch::{EVENTS_OPTIONS, events_by_day};
use super::{ArchiveError, EVENTS_TABLE, stored_events_schema};
use crate::log::{Batch, Forgot, Forgotten, LogReader, NotOpen, Slot, Store, Tail};
use crate::model::{MaintenanceState, Offset};
use crate::table::{Maintenance, Table, TableError, TableSnapshot};

/// The folder of all Delta tables.
const TABLES_FOLDER: &str = "archive";

/// What the archive can answer from at one moment: everything below the tail's end, once.
#[derive(Clone, Debug)]
pub struct ArchiveSnapshot {
    /// What is committed: all offsets below its cursor.
    pub table: TableSnapshot,
    /// Records from the table's cursor on.
    pub tail: Tail,
}

/// What questions hold.
#[derive(Clone, Default)]
pub struct ArchiveReader {
    pub(super) slot: Slot<Shown>,
    /// Held while trimmed records are read back.
    pub(super) turn: Arc<Mutex<()>>,
}

/// What the store changes and questions read.
pub(super) struct Shown {
    pub(super) table: Table,
    tail: Tail,
}

/// Writes records into the `events` table.
pub struct Archive {
    table: Table,
    _maintenance: Maintenance,
    shown: Arc<Mutex<Shown>>,
}

impl ArchiveReader {
    /// Files and tail of this moment. Copies no record.
    pub fn snapshot(&self) -> Result<ArchiveSnapshot, NotOpen> {
        let shown = self.slot.current(Archive::NAME)?;
        let shown = shown.lock();
        let table = shown.table.snapshot();
        let is_committed = table.cursor == shown.tail.end();
        let tail = if is_committed { Tail::starting_at(table.cursor) } else { shown.tail.clone() };
        Ok(ArchiveSnapshot { table, tail })
    }
}

/// The newest committed snapshot of the data directory `root`, whoever writes there; `None` where
/// there is no archive. Its files stay as long as it lives.
pub async fn committed_snapshot(root: &Path) -> Result<Option<TableSnapshot>, ArchiveError> {
    match Table::open_read_only(&root.join(TABLES_FOLDER), EVENTS_TABLE).await {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(TableError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where in a data directory the table of records lies.
pub fn events_folder() -> PathBuf {
    Path::new(TABLES_FOLDER).join(EVENTS_TABLE)
}

impl Store for Archive {
    const NAME: &'static str = "archive";
    const FOLDERS: &'static [&'static str] = &["archive/events"];

    type Error = ArchiveError;
    type Options = ();
    type Reader = ArchiveReader;

    async fn open(
        root: &Path,
        log: &LogReader,
        _options: &(),
        reader: &ArchiveReader,
    ) -> Result<Archive, ArchiveError> {
        let (folder, schema) = (root.join(TABLES_FOLDER), stored_events_schema());
        let oldest = log.oldest();
        if oldest > Offset(0) && !folder.join(EVENTS_TABLE).is_dir() {
            return Err(ArchiveError::Gone { oldest });
        }
        let table = Table::open_or_create(&folder, EVENTS_TABLE, schema, EVENTS_OPTIONS).await?;
        let tail = Tail::starting_at(table.cursor());
        let maintenance = Maintenance::start(&table);
        let shown = Arc::new(Mutex::new(Shown { table: table.clone(), tail }));
        reader.slot.show(shown.clone());
        Ok(Archive { table, _maintenance: maintenance, shown })
    }

    async fn committed(root: &Path) -> Result<Offset, ArchiveError> {
        let snapshot = committed_snapshot(root).await?;
        Ok(snapshot.map_or(Offset(0), |snapshot| snapshot.cursor))
    }

    fn maintenance(reader: &ArchiveReader) -> MaintenanceState {
        let shown = reader.slot.current(Archive::NAME);
        shown.map(|shown| shown.lock().table.maintenance()).unwrap_or_default()
    }

    fn applied(&self) -> Offset {
        self.shown.lock().tail.end()
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), ArchiveError> {
        Ok(self.shown.lock().tail.append(batch)?)
    }

    async fn commit(&mut self) -> Result<Offset, ArchiveError> {
        let tail = self.shown.lock().tail.clone();
        if tail.is_empty() {
            return Ok(tail.end());
        }
        let rows = events_by_day(tail.records())?;
        self.table.commit(rows, tail.start(), tail.end()).await?;
        let committed = Tail::starting_at(tail.end());
        self.shown.lock().tail = committed;
        // Freeing 64 k records takes milliseconds: here, not under the lock.
        let end = tail.end();
        drop(tail);
        Ok(end)
    }

    /// Nothing is left to do: the archive is where records are erased first, by
    /// [`ArchiveReader::prepare_erasure`].
    async fn forget(&mut self, _: &Forgotten) -> Result<Forgot, ArchiveError> {
        Ok(Forgot::All)
    }
}
