//! Hours as a shop writes them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::open::{Day, Hours, Stretch};
use super::steady::DAY_MINUTES;
use crate::model::FieldError;

/// Names of the days, from Monday.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Most stretches of one day, and most dates with hours of their own: ten years of them.
const STRETCHES_MAX: usize = 12;
const DATES_MAX: usize = 3_660;
const DAY_SECONDS: i64 = DAY_MINUTES as i64 * 60;

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
pub(super) fn days_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - i64::from(NaiveDate::default().num_days_from_ce())
}

fn date_of(days: i64) -> NaiveDate {
    let date = DateTime::from_timestamp(days * DAY_SECONDS, 0).unwrap_or_default();
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
