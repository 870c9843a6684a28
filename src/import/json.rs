//! A value of somebody else's JSON with the path that leads to it, so that every error names field,
//! value and rule.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Settings;
use crate::model::fields::DATA_BYTES_MAX;
use crate::model::{FieldError, local_instant, parse_time};

/// From this number on a time is in milliseconds: in seconds it would be the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// A value, and where it stands in its item.
#[derive(Clone)]
pub(super) struct Node<'a> {
    path: String,
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn new(value: &'a Value) -> Node<'a> {
        Node { path: String::new(), value }
    }

    /// A field that is there; `null` is nothing.
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Node { path: self.path_of(name), value })
    }

    /// A field below a field.
    pub(super) fn at(&self, names: &[&str]) -> Option<Node<'a>> {
        names.iter().try_fold(self.clone(), |node, name| node.get(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }

    /// An error about this very value.
    pub(super) fn must(&self, rule: impl Into<String>) -> FieldError {
        FieldError::new(self.path.clone(), shown(self.value), rule)
    }

    /// An error about a field of it, there or not.
    pub(super) fn field_must(&self, name: &str, rule: impl Into<String>) -> FieldError {
        match self.get(name) {
            Some(node) => node.must(rule),
            None => FieldError::new(self.path_of(name), "", rule),
        }
    }

    /// The values of a list; none where there is none.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Node<'a>>, FieldError> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        node.items()
    }

    /// The values of this list.
    pub(super) fn items(&self) -> Result<Vec<Node<'a>>, FieldError> {
        let Value::Array(values) = self.value else { return Err(self.must("be a list")) };
        let item = |(index, value)| Node { path: format!("{}[{index}]", self.path), value };
        Ok(values.iter().enumerate().map(item).collect())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        node.value.as_str().map(Some).ok_or_else(|| node.must("be a string"))
    }

    /// A text that says something.
    pub(super) fn words(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// A string, or a number as one.
    pub(super) fn id(&self, name: &str) -> Result<Option<String>, FieldError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        match node.value {
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Number(number) => Ok(Some(number.to_string())),
            _ => Err(node.must("be a string or a number")),
        }
    }

    pub(super) fn id_needed(&self, name: &str) -> Result<String, FieldError> {
        self.id(name)?.ok_or_else(|| self.field_must(name, "be present"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, FieldError> {
        let Some(node) = self.get(name) else { return Ok(false) };
        node.value.as_bool().ok_or_else(|| node.must("be true or false"))
    }

    /// When something happened, as RFC 3339: kept as it is written there with a zone, made from
    /// seconds or milliseconds since 1970, or from a clock of the zone that was named.
    pub(super) fn time(
        &self,
        name: &str,
        settings: &Settings,
    ) -> Result<Option<String>, FieldError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let number = match node.value {
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::String(text) if parse_time(text).is_some() => return Ok(Some(text.clone())),
            Value::String(text) => match (text.parse(), clock(text)) {
                (Ok(number), _) => number,
                (_, Some(local)) => return node.local(local, settings).map(Some),
                _ => return Err(node.must("be a time such as 2026-01-03T02:13:05Z")),
            },
            Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
            _ => return Err(node.must("be a time")),
        };
        // Some write 0 where nothing has happened.
        if number == 0.0 {
            return Ok(None);
        }
        since_1970(number).map(Some).ok_or_else(|| {
            node.must("be a time from 1970 to 9999, in seconds or milliseconds since 1970")
        })
    }

    fn local(&self, clock: NaiveDateTime, settings: &Settings) -> Result<String, FieldError> {
        let Some(zone) = settings.zone else {
            return Err(self.must("name its zone, or --zone must"));
        };
        Ok(local_instant(clock, zone)
            .datetime()
            .with_timezone(&zone)
            .to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A clock without a zone.
fn clock(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// Seconds or milliseconds since 1970 as RFC 3339.
fn since_1970(number: f64) -> Option<String> {
    let micros = number * if number < MILLISECONDS_FROM { 1e6 } else { 1e3 };
    // Beyond 2^53 no float is every number; the year 9999 is below.
    if !(0.0..9.1e15).contains(&number) || !(0.0..2.6e17).contains(&micros) {
        return None;
    }
    let at = DateTime::<Utc>::from_timestamp_micros(micros.round() as i64)?;
    let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    parse_time(&text).map(|_| text)
}

/// A value as its source wrote it: strings without their quotes.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Details of an event that no field of ours has, where they are not too many.
pub(super) fn details(value: &Value) -> Option<Box<RawValue>> {
    let json = serde_json::to_string(value).ok()?;
    // Control characters are escaped in strings, and none stand between tokens.
    if json.len() > DATA_BYTES_MAX { None } else { RawValue::from_string(json).ok() }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(self.value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_kept_or_made_and_never_guessed() {
        let settings = Settings { zone: Some(chrono_tz::Asia::Shanghai), ..Settings::default() };
        let time = |value: Value, settings: &Settings| {
            Node::new(&json!({ "at": value })).time("at", settings)
        };
        let cases = [
            (json!("2026-01-03T02:13:05.120+08:00"), Some("2026-01-03T02:13:05.120+08:00")),
            (json!(1_767_377_585), Some("2026-01-02T18:13:05Z")),
            (json!("1767377585.000200"), Some("2026-01-02T18:13:05.000200Z")),
            (json!(1_767_377_585_250_u64), Some("2026-01-02T18:13:05.250Z")),
            (json!("2026-01-03 02:13:05"), Some("2026-01-03T02:13:05+08:00")),
            (json!(null), None),
            (json!(0), None),
            (json!(""), None),
        ];
        for (value, expected) in cases {
            assert_eq!(time(value.clone(), &settings).unwrap().as_deref(), expected, "{value}");
        }
        for bad in [json!("noon"), json!(-5), json!(1e300), json!([]), json!("NaN"), json!(9e15)] {
            let error = time(bad.clone(), &settings).unwrap_err();
            assert_eq!(error.field, "at", "{bad}");
        }
        let error = time(json!("2026-01-03T02:13:05"), &Settings::default()).unwrap_err();
        assert!(error.to_string().contains("--zone"), "{error}");
    }

    #[test]
    fn errors_lead_to_the_value() {
        let value = json!({"parts": [{"id": 7}, {"id": []}], "body": 5});
        let node = Node::new(&value);
        let parts = node.list("parts").unwrap();
        assert_eq!(parts[0].id_needed("id").unwrap(), "7");
        let error = parts[1].id("id").unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), ("parts[1].id", "[]"));
        assert_eq!(parts[1].id_needed("name").unwrap_err().field, "parts[1].name");
        assert_eq!(node.text("body").unwrap_err().rule, "be a string");
        assert_eq!(node.list("body").err().unwrap().rule, "be a list");
    }
}
