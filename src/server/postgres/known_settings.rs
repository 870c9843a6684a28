//! Settings that clients set, and what is taken of them. None of them changes an answer: what would, is
//! taken with the one value that is true here, or with a warning.

use std::time::Duration;

use crate::model::FieldError;
use crate::sql::default_setting;

/// A text that a client gives itself, such as its name.
const TEXT_CHARS_MAX: usize = 256;

/// What a setting may be.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// Whatever a client says of itself.
    Text,
    /// Whatever: it decides nothing here, and what it is stays as it is.
    Anything,
    /// As [`Takes::Anything`], with a word on what is the case.
    Warned(&'static str),
    /// One of these, in whatever case; the first is how it is shown.
    OneOf(&'static [&'static str]),
    /// How long, in milliseconds or with a unit; 0 is without end.
    Time,
    /// A whole number within these.
    Number(i64, i64),
    /// For what somebody asks.
    Case,
    Reason,
    /// Nothing: it can be read.
    Nothing,
}

pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    /// The name by which clients are told of it, at the login and when it changes.
    pub(super) reported: Option<&'static str>,
}

const fn known(name: &'static str, takes: Takes) -> Known {
    Known { name, takes, reported: None }
}

const fn reported(shown: &'static str, name: &'static str, takes: Takes) -> Known {
    Known { name, takes, reported: Some(shown) }
}

const UTC_ALONE: &str = "instants are shown in UTC, whatever the time zone of a session is: `local_day(instant, zone)` and `local_hour(instant, zone)` count in any";

/// All of them, by name. What each is as a session begins, the catalogue says ([`default_setting`]).
#[rustfmt::skip]
pub(super) const KNOWN: &[Known] = &[
    reported("application_name", "application_name", Takes::Text),
    known("bytea_output", Takes::OneOf(&["hex"])),
    reported("client_encoding", "client_encoding", Takes::OneOf(&["UTF8", "UTF-8", "utf8", "unicode"])),
    known("client_min_messages", Takes::Anything),
    reported("DateStyle", "datestyle", Takes::OneOf(&["ISO, MDY", "ISO", "ISO, DMY", "ISO, YMD", "ISO,MDY", "ISO,DMY", "ISO,YMD"])),
    known("default_transaction_isolation", Takes::Anything),
    reported("default_transaction_read_only", "default_transaction_read_only", Takes::Anything),
    known("extra_float_digits", Takes::Number(-15, 3)),
    known("idle_in_transaction_session_timeout", Takes::Time),
    known("idle_session_timeout", Takes::Time),
    reported("in_hot_standby", "in_hot_standby", Takes::Nothing),
    reported("integer_datetimes", "integer_datetimes", Takes::Nothing),
    reported("IntervalStyle", "intervalstyle", Takes::OneOf(&["postgres"])),
    reported("is_superuser", "is_superuser", Takes::Nothing),
    known("jit", Takes::Anything),
    known("lc_collate", Takes::Nothing),
    known("lc_ctype", Takes::Nothing),
    known("lc_messages", Takes::Anything),
    known("lc_monetary", Takes::Anything),
    known("lc_numeric", Takes::Anything),
    known("lc_time", Takes::Anything),
    known("lock_timeout", Takes::Time),
    known("max_identifier_length", Takes::Nothing),
    known("max_index_keys", Takes::Nothing),
    known("row_security", Takes::Anything),
    known("search_path", Takes::Anything),
    reported("server_encoding", "server_encoding", Takes::Nothing),
    reported("server_version", "server_version", Takes::Nothing),
    known("server_version_num", Takes::Nothing),
    reported("session_authorization", "session_authorization", Takes::Nothing),
    known("ssl", Takes::Nothing),
    reported("standard_conforming_strings", "standard_conforming_strings", Takes::OneOf(&["on", "true", "1", "yes"])),
    known("statement_timeout", Takes::Time),
    reported("TimeZone", "timezone", Takes::Warned(UTC_ALONE)),
    known("transaction", Takes::Anything),
    known("transaction_isolation", Takes::Anything),
    known("transaction_read_only", Takes::Anything),
    known("verbatim.case", Takes::Case),
    known("verbatim.reason", Takes::Reason),
    known("xmloption", Takes::Anything),
];

impl Known {
    pub(super) fn of(name: &str) -> Option<&'static Known> {
        let name = name.to_ascii_lowercase();
        KNOWN.iter().find(|known| known.name == name)
    }

    /// What it is as a session begins.
    pub(super) fn default(&self) -> &'static str {
        default_setting(self.name).unwrap_or_default()
    }

    /// What a value makes of the setting; none where it stays as it was.
    pub(super) fn taken(&self, value: &str) -> Result<Option<String>, FieldError> {
        let wrong = |rule: String| Err(FieldError::new(self.name, value, rule));
        match self.takes {
            Takes::Text if value.chars().count() <= TEXT_CHARS_MAX => Ok(Some(value.to_string())),
            Takes::Text => wrong(format!("have at most {TEXT_CHARS_MAX} characters")),
            Takes::Anything | Takes::Warned(_) => Ok(None),
            Takes::OneOf(values)
                if values.iter().any(|known| known.eq_ignore_ascii_case(value)) =>
            {
                Ok(values.first().map(|shown| (*shown).to_string()))
            }
            Takes::OneOf(values) => wrong(format!("be `{}`", values.first().unwrap_or(&""))),
            Takes::Time if time(value).is_some() => Ok(Some(value.to_string())),
            Takes::Time => {
                wrong("be a number of milliseconds, or have a unit: ms, s, min, h".to_string())
            }
            Takes::Number(min, max) => match value.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(Some(value.to_string())),
                _ => wrong(format!("lie between {min} and {max}")),
            },
            // Whether they are too long, their purpose says.
            Takes::Case | Takes::Reason => Ok(Some(value.to_string())),
            Takes::Nothing => wrong("stay as it is".to_string()),
        }
    }
}

/// A time as Postgres writes it: in milliseconds where it has no unit.
pub(super) fn time(value: &str) -> Option<Duration> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let millis = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}
