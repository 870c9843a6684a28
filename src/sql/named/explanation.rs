//! Which rows stand behind the figures of an answer: a line `explain` of a query's header.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the line must be.
pub(super) const RULE: &str = "be `explain: TABLE [by COLUMN,…] [for COLUMN,…] [hours COLUMN]`, a common table expression of the query and columns of it";

/// A common table expression of a query, with a row for each thing that a figure counts or leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Its name.
    pub table: String,
    /// Columns of it that tell which row of the answer a row is behind; none where the answer is one row.
    pub by: Vec<String>,
    /// The figures that come from it; empty: all that no other line names.
    pub figures: Vec<String>,
    /// Its column of how much of `value` lay in opening hours, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
}

impl Explanation {
    pub(super) fn parse(text: &str) -> Option<Explanation> {
        let mut words = text.split_whitespace();
        let table = name(words.next()?)?;
        let mut explanation =
            Explanation { table, by: Vec::new(), figures: Vec::new(), hours: None };
        while let Some(word) = words.next() {
            if word == "hours" && explanation.hours.is_none() {
                explanation.hours = Some(name(words.next()?)?);
                continue;
            }
            let list = match word {
                "by" => &mut explanation.by,
                "for" => &mut explanation.figures,
                _ => return None,
            };
            if !list.is_empty() {
                return None;
            }
            *list = words.next()?.split(',').map(name).collect::<Option<_>>()?;
        }
        Some(explanation)
    }
}

/// A name that needs no quotes in SQL.
fn name(text: &str) -> Option<String> {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = text.as_bytes().first().is_some_and(is_first) && text.bytes().all(is_word);
    is_name.then(|| text.to_string())
}
