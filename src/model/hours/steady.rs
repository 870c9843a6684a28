//! Spans in which the clock on the wall runs as UTC does, a fixed offset ahead.

use chrono_tz::Tz;

use crate::model::{Micros, utc_offset_seconds};

pub(super) const DAY_MINUTES: u32 = 24 * 60;
const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const DAY: i64 = DAY_MINUTES as i64 * MINUTE;

/// A span in which a zone's offset from UTC is the same, in microseconds.
pub(super) struct Steady {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) offset: i64,
}

/// `[from, to)`, cut where the offset changes.
pub(super) fn steady_spans(zone: Tz, from: i64, to: i64) -> impl Iterator<Item = Steady> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let (from, offset) = (at, offset_at(zone, at));
        while at < to {
            let next = at.saturating_add(DAY).min(to);
            if offset_at(zone, next) != offset {
                at = first_change(zone, offset, at, next);
                break;
            }
            at = next;
        }
        Some(Steady { from, to: at, offset })
    })
}

/// The first moment after `same`, at which the offset is `offset`, and at or before `other`, at which it is
/// not, that has another: a whole second.
fn first_change(zone: Tz, offset: i64, same: i64, other: i64) -> i64 {
    let (mut same, mut other) = (same.div_euclid(SECOND), other.div_euclid(SECOND));
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if offset_at(zone, middle * SECOND) == offset { same = middle } else { other = middle }
    }
    other * SECOND
}

/// What is to be added to UTC, in microseconds.
pub(super) fn offset_at(zone: Tz, at: i64) -> i64 {
    utc_offset_seconds(zone, Micros(at)) * SECOND
}
