//! Opening hours: when somebody is there to answer, and how much of a span that is.
//!
//! A shop is open while the clock on its wall shows a time within its hours. So hours are taken as that
//! clock shows them on each date, and each stretch in which its offset from UTC stays the same is looked at
//! by itself. (A fixed offset is an hour off for half of the year: dbt_zendesk #25, #92, #154.) Hours that
//! the clock skips are not open; those that it shows twice are, both times.
//!
//! ```text
//! {"zone": "Asia/Shanghai",
//!  "week": {"mon": ["09:00-12:00", "13:00-18:00"], "fri": ["21:00-02:00"], "sun": ["00:00-24:00"]},
//!  "dates": {"2026-02-17": [], "2026-02-23": ["10:00-16:00"]}}
//! ```
//! A day that is not named is closed. A date has its own hours in place of its weekday's. Hours past
//! midnight belong to the day on which they begin (Chatwoot #5254 refuses them).
//!
//! Invariant: hours that overlap count once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FieldError, Micros, utc_offset_seconds};

/// Names of the days, from Monday.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MINUTES: u32 = 24 * 60;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = DAY_MINUTES as i64 * MINUTE;
/// Most stretches of one day, and most dates with hours of their own: ten years of them.
const STRETCHES_MAX: usize = 12;
const DATES_MAX: usize = 3_660;
/// A century: days are looked at one by one.
const SPAN_MAX: i64 = 36_525 * DAY;
/// Ten thousand years about 1970: SQL knows times at which to add a day overflows.
const TIMES: RangeInclusive<i64> = -100 * SPAN_MAX..=100 * SPAN_MAX;

/// The opening hours of a shop, or of a team of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub struct Hours {
    zone: Tz,
    week: [Day; 7],
    /// By days since 1970-01-01.
    dates: BTreeMap<i64, Day>,
}

/// The stretches of one day, by their beginnings.
type Day = Vec<Stretch>;

/// From and before which minute of a day, counted from its midnight; up to the same time of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Stretch {
    from: u32,
    to: u32,
}

/// A span in which a zone's offset from UTC is the same, in microseconds.
struct Steady {
    from: i64,
    to: i64,
    offset: i64,
}

impl Hours {
    /// Reads the hours that `field` has.
    ///
    /// # Errors
    /// The first part that is no such hours, by its path.
    pub fn parse(field: &str, value: &Value) -> Result<Hours, FieldError> {
        const RULE: &str = "be an object with `zone`, `week` and perhaps `dates`";
        let parts = value.as_object().ok_or_else(|| FieldError::new(field, value, RULE))?;
        let known = |name: &String| ["zone", "week", "dates"].contains(&name.as_str());
        if let Some(other) = parts.keys().find(|name| !known(name)) {
            return Err(FieldError::new(format!("{field}.{other}"), &parts[other], RULE));
        }
        let part = |name: &str| parts.get(name).unwrap_or(&Value::Null);
        let zone = zone_of(&format!("{field}.zone"), part("zone"))?;
        let week = week_of(&format!("{field}.week"), part("week"))?;
        let dates = match parts.get("dates") {
            Some(dates) => dates_of(&format!("{field}.dates"), dates)?,
            None => BTreeMap::new(),
        };
        Ok(Hours { zone, week, dates })
    }

    /// How much of `[from, to)` is open, in microseconds; 0 where `to` is not later. `None` of more than a
    /// century, and of times that no calendar has.
    pub fn open_micros(&self, from: Micros, to: Micros) -> Option<i64> {
        let are_dates = TIMES.contains(&from.0) && TIMES.contains(&to.0);
        if !are_dates || to.0 - from.0 > SPAN_MAX {
            return None;
        }
        Some(steady_spans(self.zone, from.0, to.0).map(|steady| self.open_in(&steady)).sum())
    }

    /// Days are walked through from the one before: its hours may go on past midnight.
    fn open_in(&self, steady: &Steady) -> i64 {
        let wall = steady.from + steady.offset..steady.to + steady.offset;
        let (mut open, mut until) = (0, wall.start);
        for day in wall.start.div_euclid(DAY) - 1..=wall.end.div_euclid(DAY) {
            for stretch in self.stretches_of(day) {
                let at = |minute: u32| day * DAY + i64::from(minute) * MINUTE;
                let (from, to) = (at(stretch.from).max(until), at(stretch.to).min(wall.end));
                open += (to - from).max(0);
                until = until.max(to);
            }
        }
        open
    }

    fn stretches_of(&self, day: i64) -> &[Stretch] {
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7) as usize;
        self.dates.get(&day).unwrap_or(&self.week[weekday])
    }
}

/// `[from, to)`, cut where the offset changes.
fn steady_spans(zone: Tz, from: i64, to: i64) -> impl Iterator<Item = Steady> {
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
fn offset_at(zone: Tz, at: i64) -> i64 {
    utc_offset_seconds(zone, Micros(at)) * SECOND
}

fn zone_of(field: &str, value: &Value) -> Result<Tz, FieldError> {
    let zone = value.as_str().and_then(|name| name.parse().ok());
    zone.ok_or_else(|| FieldError::new(field, value, "be a zone such as `Asia/Shanghai`"))
}

fn week_of(field: &str, value: &Value) -> Result<[Day; 7], FieldError> {
    let rule = "be an object of days: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`";
    let number = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut week: [Day; 7] = Default::default();
    for (number, day) in named_days(field, value, rule, number)? {
        week[number] = day;
    }
    Ok(week)
}

fn dates_of(field: &str, value: &Value) -> Result<BTreeMap<i64, Day>, FieldError> {
    let dates = named_days(field, value, "be an object of dates such as `2026-02-17`", |name| {
        let date = name.parse::<NaiveDate>().ok();
        date.filter(|date| date.to_string() == name).map(days_of)
    })?;
    if dates.len() > DATES_MAX {
        return Err(FieldError::new(field, dates.len(), format!("have at most {DATES_MAX} dates")));
    }
    Ok(dates.into_iter().collect())
}

/// The days of an object, each by what `key` makes of its name.
fn named_days<K>(
    field: &str,
    value: &Value,
    rule: &str,
    key: impl Fn(&str) -> Option<K>,
) -> Result<Vec<(K, Day)>, FieldError> {
    let days = value.as_object().ok_or_else(|| FieldError::new(field, value, rule))?;
    let day = |(name, hours): (&String, &Value)| {
        let field = format!("{field}.{name}");
        let key = key(name).ok_or_else(|| FieldError::new(&field, hours, rule))?;
        Ok((key, day_of(&field, hours)?))
    };
    days.iter().map(day).collect()
}

fn day_of(field: &str, value: &Value) -> Result<Day, FieldError> {
    let rule = "be a list of hours such as [\"09:00-12:00\", \"13:00-18:00\"]";
    let named = value.as_array().ok_or_else(|| FieldError::new(field, value, rule))?;
    if named.len() > STRETCHES_MAX {
        let rule = format!("have at most {STRETCHES_MAX} of them");
        return Err(FieldError::new(field, named.len(), rule));
    }
    let mut day = Day::new();
    for (number, hours) in named.iter().enumerate() {
        let stretch = hours.as_str().and_then(Stretch::parse);
        day.push(stretch.ok_or_else(|| {
            let rule = "be hours such as `09:00-18:00`, past midnight `21:00-02:00`, all day `00:00-24:00`";
            FieldError::new(format!("{field}[{number}]"), hours, rule)
        })?);
    }
    day.sort_unstable();
    Ok(day)
}

impl Stretch {
    fn parse(text: &str) -> Option<Stretch> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute_of(from)?, minute_of(to)?);
        let to = if to < from { to + DAY_MINUTES } else { to };
        (from < to && from < DAY_MINUTES).then_some(Stretch { from, to })
    }
}

/// The minute of the day of `HH:MM`, up to 24:00.
fn minute_of(text: &str) -> Option<u32> {
    let is_digit = |place: usize| text.as_bytes()[place].is_ascii_digit();
    if text.len() != 5 || !text.is_ascii() || text.as_bytes()[2] != b':' {
        return None;
    }
    if ![0, 1, 3, 4].into_iter().all(is_digit) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (text[..2].parse().ok()?, text[3..].parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY_MINUTES).then_some(minute)
}

/// Days since 1970-01-01.
fn days_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - i64::from(NaiveDate::default().num_days_from_ce())
}

fn date_of(days: i64) -> NaiveDate {
    let date = DateTime::from_timestamp(days * DAY / SECOND, 0).unwrap_or_default();
    date.date_naive()
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = if self.to > DAY_MINUTES { self.to - DAY_MINUTES } else { self.to };
        let Stretch { from, .. } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// As it is read: days that are closed all week long are left out.
impl From<Hours> for Value {
    fn from(hours: Hours) -> Value {
        let shown = |day: &Day| -> Value { day.iter().map(Stretch::to_string).collect() };
        let open = DAYS.iter().zip(&hours.week).filter(|(_, day)| !day.is_empty());
        let week: Map<String, Value> =
            open.map(|(name, day)| (name.to_string(), shown(day))).collect();
        let mut parts = Map::new();
        parts.insert("zone".to_string(), hours.zone.name().into());
        parts.insert("week".to_string(), week.into());
        if !hours.dates.is_empty() {
            let dates =
                hours.dates.iter().map(|(day, hours)| (date_of(*day).to_string(), shown(hours)));
            parts.insert("dates".to_string(), dates.collect::<Map<String, Value>>().into());
        }
        parts.into()
    }
}

impl TryFrom<Value> for Hours {
    type Error = FieldError;

    fn try_from(value: Value) -> Result<Hours, FieldError> {
        Hours::parse("hours", &value)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Timelike;
    use serde_json::json;

    use super::*;
    use crate::model::parse_time;
    use crate::model::testing::Dice;

    fn hours(value: Value) -> Hours {
        Hours::parse("data.hours", &value).unwrap()
    }

    fn at(text: &str) -> Micros {
        parse_time(text).unwrap()
    }

    #[track_caller]
    fn check(hours: &Hours, from: &str, to: &str, minutes: i64) {
        assert_eq!(hours.open_micros(at(from), at(to)), Some(minutes * MINUTE), "{from} to {to}");
    }

    #[test]
    fn hours_count_and_the_rest_does_not() {
        let shop = hours(json!({"zone": "Asia/Shanghai",
            "week": {"mon": ["09:00-12:00", "13:00-18:00"], "tue": ["09:00-18:00"], "fri": ["21:00-02:00"],
                "sun": ["00:00-24:00"]},
            "dates": {"2026-02-17": [], "2026-02-18": ["10:00-11:00"]}}));
        // 2026-02-09 is a Monday.
        check(&shop, "2026-02-09T08:30:00+08:00", "2026-02-09T09:10:00+08:00", 10);
        check(&shop, "2026-02-09T11:50:00+08:00", "2026-02-09T13:05:00+08:00", 15);
        check(&shop, "2026-02-09T17:00:00+08:00", "2026-02-10T10:00:00+08:00", 120);
        check(&shop, "2026-02-11T09:00:00+08:00", "2026-02-12T09:00:00+08:00", 0);
        check(&shop, "2026-02-13T23:26:00+08:00", "2026-02-14T09:12:00+08:00", 154);
        check(&shop, "2026-02-15T00:00:00+08:00", "2026-02-16T00:00:00+08:00", 24 * 60);
        // A Tuesday and a Wednesday with hours of their own.
        check(&shop, "2026-02-17T00:00:00+08:00", "2026-02-19T00:00:00+08:00", 60);
        check(&shop, "2026-02-10T12:00:00+08:00", "2026-02-10T11:00:00+08:00", 0);
        let open_at = |time: &str| shop.open_micros(at(time), Micros(at(time).0 + 1));
        assert_eq!(open_at("2026-02-09T09:00:00+08:00"), Some(1));
        assert_eq!(open_at("2026-02-09T12:00:00+08:00"), Some(0));
        assert!(shop.open_micros(Micros(0), Micros(SPAN_MAX)).is_some());
        assert_eq!(shop.open_micros(Micros(0), Micros(SPAN_MAX + 1)), None);
        for time in [i64::MIN, i64::MAX] {
            assert_eq!(shop.open_micros(Micros(time), Micros(time)), None);
        }
        assert_eq!(shop.open_micros(Micros(i64::MAX - 1), Micros(i64::MAX)), None);
    }

    #[test]
    fn hours_that_overlap_count_once() {
        let shop = hours(json!({"zone": "UTC", "week": {
            "mon": ["09:00-12:00", "10:00-11:00", "11:30-13:00", "22:00-03:00"], "tue": ["01:00-04:00"]}}));
        check(&shop, "2026-02-09T00:00:00Z", "2026-02-11T00:00:00Z", 4 * 60 + 6 * 60);
    }

    /// A clock that skips or repeats an hour, in zones that do so in other ways: by half an hour, at midnight, into
    /// winter in spring. Each minute is looked at on that clock.
    #[test]
    fn every_minute_counts_as_the_clock_on_the_wall_shows_it() {
        let weeks = [
            json!({"mon": ["09:00-18:00"], "tue": ["09:00-18:00"], "wed": ["08:15-12:00", "12:30-20:45"],
                "thu": ["21:00-02:30"], "fri": ["22:00-06:00"], "sat": ["21:30-02:10"], "sun": ["01:15-03:05", "10:00-16:00"]}),
            json!({"sat": ["00:00-24:00"], "sun": ["00:00-02:30", "02:45-24:00"], "mon": ["00:10-00:20"]}),
        ];
        let zones = [
            ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
            ("America/New_York", ["2026-03-08", "2026-11-01"]),
            ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
            ("America/Santiago", ["2026-04-05", "2026-09-06"]),
            ("Africa/Casablanca", ["2026-02-15", "2026-03-22"]),
            ("Asia/Shanghai", ["2026-03-29", "2026-10-25"]),
        ];
        let dice = &mut Dice::new(5);
        for (zone, nights) in zones {
            for (week, night) in weeks.iter().flat_map(|week| nights.map(|night| (week, night))) {
                let of = hours(
                    json!({"zone": zone, "week": week, "dates": {night: ["00:30-03:30", "23:00-01:00"]}}),
                );
                let first = at(&format!("{night}T00:00:00Z")).0 - 3 * DAY;
                let open: Vec<bool> = (0..6 * i64::from(DAY_MINUTES))
                    .map(|minute| shows_open(&of, first + minute * MINUTE))
                    .collect();
                for _ in 0..200 {
                    let mut ends = [dice.roll(open.len()), dice.roll(open.len())];
                    ends.sort_unstable();
                    let counted = open[ends[0]..ends[1]].iter().filter(|open| **open).count();
                    let [from, to] = ends.map(|minute| Micros(first + minute as i64 * MINUTE));
                    let found = of.open_micros(from, to);
                    assert_eq!(found, Some(counted as i64 * MINUTE), "{zone}: {from} to {to}");
                }
            }
        }
    }

    /// What the clock on the wall shows, and whether that is within hours.
    fn shows_open(hours: &Hours, at: i64) -> bool {
        let shown = DateTime::from_timestamp_micros(at).unwrap().with_timezone(&hours.zone);
        let minute = shown.hour() * 60 + shown.minute();
        let within = |date: NaiveDate, minute: u32| {
            let week = &hours.week[date.weekday().num_days_from_monday() as usize];
            let day = hours.dates.get(&days_of(date)).unwrap_or(week);
            day.iter().any(|stretch| stretch.from <= minute && minute < stretch.to)
        };
        let date = shown.date_naive();
        within(date, minute) || within(date.pred_opt().unwrap(), minute + DAY_MINUTES)
    }

    #[test]
    fn what_is_read_is_written_so() {
        let value = json!({"zone": "Asia/Shanghai", "week": {"mon": ["09:00-12:00", "21:00-02:00"], "sun": ["00:00-24:00"]},
            "dates": {"2026-02-17": []}});
        let read = hours(value.clone());
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
        assert_eq!(serde_json::from_value::<Hours>(value).unwrap(), read);
    }

    #[test]
    fn mistakes_are_named() {
        let week = json!({"mon": ["09:00-18:00"]});
        for (value, named) in [
            (json!([]), "data.hours `[]` must be an object"),
            (json!({"week": week}), "data.hours.zone `null`"),
            (json!({"zone": "Asia/Shanghay", "week": week}), "Asia/Shanghay"),
            (json!({"zone": "UTC"}), "data.hours.week"),
            (json!({"zone": "UTC", "week": {"monday": []}}), "data.hours.week.monday"),
            (json!({"zone": "UTC", "week": {"mon": "09:00-18:00"}}), "a list of hours"),
            (json!({"zone": "UTC", "week": {"mon": ["9:00-18:00"]}}), "data.hours.week.mon[0]"),
            (json!({"zone": "UTC", "week": {"mon": ["09:00-09:00"]}}), "09:00-09:00"),
            (json!({"zone": "UTC", "week": {"mon": ["24:00-02:00"]}}), "24:00-02:00"),
            (json!({"zone": "UTC", "week": {"mon": ["09:00-24:30"]}}), "24:30"),
            (json!({"zone": "UTC", "week": {"mon": ["+9:00-18:00"]}}), "+9:00"),
            (
                json!({"zone": "UTC", "week": week, "dates": {"2026-2-17": []}}),
                "data.hours.dates.2026-2-17",
            ),
            (json!({"zone": "UTC", "week": week, "dates": {"2026-02-30": []}}), "2026-02-30"),
            (json!({"zone": "UTC", "week": week, "holidays": []}), "data.hours.holidays"),
        ] {
            let error = Hours::parse("data.hours", &value).unwrap_err().to_string();
            assert!(error.contains(named), "{value}: {error}");
        }
    }
}
