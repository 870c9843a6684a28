//! A question in the form in which segments answer it, and how their hits rank.

use super::query::{HitOrder, SearchQuery};
use super::verify::Needle;
use crate::model::{Micros, Offset};

/// What is looked for, and in what form.
pub(super) struct Question<'a> {
    pub(super) query: &'a SearchQuery,
    pub(super) needle: Needle,
    pub(super) bounds: Bounds,
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
