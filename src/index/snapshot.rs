//! What a question sees: the committed index and the records applied since, as they were at one
//! instant.
//!
//! Invariants: a snapshot's tail begins at its cursor, and its searcher holds the offsets below; a
//! snapshot never changes. Taking one copies a few pointers under a lock held for as long.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::Searcher;

use super::columns::ColumnCache;
use super::term_cache::TermCache;
use super::{IndexError, NAME};
use crate::log::{Batch, LogError, NotOpen, Slot, Tail};
use crate::model::{Offset, Record};

/// Where snapshots come from.
#[derive(Clone, Default)]
pub struct FullTextReader {
    slot: Slot<IndexSnapshot>,
}

/// The index and its tail at one instant.
#[derive(Clone)]
pub struct IndexSnapshot {
    dir: Arc<Path>,
    searcher: Searcher,
    terms: Arc<TermCache>,
    columns: Arc<ColumnCache>,
    tail: Tail,
}

impl FullTextReader {
    /// A reader that shows this snapshot and no later one.
    pub fn showing(snapshot: IndexSnapshot) -> FullTextReader {
        let reader = FullTextReader::default();
        reader.show(Arc::new(Mutex::new(snapshot)));
        reader
    }

    /// The index as it is now.
    pub fn snapshot(&self) -> Result<IndexSnapshot, NotOpen> {
        Ok(self.slot.current(NAME)?.lock().clone())
    }

    pub(super) fn show(&self, shown: Arc<Mutex<IndexSnapshot>>) {
        self.slot.show(shown);
    }
}

impl IndexSnapshot {
    /// Where the index lies.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn new(dir: Arc<Path>, searcher: Searcher, cursor: Offset) -> IndexSnapshot {
        let tail = Tail::starting_at(cursor);
        IndexSnapshot { dir, searcher, terms: Arc::default(), columns: Arc::default(), tail }
    }

    /// The committed index.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The terms of its segments, kept from one snapshot to the next.
    pub fn terms(&self) -> &Arc<TermCache> {
        &self.terms
    }

    /// What is known of its segments' columns and its most frequent terms, kept likewise.
    pub fn columns(&self) -> &Arc<ColumnCache> {
        &self.columns
    }

    /// First offset not in the committed index.
    pub fn cursor(&self) -> Offset {
        self.tail.start()
    }

    /// First offset that neither index nor tail hold: what an answer is complete to.
    pub fn applied(&self) -> Offset {
        self.tail.end()
    }

    /// The records of `[cursor, applied)`, in order.
    pub fn tail(&self) -> impl Iterator<Item = &Record> {
        self.tail.records()
    }

    /// This snapshot with records of the log after its tail. For a process that reads the index of
    /// another and the log beyond it.
    pub fn with_log_tail(mut self, batch: Batch) -> Result<IndexSnapshot, LogError> {
        self.append(batch)?;
        Ok(self)
    }

    /// Names this index in an error of tantivy's.
    pub fn error(&self, source: tantivy::TantivyError) -> IndexError {
        IndexError::of(&self.dir, source)
    }

    /// Adds applied records to the tail.
    pub(super) fn append(&mut self, batch: Batch) -> Result<(), LogError> {
        self.tail.append(batch)
    }

    /// A commit: everything below `cursor` is now in `searcher`. Returns what was shown before.
    pub(super) fn replace(&mut self, searcher: Searcher, cursor: Offset) -> IndexSnapshot {
        let (dir, terms, columns) = (self.dir.clone(), self.terms.clone(), self.columns.clone());
        let tail = Tail::starting_at(cursor);
        let now = IndexSnapshot { dir, searcher, terms, columns, tail };
        std::mem::replace(self, now)
    }
}
