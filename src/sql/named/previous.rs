//! The range before a range: as long, and as far back as it is long. Where it begins with a local day it is
//! moved by whole local days, so that days are compared with days, and today until now with yesterday until
//! then.

use chrono::{Days, NaiveDateTime};
use chrono_tz::Tz;

use super::NamedQuery;
use super::arguments::Arguments;
use crate::model::{FieldError, Micros, day_start, local_instant};
use crate::sql::{SqlError, Value};

/// How far back it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Shift {
    /// So many days by the clocks of the zone.
    Days(u64, Tz),
    Micros(i64),
}

const DAY_MICROS: i64 = 86_400_000_000;

/// The arguments of the same question about the range before, and how far back that is.
///
/// # Errors
/// Where the query has no range.
pub(in crate::sql) fn previous(
    query: &NamedQuery,
    arguments: &Arguments,
) -> Result<(Arguments, Shift), SqlError> {
    let (Some(from), Some(to)) = (arguments.time("from"), arguments.time("to")) else {
        let rule = format!("be left out: `{}` has no range, from and to, to compare", query.name);
        return Err(FieldError::new("compare", "previous", rule).into());
    };
    let shift = Shift::of(from, to, arguments.zone);
    let mut previous = arguments.clone();
    for (name, value) in &mut previous.values {
        if let ("from" | "to", Value::Time(time)) = (name.as_str(), value) {
            *time = shift.back(*time);
        }
    }
    Ok((previous, shift))
}

impl Shift {
    fn of(from: Micros, to: Micros, zone: Tz) -> Shift {
        let first = local(from, zone).date();
        if day_start(first, zone) != from {
            return Shift::Micros(to.0 - from.0);
        }
        let last = local(Micros(to.0 - 1), zone).date();
        let days = (last - first).num_days() + 1;
        Shift::Days(days.unsigned_abs(), zone)
    }

    /// `instant`, so much earlier.
    fn back(self, instant: Micros) -> Micros {
        match self {
            Shift::Micros(micros) => Micros(instant.0 - micros),
            Shift::Days(days, zone) => {
                let earlier = local(instant, zone).checked_sub_days(Days::new(days));
                earlier.map_or(instant, |earlier| local_instant(earlier, zone))
            }
        }
    }

    /// `instant`, so much later.
    pub(super) fn forward(self, instant: Micros) -> Micros {
        match self {
            Shift::Micros(micros) => Micros(instant.0.saturating_add(micros)),
            Shift::Days(days, zone) => {
                let later = local(instant, zone).checked_add_days(Days::new(days));
                later.map_or(instant, |later| local_instant(later, zone))
            }
        }
    }

    /// In whole days, rounded.
    pub(super) fn days(self) -> i32 {
        let days = match self {
            Shift::Days(days, _) => i64::try_from(days).unwrap_or(i64::MAX),
            Shift::Micros(micros) => (micros + DAY_MICROS / 2).div_euclid(DAY_MICROS),
        };
        i32::try_from(days).unwrap_or(i32::MAX)
    }
}

/// What clocks in `zone` show.
fn local(instant: Micros, zone: Tz) -> NaiveDateTime {
    instant.datetime().with_timezone(&zone).naive_local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::instant_of;

    #[test]
    fn the_range_before_has_the_same_hours_of_as_many_days() {
        let berlin = chrono_tz::Europe::Berlin;
        let cases = [
            // Whole days, over the night that has 23 hours.
            ("2026-03-29", "2026-03-30", "2026-03-28", "2026-03-29"),
            ("2026-03-23", "2026-04-06", "2026-03-09", "2026-03-23"),
            // Today until now: yesterday until then.
            ("2026-03-29", "2026-03-29T10:00:00Z", "2026-03-28", "2026-03-28T11:00:00Z"),
            // Half an hour that no day begins: the half hour before.
            (
                "2026-03-01T10:00:00Z",
                "2026-03-01T10:30:00Z",
                "2026-03-01T09:30:00Z",
                "2026-03-01T10:00:00Z",
            ),
        ];
        for (from, to, before, until) in cases {
            let instant = |text: &str| instant_of("", text, berlin, Micros(0)).unwrap();
            let shift = Shift::of(instant(from), instant(to), berlin);
            assert_eq!(shift.back(instant(from)), instant(before), "{from} {to}");
            assert_eq!(shift.back(instant(to)), instant(until), "{from} {to}");
            assert_eq!(shift.forward(instant(before)), instant(from), "{from} {to}");
        }
        assert_eq!(Shift::of(Micros(0), Micros(36 * 3_600_000_000), Tz::UTC).days(), 2);
    }

    #[test]
    fn a_query_without_a_range_has_nothing_before_it() {
        let text = "-- title: x\n-- answers: y\n-- parameter: from timestamp = -1d  from\nSELECT 1";
        let query = NamedQuery::parse("q", text).unwrap();
        let arguments = query.read(&Default::default(), Tz::UTC, Micros(0)).unwrap_err();
        assert!(arguments.to_string().contains("-1d"), "before 1970");
        let arguments =
            query.read(&[("from".to_string(), "now".to_string())].into(), Tz::UTC, Micros(0));
        let error = previous(&query, &arguments.unwrap()).unwrap_err().to_string();
        assert!(error.contains("`q` has no range"), "{error}");
    }
}
