//! What a store has applied and not yet committed, as questions see it beside what is committed.

use std::sync::Arc;

use super::{Batch, LogError};
use crate::model::{Offset, Record};

/// Records of one chunk.
const CHUNK_RECORDS: usize = 4_096;
/// Most records waiting for a commit. Twice what a [`super::CommitPolicy`] should allow, so that it
/// is reached only when commits were forgotten.
const RECORDS_MAX: u64 = 131_072;
/// Most bytes of them, by the same rule.
const BYTES_MAX: usize = 128 * 1024 * 1024;

/// The records of `[start, end)` in chunks. A clone copies a few pointers, no record, and never
/// changes.
#[derive(Clone, Debug)]
pub struct Tail {
    start: Offset,
    end: Offset,
    bytes: usize,
    chunks: Vec<Arc<Vec<Arc<Record>>>>,
}

impl Tail {
    /// An empty tail: everything below `start` is committed.
    pub fn starting_at(start: Offset) -> Tail {
        Tail { start, end: start, bytes: 0, chunks: Vec::new() }
    }

    /// First offset in it, if any is.
    pub fn start(&self) -> Offset {
        self.start
    }

    /// First offset after it.
    pub fn end(&self) -> Offset {
        self.end
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn chunks(&self) -> impl Iterator<Item = &[Arc<Record>]> {
        self.chunks.iter().map(|chunk| chunk.as_slice())
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().map(Arc::as_ref))
    }

    /// Adds the batch that follows: into the last chunk when it has room and no question holds it,
    /// else as a new one. So a trickle of single records does not become as many chunks.
    ///
    /// # Errors
    /// [`LogError::Gap`] when the batch does not follow, [`LogError::TailFull`] when commits were
    /// forgotten.
    pub fn append(&mut self, batch: Batch) -> Result<(), LogError> {
        if batch.start() != self.end {
            return Err(LogError::Gap { expected: self.end, got: batch.start() });
        }
        let (records, bytes) = (batch.end().since(self.start), self.bytes + batch.bytes());
        if records > RECORDS_MAX || bytes > BYTES_MAX {
            return Err(LogError::TailFull { records, bytes });
        }
        self.end = batch.end();
        self.bytes = bytes;
        match self.chunks.last_mut().and_then(Arc::get_mut) {
            Some(last) if last.len() + batch.len() <= CHUNK_RECORDS => {
                last.extend(batch.into_records());
            }
            _ if batch.is_empty() => {}
            _ => self.chunks.push(Arc::new(batch.into_records())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    fn batch(offsets: std::ops::Range<u64>) -> Batch {
        let event =
            r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
        let records = offsets.clone().map(|offset| Arc::new(record(offset, event))).collect();
        Batch::new(Offset(offsets.start), records).unwrap()
    }

    #[test]
    fn a_trickle_fills_chunks_and_a_reader_keeps_what_it_saw() {
        let mut tail = Tail::starting_at(Offset(3));
        tail.append(batch(3..4)).unwrap();
        tail.append(batch(4..6)).unwrap();
        assert_eq!((tail.chunks().count(), tail.records().count()), (1, 3));
        let seen = tail.clone();
        tail.append(batch(6..7)).unwrap();
        assert_eq!((seen.end(), seen.records().count()), (Offset(6), 3));
        assert_eq!((tail.end(), tail.chunks().count()), (Offset(7), 2));
    }

    #[test]
    fn what_does_not_follow_or_is_too_much_is_refused() {
        let mut tail = Tail::starting_at(Offset(3));
        assert!(matches!(tail.append(batch(4..5)), Err(LogError::Gap { .. })));
        assert!(matches!(tail.append(batch(2..4)), Err(LogError::Gap { .. })));
        let too_many = batch(3..3 + RECORDS_MAX + 1);
        assert!(matches!(tail.append(too_many), Err(LogError::TailFull { .. })));
        assert_eq!((tail.end(), tail.is_empty()), (Offset(3), true));
    }
}
