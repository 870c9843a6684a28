//! A question in the form in which segments answer it, and how their hits rank.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::query::{HitOrder, SearchQuery};
use super::verify::Needle;
use crate::model::{Micros, Offset};

/// What is looked for, and in what form.
pub(super) struct Question<'a> {
    pub(super) query: &'a SearchQuery,
    pub(super) needle: Needle,
    pub(super) bounds: Bounds,
    pub(super) deadline: Deadline,
}

/// When a search ends without an answer: once it took too long, or nobody waits for it.
#[derive(Clone, Debug, Default)]
pub struct Deadline {
    at: Option<Instant>,
    is_left: Arc<AtomicBool>,
}

/// Whoever waits for an answer. Dropped, the search ends.
pub(super) struct Asker {
    is_left: Arc<AtomicBool>,
}

impl Deadline {
    /// In `time` from now, for as long as the asker is there.
    pub(super) fn within(time: Duration) -> (Deadline, Asker) {
        let is_left = Arc::new(AtomicBool::new(false));
        let at = Some(Instant::now() + time);
        (Deadline { at, is_left: is_left.clone() }, Asker { is_left })
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_left.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}

/// What the first pass may hold in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Conversations ranked at a time before the lesser ones are dropped.
    pub(super) ranked_max: usize,
    /// Hits whose addresses are kept for the second pass. With more, it searches again, within the
    /// conversations chosen.
    pub(super) kept_max: u64,
}

impl Bounds {
    /// 65,536 × 40 bytes + 262,144 × 8 bytes = 4.5 MiB.
    pub(super) const USUAL: Bounds = Bounds { ranked_max: 65_536, kept_max: 262_144 };
}

/// Where a hit stands in the answer: greater comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(i64, i64);

impl Rank {
    pub(super) fn new(order: HitOrder, occurred_at: Micros, offset: Offset) -> Rank {
        // Offsets stay far below 2^63.
        let (time, offset) = (occurred_at.0, offset.0 as i64);
        match order {
            HitOrder::Newest => Rank(time, offset),
            HitOrder::Oldest => Rank(!time, !offset),
        }
    }

    /// What the rank was made of.
    pub(super) fn time_and_offset(self, order: HitOrder) -> (Micros, Offset) {
        match order {
            HitOrder::Newest => (Micros(self.0), Offset(self.1 as u64)),
            HitOrder::Oldest => (Micros(!self.0), Offset(!self.1 as u64)),
        }
    }
}
