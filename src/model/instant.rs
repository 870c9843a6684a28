//! Instants and zones as people give them: in named queries, on the command line, in addresses.

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::{FieldError, Micros, day_start, parse_time};

/// An IANA zone by name.
pub fn parse_zone(name: &str) -> Result<Tz, FieldError> {
    name.parse().map_err(|_| FieldError::new("zone", name, "be an IANA zone such as Asia/Shanghai"))
}

/// The instant that `field` names, as people give it; see [`parse_instant`].
pub fn instant_of(field: &str, given: &str, zone: Tz, now: Micros) -> Result<Micros, FieldError> {
    let rule = "be a date, an RFC 3339 time, `now`, or days before now such as -14d";
    parse_instant(given, zone, now).ok_or_else(|| FieldError::new(field, given, rule))
}

/// An instant as people give it. A date is its first instant in `zone`; days before now count from
/// the start of the local day, so that `-1d` is yesterday from midnight.
fn parse_instant(given: &str, zone: Tz, now: Micros) -> Option<Micros> {
    if given == "now" {
        return Some(now);
    }
    if let Some(instant) = parse_time(given) {
        return Some(instant);
    }
    let date = match given.strip_prefix('-').and_then(|days| days.strip_suffix('d')) {
        Some(days) => {
            let today = now.datetime().with_timezone(&zone).date_naive();
            today.checked_sub_days(Days::new(days.parse().ok()?))?
        }
        None => NaiveDate::parse_from_str(given, "%Y-%m-%d").ok()?,
    };
    // Before 1970 there is nothing; see `parse_time`.
    Some(day_start(date, zone)).filter(|instant| instant.0 >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_as_people_give_them() {
        let zone: Tz = "Asia/Shanghai".parse().unwrap();
        let now = parse_time("2026-01-15T20:00:00Z").unwrap();
        let cases = [
            ("now", Some("2026-01-15T20:00:00Z")),
            ("2026-01-01", Some("2025-12-31T16:00:00Z")),
            ("-0d", Some("2026-01-15T16:00:00Z")),
            ("-14d", Some("2026-01-01T16:00:00Z")),
            ("2026-01-01T00:00:00+08:00", Some("2025-12-31T16:00:00Z")),
            ("-d", None),
            ("-99999999999d", None),
            ("2026-02-30", None),
            ("tomorrow", None),
            ("", None),
        ];
        for (given, instant) in cases {
            assert_eq!(
                parse_instant(given, zone, now),
                instant.map(|instant| parse_time(instant).unwrap()),
                "{given}"
            );
        }
    }
}
