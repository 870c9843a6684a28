//! Days as people name them, in the shop's zone, and the instants between which they lie.
//!
//! Invariant: inside, ranges are half-open `[from, to)`; people see and type the last day included.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::model::{Micros, day_start};

/// Longest range of a dashboard: about ten years of days, which charts still carry.
const RANGE_DAYS_MAX: i64 = 3_660;
/// What the dashboard shows unasked.
pub(super) const DAYS_DEFAULT: u64 = 14;

/// Whole days `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayRange {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl DayRange {
    /// The `count` days that end with `today`.
    pub(super) fn last(count: u64, today: NaiveDate) -> DayRange {
        let to = today.succ_opt().unwrap_or(today);
        DayRange { from: to.checked_sub_days(Days::new(count)).unwrap_or(today), to }
    }

    /// Reads the form's two dates; a missing one is taken from `otherwise`. The error says what to
    /// mend.
    pub(super) fn parse(
        from: &str,
        last_day: &str,
        otherwise: DayRange,
    ) -> Result<DayRange, String> {
        let from = parse_day(from)?.unwrap_or(otherwise.from);
        let last_day = parse_day(last_day)?.unwrap_or_else(|| otherwise.last_day().max(from));
        if last_day < from {
            return Err(format!("The last day, {last_day}, lies before the first, {from}."));
        }
        if (last_day - from).num_days() >= RANGE_DAYS_MAX {
            return Err(format!("A range is at most {RANGE_DAYS_MAX} days."));
        }
        Ok(DayRange { from, to: last_day.succ_opt().unwrap_or(last_day) })
    }

    /// The last day included.
    pub(super) fn last_day(&self) -> NaiveDate {
        self.to.pred_opt().unwrap_or(self.to)
    }

    /// The same range as instants.
    pub(super) fn instants(&self, zone: Tz) -> (Micros, Micros) {
        (day_start(self.from, zone), day_start(self.to, zone))
    }
}

/// The two dates of a form, either of which may be missing, as the first day and the day after the last. The
/// error says what to mend.
pub(super) fn parse_days(
    from: &str,
    last_day: &str,
) -> Result<(Option<NaiveDate>, Option<NaiveDate>), String> {
    let (first, last) = (parse_day(from)?, parse_day(last_day)?);
    if let (Some(first), Some(last)) = (first, last) {
        DayRange::parse(from, last_day, DayRange { from: first, to: last })?;
    }
    Ok((first, last.and_then(|last| last.succ_opt())))
}

/// Reads a date as `<input type="date">` sends it; `None` when nothing was typed.
pub(super) fn parse_day(typed: &str) -> Result<Option<NaiveDate>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let day = NaiveDate::parse_from_str(typed, "%Y-%m-%d").ok();
    // The years that the archive knows.
    let known = day.filter(|day| *day >= NaiveDate::default() && day.to_string().len() == 10);
    match known {
        Some(day) => Ok(Some(day)),
        None => Err(format!(
            "`{}` is not a date like 2026-01-31.",
            typed.chars().take(40).collect::<String>()
        )),
    }
}

/// An instant as clocks in `zone` show it.
pub(super) fn local(instant: Micros, zone: Tz) -> DateTime<Tz> {
    instant.datetime().with_timezone(&zone)
}

/// Today in `zone`.
pub(super) fn today(now: Micros, zone: Tz) -> NaiveDate {
    local(now, zone).date_naive()
}

/// `2026-01-03 02:13:05.250 UTC`: for titles, where every digit counts.
pub(super) fn full_utc(instant: Micros) -> String {
    let instant: DateTime<Utc> = instant.datetime();
    instant.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        parse_day(text).unwrap().unwrap()
    }

    #[test]
    fn the_last_day_typed_is_included() {
        let otherwise = DayRange::last(14, day("2026-01-15"));
        assert_eq!((otherwise.from, otherwise.last_day()), (day("2026-01-02"), day("2026-01-15")));
        let range = DayRange::parse("2026-01-03", "2026-01-03", otherwise).unwrap();
        let (from, to) = range.instants(chrono_tz::Asia::Shanghai);
        assert_eq!(from.to_string(), "2026-01-02T16:00:00.000000Z");
        assert_eq!(to.to_string(), "2026-01-03T16:00:00.000000Z");
        assert_eq!(DayRange::parse("", "", otherwise), Ok(otherwise));
        assert_eq!(
            DayRange::parse("2027-01-01", "", otherwise).unwrap().last_day(),
            day("2027-01-01")
        );
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        let otherwise = DayRange::last(7, day("2026-01-15"));
        let bad = [
            ("yesterday", ""),
            ("2026-02-30", ""),
            ("", "2026-13-01"),
            ("1969-12-31", ""),
            ("+12026-01-01", ""),
            ("2026-01-05", "2026-01-04"),
            ("1970-01-01", "2026-01-01"),
            ("<script>", ""),
            ("2026-01-01T00:00:00Z", ""),
        ];
        for (from, to) in bad {
            let error = DayRange::parse(from, to, otherwise).unwrap_err();
            assert!(error.ends_with('.'), "{from} {to}: {error}");
        }
    }

    #[test]
    fn a_day_has_23_hours_when_clocks_go_forward() {
        let range = DayRange { from: day("2026-03-29"), to: day("2026-03-30") };
        let (from, to) = range.instants(chrono_tz::Europe::Berlin);
        assert_eq!(to.ms_since(from), 23 * 3_600_000);
    }
}
