//! The follower that fills `events`, and the handle through which questions see it: files ∪ tail.
//!
//! Invariant: a record is in exactly one of the two halves of an [`ArchiveSnapshot`], at any moment: both change
//! together under one lock, which is held for no longer than it takes to swap two pointers.

use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::{EVENTS_OPTIONS, events_by_day};
use super::{ArchiveError, EVENTS_TABLE};
use crate::log::Sink;
use crate::model::{Offset, Record, fields};
use crate::table::{Table, TableSnapshot, Upkeep, on_blocking};

/// Records of one chunk of the tail.
const CHUNK_RECORDS: usize = 4_096;
/// Most records waiting for a commit: × about 1 KiB = 128 MiB. Twice what a [`crate::log::CommitPolicy`] should allow,
/// so that it is reached only when commits were forgotten.
const TAIL_RECORDS_MAX: usize = 131_072;

/// What the archive can answer from at one moment: everything in `[0, applied)`, once.
#[derive(Clone, Debug)]
pub struct ArchiveSnapshot {
    /// What is committed: all offsets below its cursor.
    pub table: TableSnapshot,
    /// Records from the table's cursor on, in offset order, in chunks.
    pub tail: Vec<Arc<Vec<Arc<Record>>>>,
    /// First offset that is in neither.
    pub applied: Offset,
}

/// What questions hold. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArchiveHandle {
    shared: Arc<Mutex<ArchiveSnapshot>>,
}

/// Writes records into the `events` table.
pub struct EventsSink {
    table: Table,
    upkeep: Upkeep,
    shared: Arc<Mutex<ArchiveSnapshot>>,
}

impl ArchiveHandle {
    /// Files and tail of this moment. Counts references; copies no record.
    pub fn snapshot(&self) -> ArchiveSnapshot {
        locked(&self.shared).clone()
    }
}

impl EventsSink {
    /// Opens or makes the `events` table in the folder `archive`.
    pub async fn open(archive: &Path) -> Result<EventsSink, ArchiveError> {
        let table =
            Table::open_or_create(archive, EVENTS_TABLE, fields::events_schema(), EVENTS_OPTIONS)
                .await?;
        let start =
            ArchiveSnapshot { table: table.snapshot(), tail: Vec::new(), applied: table.cursor() };
        Ok(EventsSink { table, upkeep: Upkeep::default(), shared: Arc::new(Mutex::new(start)) })
    }

    /// What questions use.
    pub fn handle(&self) -> ArchiveHandle {
        ArchiveHandle { shared: self.shared.clone() }
    }

    /// All offsets below it are committed.
    pub fn cursor(&self) -> Offset {
        self.table.cursor()
    }

    /// Waits for a merge that runs in the background and puts it into the table.
    pub async fn finish_merge(&mut self) -> Result<(), ArchiveError> {
        let finished = self.upkeep.finish_merge(&mut self.table).await;
        locked(&self.shared).table = self.table.snapshot();
        Ok(finished?)
    }
}

impl Sink for EventsSink {
    type Error = ArchiveError;

    fn position(&self) -> Offset {
        locked(&self.shared).applied
    }

    async fn apply(&mut self, records: Vec<Arc<Record>>) -> Result<(), ArchiveError> {
        let mut shared = locked(&self.shared);
        let start = shared.applied;
        for (expected, record) in (start.0..).map(Offset).zip(&records) {
            if record.offset != expected {
                return Err(ArchiveError::Gap { expected, got: record.offset });
            }
        }
        let waiting = shared.tail.iter().map(|chunk| chunk.len()).sum::<usize>() + records.len();
        if waiting > TAIL_RECORDS_MAX {
            return Err(ArchiveError::TailFull { records: waiting, records_max: TAIL_RECORDS_MAX });
        }
        shared.applied = start + records.len() as u64;
        append(&mut shared.tail, records);
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, ArchiveError> {
        let ArchiveSnapshot { table, tail, applied } = locked(&self.shared).clone();
        if applied == table.cursor {
            return Ok(applied);
        }
        let rows = on_blocking(move || {
            events_by_day(tail.iter().flat_map(|chunk| chunk.iter().map(Arc::as_ref)))
        })
        .await?;
        let committed = self.table.commit(rows, table.cursor, applied).await?;
        let finished = {
            let mut shared = locked(&self.shared);
            shared.table = committed;
            mem::take(&mut shared.tail)
        };
        // Freeing 64 k records takes milliseconds: not under the lock.
        drop(finished);
        self.upkeep.after_commit(&mut self.table).await?;
        locked(&self.shared).table = self.table.snapshot();
        Ok(applied)
    }
}

/// Puts records at the end of the tail: into the last chunk when it has room and no question holds it, else as a new
/// one. So a trickle of single records does not become as many chunks.
fn append(tail: &mut Vec<Arc<Vec<Arc<Record>>>>, records: Vec<Arc<Record>>) {
    if records.is_empty() {
        return;
    }
    if let Some(last) = tail.last_mut().and_then(Arc::get_mut)
        && last.len() + records.len() <= CHUNK_RECORDS
    {
        last.extend(records);
        return;
    }
    tail.push(Arc::new(records));
}

fn locked(shared: &Mutex<ArchiveSnapshot>) -> MutexGuard<'_, ArchiveSnapshot> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
