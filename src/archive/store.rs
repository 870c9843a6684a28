//! The store that fills `events`, and the reader through which questions see it: files ∪ tail.
//!
//! Invariant: a record is in exactly one of the two halves of an [`ArchiveSnapshot`], at any
//! moment: both change together under one lock, which is held for no longer than it takes to swap
//! two pointers.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::batch::{EVENTS_OPTIONS, events_by_day};
use super::{ArchiveError, EVENTS_TABLE, stored_events_schema};
use crate::log::{Batch, LogReader, NotOpen, Slot, Store, Tail};
use crate::model::Offset;
use crate::table::{Maintenance, Table, TableSnapshot};

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
#[derive(Clone, Debug, Default)]
pub struct ArchiveReader {
    slot: Slot<ArchiveSnapshot>,
}

/// Writes records into the `events` table.
pub struct Archive {
    table: Table,
    maintenance: Maintenance,
    shown: Arc<Mutex<ArchiveSnapshot>>,
}

impl ArchiveReader {
    /// Files and tail of this moment. Copies no record.
    pub fn snapshot(&self) -> Result<ArchiveSnapshot, NotOpen> {
        Ok(self.slot.current(Archive::NAME)?.lock().clone())
    }
}

impl Archive {
    /// All offsets below it are committed.
    pub fn committed(&self) -> Offset {
        self.table.cursor()
    }

    /// Waits for a compaction that runs in the background and puts it into the table.
    pub async fn finish_compaction(&mut self) -> Result<(), ArchiveError> {
        let finished = self.maintenance.finish_compaction(&mut self.table).await;
        self.shown.lock().table = self.table.snapshot();
        Ok(finished?)
    }
}

impl Store for Archive {
    const NAME: &'static str = "archive";
    const FOLDERS: &'static [&'static str] = &["archive/events"];

    type Error = ArchiveError;
    type Options = ();
    type Reader = ArchiveReader;

    async fn open(
        root: &Path,
        _log: &LogReader,
        _options: &(),
        reader: &ArchiveReader,
    ) -> Result<Archive, ArchiveError> {
        let (folder, schema) = (root.join(TABLES_FOLDER), stored_events_schema());
        let table = Table::open_or_create(&folder, EVENTS_TABLE, schema, EVENTS_OPTIONS).await?;
        let tail = Tail::starting_at(table.cursor());
        let shown = Arc::new(Mutex::new(ArchiveSnapshot { table: table.snapshot(), tail }));
        reader.slot.show(shown.clone());
        Ok(Archive { table, maintenance: Maintenance::default(), shown })
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
        let table = self.table.commit(rows, tail.start(), tail.end()).await?;
        let committed = ArchiveSnapshot { table, tail: Tail::starting_at(tail.end()) };
        let before = mem::replace(&mut *self.shown.lock(), committed);
        // Freeing 64 k records takes milliseconds: not under the lock.
        drop(before);
        self.maintenance.after_commit(&mut self.table).await?;
        self.shown.lock().table = self.table.snapshot();
        Ok(tail.end())
    }
}
