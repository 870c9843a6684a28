//! What a question sees: the committed index and the records applied since, as they were at one instant.
//!
//! Invariants: a snapshot's tail holds the offsets `[cursor, applied)`, each once, and its searcher those below
//! `cursor`; a snapshot never changes. Taking one copies a few pointers under a lock held for as long.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tantivy::Searcher;

use super::IndexError;
use super::term_cache::TermCache;
use crate::model::{Offset, Record};

/// Where snapshots come from. Cheap to clone; for any number of readers.
#[derive(Clone)]
pub struct IndexHandle {
    now: Arc<RwLock<IndexSnapshot>>,
}

/// The index and its tail at one instant.
#[derive(Clone)]
pub struct IndexSnapshot {
    dir: Arc<Path>,
    searcher: Searcher,
    terms: Arc<TermCache>,
    cursor: Offset,
    tail: Arc<Vec<Arc<[Arc<Record>]>>>,
    applied: Offset,
}

impl IndexHandle {
    pub(super) fn new(snapshot: IndexSnapshot) -> IndexHandle {
        IndexHandle { now: Arc::new(RwLock::new(snapshot)) }
    }

    /// The index as it is now.
    pub fn snapshot(&self) -> IndexSnapshot {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds applied records to the tail.
    pub(super) fn append(&self, records: Vec<Arc<Record>>) {
        self.now.write().unwrap_or_else(PoisonError::into_inner).append(records);
    }

    /// A commit: everything applied is now in `searcher`.
    pub(super) fn replace(&self, searcher: Searcher, cursor: Offset) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = IndexSnapshot {
            searcher,
            cursor,
            tail: Arc::default(),
            applied: cursor,
            ..now.clone()
        };
    }
}

impl IndexSnapshot {
    pub(super) fn new(dir: Arc<Path>, searcher: Searcher, cursor: Offset) -> IndexSnapshot {
        IndexSnapshot {
            dir,
            searcher,
            terms: Arc::default(),
            cursor,
            tail: Arc::default(),
            applied: cursor,
        }
    }

    /// The committed index.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The terms of its segments, kept from one snapshot to the next.
    pub fn terms(&self) -> &Arc<TermCache> {
        &self.terms
    }

    /// First offset not in the committed index.
    pub fn cursor(&self) -> Offset {
        self.cursor
    }

    /// First offset that neither index nor tail hold: what an answer is complete to.
    pub fn applied(&self) -> Offset {
        self.applied
    }

    /// The records of `[cursor, applied)`, in order.
    pub fn tail(&self) -> impl Iterator<Item = &Record> {
        self.tail.iter().flat_map(|batch| batch.iter().map(Arc::as_ref))
    }

    /// This snapshot with `records` of the log after its tail. For a process that reads the index of another and the
    /// log beyond it.
    pub fn with_log_tail(mut self, records: Vec<Arc<Record>>) -> Result<IndexSnapshot, IndexError> {
        check_order(self.applied, &records)?;
        self.append(records);
        Ok(self)
    }

    /// Names this index in an error of tantivy's.
    pub fn error(&self, source: tantivy::TantivyError) -> IndexError {
        IndexError::of(&self.dir, source)
    }

    fn append(&mut self, records: Vec<Arc<Record>>) {
        if let Some(last) = records.last() {
            self.applied = last.offset.next();
            // Copies the list (not the records) only while a question still holds it.
            Arc::make_mut(&mut self.tail).push(Arc::from(records));
        }
    }
}

/// Whether `records` are those from `position` on, without gap or repeat.
pub(super) fn check_order(position: Offset, records: &[Arc<Record>]) -> Result<(), IndexError> {
    let mut expected = position;
    for record in records {
        if record.offset != expected {
            return Err(IndexError::OutOfOrder { position: expected, offset: record.offset });
        }
        expected = expected.next();
    }
    Ok(())
}
