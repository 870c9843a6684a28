//! What is wrong with an input, so that its sender can mend it; and what a caller should do about
//! an error.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the caller of a failed operation should do. Becomes an HTTP status in
/// `server::problem`. (The idea of naming an error by the caller's next step is
/// slatedb's.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// Try again later; nothing is known to be wrong with the request.
    Retry,
    /// Mend the request.
    BadInput,
    /// The thing asked for does not exist.
    NotFound,
    /// The same id was used before with another body.
    Conflict,
    /// It was there, and was erased: nothing is to be sent again.
    Gone,
    /// The caller must say who it is, with a valid token.
    Unauthenticated,
    /// The caller may not do this.
    Denied,
    /// Stored bytes are damaged; a person must look.
    Corrupt,
    /// The service is stopping or has stopped taking writes.
    Closed,
    /// A broken promise inside verbatim.
    Bug,
}

impl ErrorKind {
    /// The kind as a word, for counts.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Retry => "retry",
            ErrorKind::BadInput => "bad_input",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Gone => "gone",
            ErrorKind::Unauthenticated => "unauthenticated",
            ErrorKind::Denied => "denied",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Closed => "closed",
            ErrorKind::Bug => "bug",
        }
    }
}

/// An error that says what its caller should do: the one road from any folder's error to a problem
/// document.
pub trait Kinded: std::error::Error {
    /// What the caller should do.
    fn kind(&self) -> ErrorKind;

    /// What whoever asked is told where the fault is not theirs, if more than that there is one: what
    /// holds them up, without anything of the server's inside.
    fn told(&self) -> Option<&'static str> {
        None
    }

    /// The one field that is to blame, where one is.
    fn field(&self) -> Option<&FieldError> {
        None
    }

    /// From which Unicode character of that field on, counted from 1, where that is known.
    fn position(&self) -> Option<usize> {
        None
    }
}

/// A field, the value it had, and the rule it broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Dotted path of the field, e.g. `attachments[1].sha256`; empty for the document itself.
    pub field: String,
    /// The value as sent, cut to [`VALUE_SHOWN_CHARS`].
    pub value: String,
    /// The rule, as a phrase that completes "must …".
    pub rule: String,
}

/// How much of an offending value an error repeats: enough to recognise it, too little to flood a
/// log.
const VALUE_SHOWN_CHARS: usize = 80;

impl FieldError {
    /// An error for `field` holding `value`; `rule` completes "must …".
    pub fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<String>,
    ) -> FieldError {
        let value = value.to_string();
        let shown = match value.char_indices().nth(VALUE_SHOWN_CHARS) {
            Some((end, _)) => format!("{}…", &value[..end]),
            None => value,
        };
        FieldError { field: field.into(), value: shown, rule: rule.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(formatter, "`{}` must {}", self.value, self.rule)
        } else {
            write!(formatter, "{} `{}` must {}", self.field, self.value, self.rule)
        }
    }
}

impl std::error::Error for FieldError {}

impl Kinded for FieldError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::BadInput
    }

    fn field(&self) -> Option<&FieldError> {
        Some(self)
    }
}
