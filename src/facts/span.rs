//! A span of time as rows hold it: by the calendar and by opening hours.

use super::labels::Excluded;
use super::moment::Moment;
use crate::model::{Hours, Schedules};

/// How long something took, in milliseconds. NULL, never 0, where an end is missing or has no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) ms: Option<i64>,
    /// How much of it was open; `None` also where no hours apply.
    pub(crate) business_ms: Option<i64>,
    /// Why there are none, though both ends are there.
    pub(crate) excluded: Option<Excluded>,
}

/// The opening hours that a row is counted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    hours: Option<&'a Hours>,
    version: u32,
}

impl<'a> Opening<'a> {
    /// Those of `team`, or else of the shop.
    pub(crate) fn of(schedules: &'a Schedules, team: Option<&str>) -> Opening<'a> {
        Opening { hours: schedules.of(team), version: schedules.version }
    }

    /// The version of the rules that decided them; `None` where there are none.
    pub(crate) fn version(&self) -> Option<i32> {
        self.hours.and_then(|_| i32::try_from(self.version).ok())
    }

    /// From one end to the other, as far as both are there.
    pub(crate) fn span(&self, from: Option<Moment>, to: Option<Moment>) -> Span {
        let (Some(from), Some(to)) = (from, to) else { return Span::default() };
        match from.ms_until(to) {
            Ok(ms) => {
                let open = self.hours.and_then(|hours| hours.open_micros(from.at, to.at));
                let business_ms = open.map(|open_us| open_us / 1_000);
                Span { ms: Some(ms), business_ms, excluded: None }
            }
            Err(excluded) => Span { excluded: Some(excluded), ..Span::default() },
        }
    }
}
