//! Positions. Ranges over them are half-open.

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Dense position of a record in the log, from 0: the one total order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(pub u64);

/// Dense position of a record in its conversation, from 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u32);

impl Offset {
    /// The position after this one.
    pub fn next(self) -> Offset {
        Offset(self.0 + 1)
    }

    /// As tables and the index hold it: Delta has no unsigned integers, and no log comes near 2^63
    /// records.
    pub fn signed(self) -> i64 {
        self.0.cast_signed()
    }

    /// How many offsets lie in `[earlier, self)`; 0 when `earlier` is not earlier.
    pub fn since(self, earlier: Offset) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Offset {
    type Output = Offset;

    fn add(self, count: u64) -> Offset {
        Offset(self.0 + count)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
