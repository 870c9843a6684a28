//! Instants as people read them: by the shop's clocks with their distance from UTC, since a day of one is another day
//! of the other.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::model::Micros;

/// `2026-01-04 02:13:20 +08:00`
pub fn with_offset(instant: Micros, zone: Tz) -> String {
    in_zone(instant, zone).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// `2026-01-03 18:13:20.250000 UTC`
pub fn full_utc(instant: Micros) -> String {
    let instant: DateTime<Utc> = instant.datetime();
    instant.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()
}

/// The instant on a clock in `zone`.
pub(super) fn in_zone(instant: Micros, zone: Tz) -> DateTime<Tz> {
    instant.datetime().with_timezone(&zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;

    #[test]
    fn every_time_says_how_far_it_is_from_utc() {
        let instant = parse_time("2026-01-03T18:13:20.25Z").unwrap();
        let shanghai = chrono_tz::Asia::Shanghai;
        assert_eq!(with_offset(instant, shanghai), "2026-01-04 02:13:20 +08:00");
        assert_eq!(full_utc(instant), "2026-01-03 18:13:20.250000 UTC");
        assert_eq!(with_offset(instant, chrono_tz::UTC), "2026-01-03 18:13:20 +00:00");
    }
}
