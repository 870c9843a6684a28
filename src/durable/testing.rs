//! Seams for tests: one that records, one that leaves out every sync, one that lets calls fail.

use std::io;
use std::ops::RangeInclusive;

use parking_lot::Mutex;

use super::seam::{Call, Seam};

/// Makes every call and records it.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    calls: Mutex<Vec<Call>>,
}

impl Journal {
    /// The calls so far, in the order they were asked for.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    /// Records a call; its number, from 1 on.
    fn record(&self, call: Call) -> usize {
        let mut calls = self.calls.lock();
        calls.push(call);
        calls.len()
    }
}

impl Seam for Journal {
    fn before(&self, call: Call) -> io::Result<()> {
        self.record(call);
        Ok(())
    }
}

/// The control of the sync tests: records every call but leaves out the syncs, to show that the
/// tests would notice.
#[derive(Debug, Default)]
pub(crate) struct SkipSyncs {
    journal: Journal,
}

impl SkipSyncs {
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.journal.calls()
    }
}

impl Seam for SkipSyncs {
    fn before(&self, call: Call) -> io::Result<()> {
        self.journal.before(call)
    }

    fn syncs(&self) -> bool {
        false
    }
}

/// Lets the n-th call fail, counted from 1.
#[derive(Debug)]
pub(crate) struct FailNth {
    failing: RangeInclusive<usize>,
    journal: Journal,
}

impl FailNth {
    /// The n-th call fails, those after it are made: a disk that reports an error once.
    pub(crate) fn once(n: usize) -> FailNth {
        FailNth { failing: n..=n, journal: Journal::default() }
    }

    /// The n-th call and all after it fail, as if the process had died there: nothing is tidied up
    /// either.
    pub(crate) fn for_good(n: usize) -> FailNth {
        FailNth { failing: n..=usize::MAX, journal: Journal::default() }
    }

    /// The call that failed first; `None` when there were fewer calls.
    pub(crate) fn failed(&self) -> Option<Call> {
        self.journal.calls().get(self.failing.start() - 1).cloned()
    }
}

impl Seam for FailNth {
    fn before(&self, call: Call) -> io::Result<()> {
        let number = self.journal.record(call);
        if self.failing.contains(&number) {
            return Err(io::Error::other(format!("call {number} was made to fail")));
        }
        Ok(())
    }
}
