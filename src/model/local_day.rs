//! When a day begins by the clocks of a zone, and how far those are from UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::{GapInfo, Tz};

use super::Micros;

/// The first instant of `day` in `zone`. Where clocks skip midnight it is the first after the gap:
/// mostly an hour later, a quarter of one in Kathmandu in 1986, a whole day in Samoa in 2011.
pub fn day_start(day: NaiveDate, zone: Tz) -> Micros {
    local_instant(day.and_time(NaiveTime::MIN), zone)
}

/// The first instant at which clocks in `zone` show `local`, or the end of the gap that skips it.
pub fn local_instant(local: NaiveDateTime, zone: Tz) -> Micros {
    let instant = zone.from_local_datetime(&local).earliest();
    let instant = instant.or_else(|| GapInfo::new(&local, &zone)?.end);
    // Every gap ends; were one not to, the same time in UTC is less than a day off.
    let instant = instant.map_or_else(|| local.and_utc(), |instant| instant.to_utc());
    Micros(instant.timestamp_micros())
}

/// What is to be added to UTC at `at` for what clocks in `zone` show.
pub fn utc_offset_seconds(zone: Tz, at: Micros) -> i64 {
    let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_after_a_skipped_midnight() {
        let cases = [
            ("2026-01-03", chrono_tz::Asia::Shanghai, "2026-01-02T16:00:00.000000Z"),
            // Chile puts its clocks forward at midnight.
            ("2025-09-07", chrono_tz::America::Santiago, "2025-09-07T04:00:00.000000Z"),
            ("2026-09-06", chrono_tz::America::Santiago, "2026-09-06T04:00:00.000000Z"),
            // Nepal moved its clocks from 5:30 to 5:45 ahead at a midnight.
            ("1986-01-01", chrono_tz::Asia::Kathmandu, "1985-12-31T18:30:00.000000Z"),
            // Liberia from 44 minutes and 30 seconds behind to none.
            ("1972-01-07", chrono_tz::Africa::Monrovia, "1972-01-07T00:44:30.000000Z"),
        ];
        for (text, zone, expected) in cases {
            assert_eq!(day_start(day(text), zone).to_string(), expected, "{text} {zone}");
        }
        // Samoa had no 30 December 2011.
        let zone = chrono_tz::Pacific::Apia;
        assert_eq!(day_start(day("2011-12-30"), zone), day_start(day("2011-12-31"), zone));
    }

    #[test]
    fn no_day_of_any_zone_begins_before_its_eve_or_after_its_morrow() {
        for zone in chrono_tz::TZ_VARIANTS {
            let mut earlier = day_start(day("1969-12-31"), zone);
            for today in
                day("1970-01-01").iter_days().take_while(|today| *today < day("2040-01-01"))
            {
                let start = day_start(today, zone);
                let hours = (start.0 - earlier.0) as f64 / 3.6e9;
                assert!((0.0..=48.0).contains(&hours), "{zone} {today}: {hours} h");
                earlier = start;
            }
        }
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_trouble() {
        for zone in [chrono_tz::Asia::Shanghai, chrono_tz::America::Santiago, Tz::UTC] {
            assert!(day_start(NaiveDate::MAX, zone) > day_start(NaiveDate::MIN, zone));
        }
    }
}
