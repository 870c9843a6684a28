//! The store that folds records into the tables of facts.
//!
//! Each Delta table has a cursor, and the states have one. A commit moves the tables that have rows
//! to write, one after the other, then the states. After a crash in between, records are folded
//! again from the states' cursor; the fold gives the same rows, each names the record that settled
//! it, and those a table has already are left out.

use std::collections::HashMap;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parking_lot::Mutex;

use super::forget;
use super::log_fold::is_reserved;
use super::settled::TableCursors;
use super::snapshot::{FactsReader, Shown};
use super::states::States;
use super::tables::Tables;
use super::versions::Versions;
use super::{ConversationState, FactsError};
use crate::log::{Batch, Forgot, Forgotten, LogError, LogReader, Store};
use crate::model::{ConversationKey, MaintenanceState, Offset, Record, Seq};
use crate::table::{Rewrite, TableError};

/// The folder of all Delta tables.
const TABLES_FOLDER: &str = "archive";
/// The states of the fold.
const STATES_FOLDER: &str = "facts";
/// Records folded under one hold of the lock: × 3 µs = 0.8 ms in which a question waits.
const RECORDS_AT_ONCE: usize = 256;
/// Rows settled under one hold of the lock, but for those of its last record.
const ROWS_AT_ONCE: usize = 1_024;
/// Settled rows that wait for a commit: × about 1 KiB = 64 MiB. Only the clock can settle more rows
/// than there are records, and only after millions of conversations were brought in together.
const ROWS_WAITING_MAX: usize = 65_536;
/// Records folded before the states are stored, while catching up with the tables.
const CATCH_UP_RECORDS: usize = 65_536;

/// Folds records and writes the rows they settle.
pub struct FactStore {
    tables: Tables,
    /// `None` once they could not be opened again.
    states: Option<States>,
    versions: Versions,
    shown: Arc<Mutex<Shown>>,
}

impl FactStore {
    /// Where a crash left the states behind the tables, they are brought up from the log before any
    /// question can see a row both open and closed.
    async fn catch_up_with_tables(&mut self, log: &LogReader) -> Result<(), FactsError> {
        let tables = self.tables.cursors().furthest();
        if tables > log.head() {
            return Err(FactsError::BeyondLog { tables, head: log.head() });
        }
        let mut scan = log.scan(self.applied());
        let mut uncommitted = 0;
        while self.applied() < tables {
            let count = usize::try_from(tables.since(self.applied())).unwrap_or(CATCH_UP_RECORDS);
            let batch = scan.next_batch(count.min(CATCH_UP_RECORDS))?;
            uncommitted += batch.len();
            self.apply(batch).await?;
            if uncommitted >= CATCH_UP_RECORDS {
                self.commit().await?;
                uncommitted = 0;
            }
        }
        Ok(())
    }

    /// Folds as many of `records` as one hold of the lock should, and returns how many. Stored states
    /// are read, and changes of messages resolved, while no question has to wait.
    fn fold(
        &mut self,
        records: &[Arc<Record>],
        tables: &TableCursors,
    ) -> Result<usize, FactsError> {
        let records = &records[..records.len().min(RECORDS_AT_ONCE)];
        let mut brought = HashMap::new();
        for (key, record) in self.missing(records) {
            let state = self.stored_state(record, &key)?;
            brought.insert(key, state);
        }
        let states = self.states.as_ref().ok_or(FactsError::StatesClosed)?;
        let mut changes = Vec::with_capacity(records.len());
        for record in records {
            changes.push(self.versions.take(record, states)?);
        }
        let mut shown = self.shown.lock();
        let Shown { fold, applied, .. } = &mut *shown;
        for (key, state) in brought {
            fold.bring(key, state);
        }
        let (before, mut folded) = (fold.settled.len(), 0);
        for (record, change) in records.iter().zip(changes) {
            fold.fold(record, change, tables);
            *applied = record.offset.next();
            folded += 1;
            if fold.settled.len() - before >= ROWS_AT_ONCE {
                break;
            }
        }
        Ok(folded)
    }

    /// The conversations whose states are not in memory, each with its first record among these.
    fn missing<'a>(&self, records: &'a [Arc<Record>]) -> HashMap<ConversationKey, &'a Record> {
        let shown = self.shown.lock();
        let mut missing = HashMap::new();
        for record in records {
            let key = record.conversation();
            if !is_reserved(&key.id) && !shown.fold.has(&key) {
                missing.entry(key).or_insert(&**record);
            }
        }
        missing
    }

    /// Shows questions the tables as committed, and takes out of the tail what they now hold.
    fn publish(&self) {
        let tables = Arc::new(self.tables.snapshots());
        let before = {
            let mut shown = self.shown.lock();
            shown.tables = tables;
            mem::take(&mut shown.fold.settled)
        };
        // Freeing many rows takes milliseconds: not under the lock.
        drop(before);
    }

    /// Forgets in the tables, then in the states.
    async fn forget_all(&mut self, forgotten: &Forgotten) -> Result<(), FactsError> {
        let (wanted, forgets) = (Arc::new(forget::wanted(forgotten)), forgotten.clone());
        let change = Arc::new(move |batch: &RecordBatch| forget::forgetting(batch, &forgets));
        let reserve_bytes = forgotten.reserve_bytes();
        let rewrite = Rewrite { wanted, probe: "shop", change, reserve_bytes };
        self.tables.rewrite(&rewrite, &|files| forgotten.note(Self::NAME, files)).await?;
        if forgotten.has_customers() {
            self.states()?.require_room(reserve_bytes)?;
            forgotten.note(Self::NAME, ["states".to_string()]);
            let states = self.states.take().ok_or(FactsError::StatesClosed)?;
            for (key, _) in forgotten.conversations() {
                self.shown.lock().fold.forget(key, forgotten);
                states.forget(key, forgotten)?;
            }
            // What was overwritten lies in the database's files until they are written anew.
            self.states = Some(states.written_anew()?);
        }
        Ok(())
    }

    fn states(&self) -> Result<&States, FactsError> {
        self.states.as_ref().ok_or(FactsError::StatesClosed)
    }

    /// The state of a conversation that is not in memory. Its first record needs no look.
    fn stored_state(
        &self,
        record: &Record,
        key: &ConversationKey,
    ) -> Result<ConversationState, FactsError> {
        if record.seq == Seq(1) {
            return Ok(ConversationState::default());
        }
        self.states()?.resting(key)
    }
}

impl Store for FactStore {
    const NAME: &'static str = "facts";
    const FOLDERS: &'static [&'static str] = &[
        "archive/turns",
        "archive/episodes",
        "archive/changes",
        "archive/tags",
        "archive/strays",
        "archive/stints",
        "archive/ratings",
        STATES_FOLDER,
    ];

    type Error = FactsError;
    type Options = ();
    type Reader = FactsReader;

    async fn open(
        root: &Path,
        log: &LogReader,
        _options: &(),
        reader: &FactsReader,
    ) -> Result<FactStore, FactsError> {
        // Those of another metric version are refused before anything is changed.
        let states = States::open(&root.join(STATES_FOLDER))?;
        let tables = Tables::open(&root.join(TABLES_FOLDER)).await?;
        check_tables(&tables.cursors(), &states)?;
        let shown = Shown {
            tables: Arc::new(tables.snapshots()),
            fold: states.fold()?,
            applied: states.cursor()?,
        };
        let shown = Arc::new(Mutex::new(shown));
        let states = Some(states);
        let mut store = FactStore { tables, states, versions: Versions::default(), shown };
        store.catch_up_with_tables(log).await?;
        reader.slot.show(store.shown.clone());
        Ok(store)
    }

    async fn committed(root: &Path) -> Result<Offset, FactsError> {
        let tables = Tables::committed(&root.join(TABLES_FOLDER)).await?;
        let states = root.join(STATES_FOLDER);
        if !states.is_dir() {
            return Ok(tables.furthest());
        }
        let states = States::open(&states)?;
        check_tables(&tables, &states)?;
        Ok(states.cursor()?.max(tables.furthest()))
    }

    fn maintenance(reader: &FactsReader) -> MaintenanceState {
        let shown = reader.slot.current(FactStore::NAME);
        shown.map(|shown| shown.lock().tables.maintenance()).unwrap_or_default()
    }

    fn applied(&self) -> Offset {
        self.shown.lock().applied
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), FactsError> {
        if batch.start() != self.applied() {
            let (expected, got) = (self.applied(), batch.start());
            return Err(LogError::Gap { expected, got }.into());
        }
        let mut records = batch.records();
        while !records.is_empty() {
            let tables = self.tables.cursors();
            let folded = self.fold(records, &tables)?;
            records = &records[folded..];
            let waiting = self.shown.lock().fold.settled.len();
            if waiting > ROWS_WAITING_MAX {
                self.commit().await?;
            }
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, FactsError> {
        let (settled, uncommitted, applied) = {
            let mut shown = self.shown.lock();
            let settled = shown.fold.settled.of_all_shops();
            (settled, shown.fold.take_uncommitted(), shown.applied)
        };
        self.tables.commit(&settled, applied).await?;
        self.publish();
        self.states()?.put(&uncommitted, &self.versions, &self.tables.cursors(), applied)?;
        self.versions.clear();
        Ok(applied)
    }

    async fn forget(&mut self, forgotten: &Forgotten) -> Result<Forgot, FactsError> {
        let forgot = self.forget_all(forgotten).await;
        // Tables may have changed before one of them could not.
        self.publish();
        match forgot {
            Ok(()) => Ok(Forgot::once_read(self.tables.sweep().await?)),
            // No reason to stand still.
            Err(FactsError::NoRoom(no_room) | FactsError::Table(TableError::NoRoom(no_room))) => {
                Ok(Forgot::Waits(no_room.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Refuses tables that are less far than they were when the states were written: somebody deleted
/// them, and the fold would not give their rows again.
fn check_tables(tables: &TableCursors, states: &States) -> Result<(), FactsError> {
    let mut behind = Vec::new();
    for (table, stands) in tables.named() {
        let stood = states.table_cursor(table)?;
        if stands < stood {
            behind.push(format!("`{table}` stands at {stands} and stood at {stood}"));
        }
    }
    match behind.as_slice() {
        [] => Ok(()),
        _ => Err(FactsError::TablesBehind { tables: behind.join(", ") }),
    }
}
