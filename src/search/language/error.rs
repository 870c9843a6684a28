//! Where a query cannot be read, and why.

use std::fmt;
use std::ops::Range;

use crate::model::FieldError;

/// A spot in a query, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageError {
    /// Bytes of the query.
    pub at: Range<usize>,
    /// What stands there.
    pub shown: String,
    /// Completes "must …".
    pub rule: String,
}

impl LanguageError {
    pub(super) fn new(query: &str, at: Range<usize>, rule: impl Into<String>) -> LanguageError {
        let shown = query.get(at.clone()).unwrap_or_default().to_string();
        LanguageError { at, shown, rule: rule.into() }
    }

    /// The spot in Unicode characters of `query`.
    pub fn chars(&self, query: &str) -> Range<usize> {
        let count = |to: usize| query.get(..to).map_or(0, |before| before.chars().count());
        count(self.at.start)..count(self.at.end)
    }

    /// The error as one about the field that holds the query.
    pub fn field(&self) -> FieldError {
        FieldError::new("words", &self.shown, self.rule.clone())
    }
}

impl fmt::Display for LanguageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` must {}", self.shown, self.rule)
    }
}

impl std::error::Error for LanguageError {}
