//! Values as Postgres' clients write them out.

use std::iter::Peekable;
use std::str::Chars;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::kind::{Kind, finite};
use crate::model::Micros;
use crate::sql::Value;

/// The value that `text` says, if it is one of this kind.
pub(super) fn value(text: &str, kind: Kind) -> Option<Value> {
    let trimmed = text.trim();
    Some(match kind {
        Kind::Boolean => Value::Boolean(truth(trimmed)?),
        Kind::Integer(size) => Value::Integer(integer(trimmed, size)?),
        Kind::Float(_) | Kind::Numeric => finite(trimmed.parse().ok()?)?,
        Kind::Text => Value::Text(text.to_string()),
        Kind::Date => Value::Date(date(trimmed)?),
        Kind::Instant => Value::Time(instant(trimmed)?),
        Kind::Texts => Value::Texts(items(trimmed)?),
        Kind::Integers(size) => {
            let number = |item: Option<String>| match item {
                Some(item) => integer(item.trim(), size).map(Some),
                None => Some(None),
            };
            Value::Integers(items(trimmed)?.into_iter().map(number).collect::<Option<_>>()?)
        }
    })
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn integer(text: &str, size: u8) -> Option<i64> {
    match size {
        2 => text.parse::<i16>().ok().map(i64::from),
        4 => text.parse::<i32>().ok().map(i64::from),
        _ => text.parse().ok(),
    }
}

fn date(text: &str) -> Option<i32> {
    let date: NaiveDate = text.parse().ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// With a zone's offset, or in UTC; with a time, or at its beginning.
fn instant(text: &str) -> Option<Micros> {
    // Offsets come as `+08`, `+0800` and `+08:00`.
    let with_offset = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"]
        .iter()
        .find_map(|form| DateTime::parse_from_str(text, form).ok());
    if let Some(instant) = with_offset {
        return Some(Micros(instant.timestamp_micros()));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(Micros(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()));
    }
    let without = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    without.map(|instant| Micros(instant.and_utc().timestamp_micros()))
}

/// The items of `{a,"b, c",NULL}`.
fn items(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut items = Vec::new();
    let mut characters = inside.chars().peekable();
    loop {
        skip_spaces(&mut characters);
        items.push(if characters.next_if_eq(&'"').is_some() {
            Some(quoted(&mut characters)?)
        } else {
            unquoted(&mut characters)?
        });
        skip_spaces(&mut characters);
        match characters.next() {
            None => return Some(items),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

type Characters<'a> = Peekable<Chars<'a>>;

fn skip_spaces(characters: &mut Characters<'_>) {
    while characters.next_if(|character| character.is_whitespace()).is_some() {}
}

/// To the quote that ends it.
fn quoted(characters: &mut Characters<'_>) -> Option<String> {
    let mut item = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(item),
            '\\' => item.push(characters.next()?),
            character => item.push(character),
        }
    }
}

/// To the next comma, which is left; none is NULL.
fn unquoted(characters: &mut Characters<'_>) -> Option<Option<String>> {
    let mut item = String::new();
    while let Some(character) = characters.next_if(|character| *character != ',') {
        match character {
            '{' | '}' | '"' => return None,
            '\\' => item.push(characters.next()?),
            character => item.push(character),
        }
    }
    let item = item.trim_end();
    Some((!item.eq_ignore_ascii_case("null")).then(|| item.to_string()))
}
