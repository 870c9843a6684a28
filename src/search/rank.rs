//! Where a hit stands in the answer.

use super::cursor::Place;
use super::query::HitOrder;
use crate::index::columns::Block;
use crate::model::{Micros, Offset};

/// Where a hit stands in the answer: greater comes first. No two records have the same, since an
/// offset is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(i64, i64);

impl Rank {
    pub(super) fn of(order: HitOrder, (occurred_at, offset): Place) -> Rank {
        let (time, offset) = (occurred_at.0, offset.signed());
        match order {
            HitOrder::Newest => Rank(time, offset),
            HitOrder::Oldest => Rank(!time, !offset),
        }
    }

    /// What no hit of a block comes before.
    pub(super) fn first_of(order: HitOrder, block: &Block) -> Rank {
        match order {
            HitOrder::Newest => Rank(block.occurred_at.1, block.offset.1),
            HitOrder::Oldest => Rank(!block.occurred_at.0, !block.offset.0),
        }
    }

    /// What it was made of.
    pub(super) fn place(self, order: HitOrder) -> Place {
        let (time, offset) = match order {
            HitOrder::Newest => (self.0, self.1),
            HitOrder::Oldest => (!self.0, !self.1),
        };
        (Micros(time), Offset(offset.cast_unsigned()))
    }
}
