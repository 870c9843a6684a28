//! One end of a span: when it was, where it stands in the log, and whether its time means anything.

use serde::{Deserialize, Serialize};

use super::labels::Excluded;
use crate::model::{Micros, Offset, Record};

/// A record's time and place. Stored as `[offset, µs, timed]`: a conversation's state holds up to
/// ten of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, i64, bool)", into = "(u64, i64, bool)")]
pub(crate) struct Moment {
    pub(crate) offset: Offset,
    pub(crate) at: Micros,
    /// False for imported records without a time: `at` is then the time of the import and enters no
    /// span.
    pub(crate) timed: bool,
}

impl Moment {
    pub(crate) fn of(record: &Record) -> Moment {
        Moment { offset: record.offset, at: record.occurred_at(), timed: record.is_timed() }
    }

    /// Milliseconds from here to `end`, or why there are none.
    pub(crate) fn ms_until(self, end: Moment) -> Result<i64, Excluded> {
        if !self.timed || !end.timed {
            return Err(Excluded::Untimed);
        }
        match end.at.ms_since(self.at) {
            ms if ms < 0 => Err(Excluded::ClockBackwards),
            ms => Ok(ms),
        }
    }

    /// The one that comes later in the log. Offsets decide, not clocks.
    pub(crate) fn later_of(self, other: Option<Moment>) -> Moment {
        match other {
            Some(other) if other.offset > self.offset => other,
            _ => self,
        }
    }
}

impl From<(u64, i64, bool)> for Moment {
    fn from((offset, at, timed): (u64, i64, bool)) -> Moment {
        Moment { offset: Offset(offset), at: Micros(at), timed }
    }
}

impl From<Moment> for (u64, i64, bool) {
    fn from(moment: Moment) -> (u64, i64, bool) {
        (moment.offset.0, moment.at.0, moment.timed)
    }
}
