//! The rows behind a figure: those that it counts, and those that it leaves out, each with the reason. They
//! come from the query itself, from the common table expression that it names for that, so that they cannot
//! be others than those of the figure.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::Query;

use super::tree::{columns_of, parsed};
use super::{Explanation, NamedQuery, REASONS};
use crate::model::FieldError;
use crate::sql::{SqlError, Value};

/// Which figure is explained: of which column, and of which row of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// Without it, those that the query's first `explain` line is about.
    pub figure: Option<String>,
    /// The row, by the columns that tell the answer's rows apart, as text; empty for NULL.
    pub at: BTreeMap<String, String>,
}

/// The columns that each such row has, beside those that tell which figure it is of.
const COLUMNS: &[&str] = &["conversation", "at", "at_offset", "agent", "value", "left_out"];

/// How much of `value` lay in opening hours, where the query has it.
pub const BUSINESS: &str = "business_value";

/// Parameters of this question alone.
const KEY_PREFIX: &str = "explained_at_";
const REASON: &str = "explained_reason";

/// Turns the tree of `query` into one of the rows behind a figure; what it asks of them is added to the
/// arguments. Those that the figure counts ([`super::Counted`]) come first, the longest before the others; then those
/// that it leaves out; so many of them where there is a limit.
///
/// # Errors
/// A figure that the query does not have or not explain, a key that is missing or none of its columns.
pub(in crate::sql) fn rows_behind(
    query: &NamedQuery,
    tree: Query,
    explained: &Explained,
    limit: Option<usize>,
) -> Result<(Query, Vec<(String, Value)>), SqlError> {
    let explanation = explanation_of(query, &tree, explained.figure.as_deref())?;
    behind(&query.name, explanation, tree, explained, limit)
}

/// The same of what one line of the header says.
pub(in crate::sql) fn behind(
    query: &str,
    explanation: &Explanation,
    tree: Query,
    Explained { figure, at }: &Explained,
    limit: Option<usize>,
) -> Result<(Query, Vec<(String, Value)>), SqlError> {
    if let Some((key, value)) = at.iter().find(|(key, _)| !explanation.by.contains(key)) {
        let rule = format!("name a column that tells rows apart: {}", listed(&explanation.by));
        return Err(FieldError::new(format!("at.{key}"), value, rule).into());
    }
    let mut values = Vec::new();
    let mut conditions = Vec::new();
    for key in &explanation.by {
        let Some(value) = at.get(key) else {
            let rule = format!("be given: it tells which row of `{query}` is explained");
            return Err(FieldError::new(format!("at.{key}"), "", rule).into());
        };
        conditions.push(format!("coalesce(CAST({key} AS VARCHAR), '') = ${KEY_PREFIX}{key}"));
        values.push((format!("{KEY_PREFIX}{key}"), Value::Text(value.clone())));
    }
    let conditions = match conditions.join(" AND ") {
        none if none.is_empty() => none,
        conditions => format!("WHERE {conditions}"),
    };
    let keys = explanation.by.iter().map(String::as_str);
    let keys = keys.filter(|key| !COLUMNS.contains(key));
    let hours = explanation.hours.as_ref().map(|column| format!("{column} AS {BUSINESS}"));
    let columns: Vec<&str> = keys.chain(COLUMNS.iter().copied()).chain(hours.as_deref()).collect();
    let figure = figure.as_deref().unwrap_or_default();
    let counted = match figure {
        "n_excluded" => format!("left_out NOT IN ('{}')", REASONS.join("', '")),
        figure => {
            let reason = figure.strip_prefix("n_").unwrap_or(figure);
            values.push((REASON.to_string(), Value::Text(reason.to_string())));
            format!("left_out = ${REASON}")
        }
    };
    let limit = limit.map_or_else(String::new, |rows| format!("LIMIT {rows}"));
    let rows = parsed(&format!(
        "SELECT {} FROM {} {conditions} \
         ORDER BY CASE WHEN {counted} THEN 0 WHEN left_out IS NULL THEN 1 ELSE 2 END, \
         value DESC NULLS LAST, at, at_offset {limit}",
        columns.join(", "),
        explanation.table,
    ))?;
    Ok((Query { with: tree.with, ..rows }, values))
}

/// The line that says where a figure comes from.
fn explanation_of<'a>(
    query: &'a NamedQuery,
    tree: &Query,
    figure: Option<&str>,
) -> Result<&'a Explanation, SqlError> {
    let refused =
        |value: &str, rule: String| SqlError::Input(FieldError::new("figure", value, rule));
    let Some(first) = query.explanations.first() else {
        let rule = format!("be left out: `{}` does not say which rows stand behind it", query.name);
        return Err(refused(figure.unwrap_or_default(), rule));
    };
    let Some(figure) = figure else { return Ok(first) };
    let figures = figures(query, tree);
    if !figures.iter().any(|known| known == figure) {
        let rule = format!("name a figure of `{}`: {}", query.name, listed(&figures));
        return Err(refused(figure, rule));
    }
    let of_figure = |one: &&Explanation| one.figures.iter().any(|own| own == figure);
    let of_all = || query.explanations.iter().find(|one| one.figures.is_empty());
    query.explanations.iter().find(of_figure).or_else(of_all).ok_or_else(|| {
        let explained: Vec<String> =
            query.explanations.iter().flat_map(|one| one.figures.clone()).collect();
        let rule = format!("name one that `{}` explains: {}", query.name, listed(&explained));
        refused(figure, rule)
    })
}

/// The columns of an answer that are figures: all but those that tell its rows apart.
fn figures(query: &NamedQuery, tree: &Query) -> Vec<String> {
    let named = query.explanations.iter().flat_map(|one| one.figures.iter().cloned());
    let columns = columns_of(tree).unwrap_or_else(|| named.collect());
    let is_key = |column: &String| query.explanations.iter().any(|one| one.by.contains(column));
    columns.into_iter().filter(|column| !is_key(column)).collect()
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "there are none".to_string(),
        names => names.join(", "),
    }
}
