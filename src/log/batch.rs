//! Records as they are handed on: dense, so that nobody downstream has to look for gaps.

use std::sync::Arc;

use super::LogError;
use super::size::bytes_of;
use crate::model::{Offset, Record};

/// The records of `[start, end)`, each once, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    start: Offset,
    records: Vec<Arc<Record>>,
    bytes: usize,
}

impl Batch {
    /// `records` as those from `start` on.
    ///
    /// # Errors
    /// [`LogError::Gap`] where an offset is missing, doubled or out of order.
    pub fn new(start: Offset, records: Vec<Arc<Record>>) -> Result<Batch, LogError> {
        for (index, record) in records.iter().enumerate() {
            let expected = start + index as u64;
            if record.offset != expected {
                return Err(LogError::Gap { expected, got: record.offset });
            }
        }
        let bytes = records.iter().map(|record| bytes_of(record)).sum();
        Ok(Batch { start, records, bytes })
    }

    /// First offset in it, if any is.
    pub fn start(&self) -> Offset {
        self.start
    }

    /// First offset after it.
    pub fn end(&self) -> Offset {
        self.start + self.records.len() as u64
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Its size in memory, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    pub fn into_records(self) -> Vec<Arc<Record>> {
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    #[test]
    fn a_batch_has_no_gap() {
        let event =
            r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
        let records = |offsets: &[u64]| -> Vec<Arc<Record>> {
            offsets.iter().map(|offset| Arc::new(record(*offset, event))).collect()
        };
        let batch = Batch::new(Offset(5), records(&[5, 6, 7])).unwrap();
        assert_eq!((batch.start(), batch.end(), batch.len()), (Offset(5), Offset(8), 3));
        let at_the_end_of_numbers = Batch::new(Offset(u64::MAX), Vec::new()).unwrap();
        assert!(at_the_end_of_numbers.is_empty());
        for offsets in [&[6][..], &[5, 7], &[5, 5], &[6, 5]] {
            let gap = Batch::new(Offset(5), records(offsets));
            assert!(matches!(gap, Err(LogError::Gap { .. })), "{offsets:?}");
        }
    }
}
