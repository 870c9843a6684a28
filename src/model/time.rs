//! Time as the archive keeps it: microseconds since 1970-01-01T00:00:00Z, UTC.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// An instant in microseconds since the Unix epoch. Written as RFC 3339 in UTC with six decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Micros(pub i64);

impl Micros {
    /// The wall clock now. Only the edges of the system call this; the core takes time as an
    /// argument.
    pub fn now() -> Micros {
        Micros(Utc::now().timestamp_micros())
    }

    /// Milliseconds from `earlier` to `self`, rounded down; negative when `earlier` is later.
    pub fn ms_since(self, earlier: Micros) -> i64 {
        let micros = i128::from(self.0) - i128::from(earlier.0);
        // A thousandth of what 65 bits hold fits into 64.
        micros.div_euclid(1_000) as i64
    }

    /// The UTC day this instant falls on.
    pub fn day(self) -> NaiveDate {
        self.datetime().date_naive()
    }

    /// The same instant as a chrono value. Instants beyond chrono's range (year ±262,000) become
    /// the epoch; [`parse_time`] lets none in.
    pub fn datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.datetime().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_time(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not an RFC 3339 time between 1970 and 9999"))
        })
    }
}

/// Reads an RFC 3339 time with an offset (`2026-01-03T02:13:05+08:00`). Years 1970 to 9999 only, so
/// that every later sum stays in range and every tool can show it.
pub fn parse_time(text: &str) -> Option<Micros> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    let micros = instant.timestamp_micros();
    let year_10000 = 253_402_300_800_000_000;
    (0..year_10000).contains(&micros).then_some(Micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_and_bad_ones_are_refused() {
        let time = parse_time("2026-01-03T02:13:05.250+08:00").expect("valid");
        assert_eq!(time.to_string(), "2026-01-02T18:13:05.250000Z");
        for bad in [
            "",
            "yesterday",
            "2026-01-03",
            "2026-01-03T02:13:05",
            "2026-13-03T02:13:05Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn milliseconds_round_down_on_both_sides_of_zero() {
        assert_eq!(Micros(2_500).ms_since(Micros(1_000)), 1);
        assert_eq!(Micros(1_000).ms_since(Micros(2_500)), -2);
        // The ends of what 64 bits hold: SQL has such instants.
        assert_eq!(Micros(i64::MAX).ms_since(Micros(i64::MIN)), 18_446_744_073_709_551);
    }
}
