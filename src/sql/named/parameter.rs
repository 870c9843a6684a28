//! A value that whoever asks may give: a line `parameter` of a query's header.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{FieldError, Micros, instant_of};
use crate::sql::{SqlError, Value};

/// What the line must be.
pub(super) const RULE: &str = "be `parameter: NAME timestamp|text|integer = DEFAULT  MEANING`, or with choices such as `start|end` for the kind, the default one of them; no NAME is compare, figure, at, format, page or last_days, which addresses have beside";

/// Names that addresses and commands use beside those of parameters.
const RESERVED: &[&str] = &["compare", "figure", "at", "format", "page", "last_days"];

/// Largest integer: a thousand million days in milliseconds are a hundredth of what 64 bits hold.
const INTEGER_MAX: i64 = 1_000_000_000;

/// A value the client may give; in SQL it is `$name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parameter {
    pub name: String,
    pub kind: ParameterKind,
    /// The texts that it may be; empty where it may be any.
    #[serde(default)]
    pub choices: Vec<String>,
    pub default: String,
    pub meaning: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    Timestamp,
    #[default]
    Text,
    Integer,
}

impl Parameter {
    pub(super) fn parse(text: &str) -> Option<Parameter> {
        let (declared, rest) = text.split_once(" = ")?;
        let (name, kind) = declared.trim().split_once(' ')?;
        let (kind, choices) = match kind.trim() {
            "timestamp" => (ParameterKind::Timestamp, Vec::new()),
            "text" => (ParameterKind::Text, Vec::new()),
            "integer" => (ParameterKind::Integer, Vec::new()),
            choices if choices.contains('|') => {
                (ParameterKind::Text, choices.split('|').map(str::to_string).collect())
            }
            _ => return None,
        };
        let (default, meaning) = rest.trim().split_once("  ")?;
        let (name, default) = (name.to_string(), default.trim().to_string());
        let is_sound = !RESERVED.contains(&name.as_str())
            && (choices.is_empty() || choices.contains(&default));
        let meaning = meaning.trim().to_string();
        is_sound.then_some(Parameter { name, kind, choices, default, meaning })
    }

    /// The value that `given` is, by the clocks of `zone`.
    pub(super) fn value(&self, given: &str, zone: Tz, now: Micros) -> Result<Value, SqlError> {
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == given) {
            let rule = format!("be one of {}", self.choices.join(", "));
            return Err(FieldError::new(&self.name, given, rule).into());
        }
        match self.kind {
            ParameterKind::Text => Ok(Value::Text(given.to_string())),
            ParameterKind::Integer => match given.parse::<i64>() {
                Ok(number) if (-INTEGER_MAX..=INTEGER_MAX).contains(&number) => {
                    Ok(Value::Integer(number))
                }
                _ => {
                    let rule = format!("be a whole number of at most {INTEGER_MAX}");
                    Err(FieldError::new(&self.name, given, rule).into())
                }
            },
            ParameterKind::Timestamp => Ok(Value::Time(instant_of(&self.name, given, zone, now)?)),
        }
    }
}
