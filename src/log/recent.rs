//! The newest durable records, as the writer made them. A store that keeps up takes them from
//! here instead of reading and decoding the log, which three stores would each do for
//! themselves: a sixth of the CPU time of the whole path (`perf record -p PID` beside `cargo bench
//! --bench pipeline`). One that has fallen behind reads the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::size::bytes_of;
use crate::model::{Kind, Offset, Record};

/// Bytes kept: about 150,000 records of 800 bytes. The tails of stores that keep up hold the same
/// records, not copies.
const BYTES_MAX: usize = 128 * 1024 * 1024;

/// Shared by the writer and its readers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    kept: Arc<Mutex<Kept>>,
    /// Beyond the last record that is not of the access trail; 0 until something came.
    chats_end: Arc<AtomicU64>,
}

/// Records without a gap, each with its size in memory.
#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<(Arc<Record>, usize)>,
    bytes: usize,
}

impl Recent {
    /// Adds records that have become durable. They follow those that are here.
    pub(super) fn add(&self, records: Vec<Arc<Record>>) {
        self.note_chats(&records);
        self.add_sized(records.into_iter().map(|record| {
            let bytes = bytes_of(&record);
            (record, bytes)
        }));
    }

    /// Below it is every record that an answer may show; `None` until something came.
    pub(super) fn chats_end(&self) -> Option<Offset> {
        Some(Offset(self.chats_end.load(Ordering::Acquire))).filter(|end| *end > Offset(0))
    }

    fn note_chats(&self, records: &[Arc<Record>]) {
        let last = records.iter().rfind(|record| record.event.kind != Kind::Access);
        let end = match (last, records.first()) {
            (Some(last), _) => last.offset + 1,
            // What was there at the start lies below.
            (None, Some(first)) if self.chats_end().is_none() => first.offset,
            (None, _) => return,
        };
        self.chats_end.store(end.0, Ordering::Release);
    }

    fn add_sized(&self, records: impl Iterator<Item = (Arc<Record>, usize)>) {
        let mut dropped = Vec::new();
        let mut kept = self.lock();
        for (record, bytes) in records {
            kept.bytes += bytes;
            kept.records.push_back((record, bytes));
        }
        while kept.bytes > BYTES_MAX
            && let Some((record, bytes)) = kept.records.pop_front()
        {
            kept.bytes -= bytes;
            dropped.push(record);
        }
        // What is dropped is freed outside the lock.
        drop(kept);
    }

    /// Up to `count_max` records from `from` on, the last of which reaches `bytes_max`; none when
    /// that one is not here.
    pub(super) fn from(
        &self,
        from: Offset,
        count_max: usize,
        bytes_max: usize,
    ) -> Vec<Arc<Record>> {
        let kept = self.lock();
        let Some(start) = kept.index_of(from) else { return Vec::new() };
        let end = start.saturating_add(count_max).min(kept.records.len());
        let mut records = Vec::new();
        let mut total_bytes = 0;
        for (record, bytes) in kept.records.range(start..end) {
            if total_bytes >= bytes_max {
                break;
            }
            total_bytes += bytes;
            records.push(record.clone());
        }
        records
    }

    /// The record at `offset`, if it is here.
    pub(super) fn at(&self, offset: Offset) -> Option<Arc<Record>> {
        let kept = self.lock();
        let index = kept.index_of(offset)?;
        kept.records.get(index).map(|(record, _)| record.clone())
    }

    /// Lets go of what was trimmed: nobody is handed it any more.
    pub(super) fn forget_below(&self, oldest: Offset) {
        let mut kept = self.lock();
        let count = kept.records.partition_point(|(record, _)| record.offset < oldest);
        let dropped: Vec<_> = kept.records.drain(..count).collect();
        kept.bytes -= dropped.iter().map(|(_, bytes)| bytes).sum::<usize>();
        drop(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }
}

impl Kept {
    /// Where the record at `offset` is, if it is here.
    fn index_of(&self, offset: Offset) -> Option<usize> {
        let (first, _) = self.records.front()?;
        let index = usize::try_from(offset.0.checked_sub(first.offset.0)?).ok()?;
        (index < self.records.len()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing;

    fn record(offset: u64) -> Arc<Record> {
        let event =
            r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
        Arc::new(testing::record(offset, event))
    }

    #[test]
    fn the_oldest_go_first_and_a_reader_behind_them_gets_none() {
        let recent = Recent::default();
        let check = |from: u64, count_max: usize, expected: std::ops::Range<u64>| {
            let found: Vec<u64> = recent
                .from(Offset(from), count_max, usize::MAX)
                .iter()
                .map(|record| record.offset.0)
                .collect();
            assert_eq!(found, expected.collect::<Vec<u64>>(), "{count_max} from {from}");
        };
        check(0, 10, 0..0);
        recent.add_sized((100..104).map(|offset| (record(offset), BYTES_MAX / 4)));
        check(100, 10, 100..104);
        check(101, 2, 101..103);
        check(104, 10, 0..0);
        check(99, 10, 0..0);
        recent.add_sized([(record(104), BYTES_MAX / 2)].into_iter());
        check(101, 10, 0..0);
        check(102, 10, 102..105);
        assert_eq!(recent.at(Offset(102)).unwrap().offset, Offset(102));
        assert!(recent.at(Offset(101)).is_none() && recent.at(Offset(105)).is_none());
        let two = recent.from(Offset(102), 10, BYTES_MAX / 4 + 1);
        assert_eq!(two.len(), 2, "the second reaches the bound");
        // One record larger than the bound is not kept at all.
        recent.add_sized([(record(105), BYTES_MAX + 1)].into_iter());
        check(105, 10, 0..0);
    }
}
