//! The newest durable records, as the writer made them. A store that keeps up takes them from
//! here instead of reading and decoding the log, which three stores would each do for
//! themselves: a sixth of the CPU time of the whole path (`perf record -p PID` beside `cargo bench
//! --bench pipeline`). One that has fallen behind reads the log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::model::{Offset, Record};

/// Encoded bytes kept: about 150,000 records. In memory each takes about twice as much, which makes
/// 128 MiB; the tails of stores that keep up hold the same records, not copies.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Shared by the writer and its readers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    kept: Arc<Mutex<Kept>>,
}

/// Records without a gap, each with the length of its encoding.
#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<(Arc<Record>, usize)>,
    bytes: usize,
}

impl Recent {
    /// Adds records that have become durable. They follow those that are here.
    pub(super) fn add(&self, records: impl Iterator<Item = (Arc<Record>, usize)>) {
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

    /// Up to `count_max` records from `from` on; none when that one is not here.
    pub(super) fn from(&self, from: Offset, count_max: usize) -> Vec<Arc<Record>> {
        let kept = self.lock();
        let Some((first, _)) = kept.records.front() else { return Vec::new() };
        if from < first.offset {
            return Vec::new();
        }
        let start =
            usize::try_from(from.since(first.offset)).unwrap_or(usize::MAX).min(kept.records.len());
        let end = start.saturating_add(count_max).min(kept.records.len());
        kept.records.range(start..end).map(|(record, _)| record.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
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
            let found: Vec<u64> =
                recent.from(Offset(from), count_max).iter().map(|record| record.offset.0).collect();
            assert_eq!(found, expected.collect::<Vec<u64>>(), "{count_max} from {from}");
        };
        check(0, 10, 0..0);
        recent.add((100..104).map(|offset| (record(offset), BYTES_MAX / 4)));
        check(100, 10, 100..104);
        check(101, 2, 101..103);
        check(104, 10, 0..0);
        check(99, 10, 0..0);
        recent.add([(record(104), BYTES_MAX / 2)].into_iter());
        check(101, 10, 0..0);
        check(102, 10, 102..105);
        // One record larger than the bound is not kept at all.
        recent.add([(record(105), BYTES_MAX + 1)].into_iter());
        check(105, 10, 0..0);
    }
}
