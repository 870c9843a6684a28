//! Instants and zones as people give them: in named queries, on the command line, in addresses.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::{FieldError, Micros, local_instant, parse_time};

/// An IANA zone by name.
pub fn parse_zone(name: &str) -> Result<Tz, FieldError> {
    name.parse().map_err(|_| FieldError::new("zone", name, "be an IANA zone such as Asia/Shanghai"))
}

/// How instants are given, for errors and helps.
pub const INSTANT_GRAMMAR: &str = "a date (2026-11-19), a local time (2026-11-19 10:00), an RFC 3339 time, `now`, `today`, `yesterday`, or days or weeks before today (-14d, -2w)";

/// The instant that `field` names, as people give it; see [`parse_instant`].
pub fn instant_of(field: &str, given: &str, zone: Tz, now: Micros) -> Result<Micros, FieldError> {
    parse_instant(given, zone, now)
        .ok_or_else(|| FieldError::new(field, given, format!("be {INSTANT_GRAMMAR}")))
}

/// Refuses a range in which no instant lies; `given` is its end as whoever asks gave it.
pub fn check_range(from: Micros, to: Micros, zone: Tz, given: &str) -> Result<(), FieldError> {
    if from < to {
        return Ok(());
    }
    let local = |instant: Micros| instant.datetime().with_timezone(&zone);
    let start = local(from).format("%Y-%m-%d %H:%M:%S");
    let rule = format!(
        "be later than from, {start}: a range is half-open, [from, to), so a day ends with the date of the next"
    );
    Err(FieldError::new("to", given, rule))
}

/// An instant as people give it. A date is its first instant in `zone`, a local time the first at which clocks there
/// show it, or the end of the gap that skips it; days and weeks before today count from the start of the local day, so
/// that `-1d` is yesterday from midnight.
fn parse_instant(given: &str, zone: Tz, now: Micros) -> Option<Micros> {
    if given == "now" {
        return Some(now);
    }
    let local = match parse_time(given) {
        Some(instant) => return Some(instant),
        None => match days_ago(given) {
            Some(days) => {
                let today = now.datetime().with_timezone(&zone).date_naive();
                today.checked_sub_days(Days::new(days))?.and_time(NaiveTime::MIN)
            }
            None => local_time(given)?,
        },
    };
    // Before 1970 there is nothing, nor after 9999; see `parse_time`.
    Some(local_instant(local, zone)).filter(|instant| instant.0 >= 0 && local.year() <= 9999)
}

/// How many days before today a word means.
fn days_ago(given: &str) -> Option<u64> {
    match given {
        "today" => Some(0),
        "yesterday" => Some(1),
        _ => {
            let number = given.strip_prefix('-')?;
            let (number, days) = number
                .strip_suffix('d')
                .map(|days| (days, 1))
                .or_else(|| number.strip_suffix('w').map(|weeks| (weeks, 7)))?;
            number.parse::<u64>().ok()?.checked_mul(days)
        }
    }
}

/// A date, or a date and a time by the clocks of some zone.
fn local_time(given: &str) -> Option<NaiveDateTime> {
    let date =
        NaiveDate::parse_from_str(given, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN));
    let forms =
        ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
    date.ok()
        .or_else(|| forms.iter().find_map(|form| NaiveDateTime::parse_from_str(given, form).ok()))
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
            ("today", Some("2026-01-15T16:00:00Z")),
            ("yesterday", Some("2026-01-14T16:00:00Z")),
            ("-1w", Some("2026-01-08T16:00:00Z")),
            ("2026-01-01 10:00", Some("2026-01-01T02:00:00Z")),
            ("2026-01-01 10:00:30", Some("2026-01-01T02:00:30Z")),
            ("2026-01-01T10:00", Some("2026-01-01T02:00:00Z")),
            ("2026-01-01 24:00", None),
            ("2026-01-01 10", None),
            ("12026-01-01", None),
            ("-w", None),
            ("-99999999999999999999w", None),
            ("-9999999999999999999w", None),
            ("1w", None),
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

    /// Clocks that are put forward skip times, and clocks that are put back show some twice.
    #[test]
    fn a_local_time_is_the_first_that_clocks_show_or_the_end_of_the_gap() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        for (given, instant) in [
            ("2026-03-29 01:59", "2026-03-29T00:59:00Z"),
            ("2026-03-29 02:30", "2026-03-29T01:00:00Z"),
            ("2026-03-29 03:00", "2026-03-29T01:00:00Z"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
            ("2026-10-25 03:00", "2026-10-25T02:00:00Z"),
        ] {
            let expected = parse_time(instant).unwrap();
            assert_eq!(parse_instant(given, zone, Micros(0)), Some(expected), "{given}");
        }
    }
}
