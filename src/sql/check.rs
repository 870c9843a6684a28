//! Whether query files can be answered: each is read, and asked of tables without rows, so that the engine
//! itself says what it does not know; and so is each line that says which rows stand behind a figure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use chrono_tz::Tz;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use serde::Serialize;

use super::engine::Engine;
use super::job::Job;
use super::named::{self, Explained, Explanation, NamedQuery};
use super::source::NoRows;
use super::{SqlError, Value};
use crate::model::{FieldError, Micros};

/// What keeps a file from being answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub path: PathBuf,
    /// From 1 on, where it is known.
    pub line: Option<u64>,
    pub reason: String,
}

/// Checks the query files of a shop in `dir`: all, or those of one name. Returns how many there are, and what
/// is broken.
pub async fn check_queries(
    dir: &Path,
    shop: &str,
    name: Option<&str>,
) -> Result<(usize, Vec<Broken>), SqlError> {
    let files = named::files(dir, shop)?.into_iter();
    let files: Vec<PathBuf> = files
        .filter(|(own, _)| name.is_none_or(|name| name == own))
        .map(|(_, path)| path)
        .collect();
    if let (Some(name), true) = (name, files.is_empty()) {
        // One that comes with verbatim has no file here.
        named::find(dir, shop, name)?;
    }
    let mut broken = Vec::new();
    for path in &files {
        broken.extend(check_file(path).await?);
    }
    Ok((files.len(), broken))
}

/// Checks one file.
pub async fn check_file(path: &Path) -> Result<Vec<Broken>, SqlError> {
    let text = named::text_of(path)?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let found = check_text(name, &text).await?.into_iter();
    Ok(found.map(|(line, reason)| Broken { path: path.to_path_buf(), line, reason }).collect())
}

/// What is broken in a query, each with its line.
async fn check_text(name: &str, text: &str) -> Result<Vec<(Option<u64>, String)>, SqlError> {
    let query = match NamedQuery::parse_lines(name, text) {
        Ok(query) => query,
        Err((line, error)) => return Ok(vec![(Some(line as u64), error.to_string())]),
    };
    let engine = Engine::telling_where()?;
    let mut broken = Vec::new();
    let values = match query.read(&[].into(), Tz::UTC, Micros::now()) {
        Ok(arguments) => arguments.into_values(),
        Err(error) => return Ok(vec![(line_of(text, "parameter", 0), error.to_string())]),
    };
    let schema = match asked(&engine, text.to_string(), values.clone()).await {
        Ok(schema) => schema,
        Err(error) => return Ok(vec![(place_of(&error), error.to_string())]),
    };
    if let Some(column) = missing_of_chart(&query, &schema) {
        let reason = format!("the chart names `{column}`, which is no column of the answer");
        broken.push((line_of(text, "chart", 0), reason));
    }
    if let Some(figure) = query.now.iter().find(|figure| schema.index_of(figure).is_err()) {
        let reason = format!("`{figure}` is no column of the answer");
        broken.push((line_of(text, "now", 0), reason));
    }
    for (index, explanation) in query.explanations.iter().enumerate() {
        let unknown = explanation.figures.iter().find(|figure| schema.index_of(figure).is_err());
        let reason = match unknown {
            Some(figure) => Some(format!("`{figure}` is no column of the answer")),
            None => {
                explained(&engine, &query, explanation, &values).await.err().map(|e| e.to_string())
            }
        };
        broken.extend(reason.map(|reason| (line_of(text, "explain", index), reason)));
    }
    Ok(broken)
}

/// The rows behind a figure, of nothing.
async fn explained(
    engine: &Engine,
    query: &NamedQuery,
    explanation: &Explanation,
    values: &[(String, Value)],
) -> Result<(), SqlError> {
    let at = explanation.by.iter().map(|key| (key.clone(), String::new())).collect();
    let explained = Explained { figure: None, at };
    let tree = named::narrowed(query, &BTreeMap::new())?;
    let (tree, keys) = named::behind(&query.name, explanation, tree, &explained, None)?;
    let values = values.iter().cloned().chain(keys).collect();
    let schema = asked(engine, named::text_of_tree(&tree)?, values).await?;
    let is_instant = |key: &&String| {
        let field = schema.field_with_name(key);
        field.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
    };
    // An instant is written otherwise wherever it is read: no row would ever be its.
    if let Some(key) = explanation.by.iter().find(is_instant) {
        let rule = "be a day, a number or a text, such as local_day(…), and no instant";
        return Err(FieldError::new("explain by", key, rule).into());
    }
    Ok(())
}

/// Asks tables without rows. Returns the columns of the answer.
async fn asked(
    engine: &Engine,
    sql: String,
    values: Vec<(String, Value)>,
) -> Result<SchemaRef, SqlError> {
    let mut rows = engine.answer(Job::new("", &sql, values), Arc::new(NoRows)).await?;
    while rows.try_next().await?.is_some() {}
    Ok(rows.schema())
}

fn missing_of_chart<'a>(query: &'a NamedQuery, schema: &SchemaRef) -> Option<&'a String> {
    let chart = query.chart.as_ref()?;
    let mut named = [&chart.x].into_iter().chain(&chart.y).chain(&chart.series).chain(&chart.n);
    named.find(|column| schema.index_of(column).is_err())
}

/// The line of the header that is the `index`-th of its kind.
fn line_of(text: &str, kind: &str, index: usize) -> Option<u64> {
    let start = format!("-- {kind}: ");
    let lines = (1..).zip(text.lines()).filter(|(_, line)| line.starts_with(&start));
    lines.map(|(number, _)| number).nth(index)
}

/// The line that the engine says, or its parser.
fn place_of(error: &SqlError) -> Option<u64> {
    if let SqlError::Query { source, .. } = error
        && let Some(error) = source.downcast_ref::<DataFusionError>()
        && let Some(span) = error.diagnostic().and_then(|diagnostic| diagnostic.span)
    {
        return Some(span.start.line);
    }
    let text = error.to_string();
    let (_, behind) = text.rsplit_once("Line: ")?;
    behind.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "-- title: x\n-- answers: y\n";

    #[tokio::test]
    async fn the_queries_that_come_with_verbatim_are_whole() {
        for query in named::load(Path::new("/nonexistent"), "main").unwrap() {
            assert_eq!(check_text(&query.name, &query.sql).await.unwrap(), [], "{}", query.name);
        }
    }

    #[tokio::test]
    async fn what_is_broken_is_told_with_its_line() {
        for (text, line, reason) in [
            ("-- title: x\n-- answer: y\nSELECT 1".to_string(), 2, "be one of title"),
            (format!("{HEAD}SELECT 1\nFROM turn"), 4, "turn"),
            (format!("{HEAD}SELECT 1,\n  waited\nFROM turns"), 4, "waited"),
            (format!("{HEAD}SELECT 1 FROM turns\nWHERE (turn = 1\nLIMIT 2"), 5, "Expected"),
            (format!("{HEAD}DROP TABLE turns"), 0, "only read"),
            (format!("{HEAD}-- chart: bar x=day y=n\nSELECT 1 AS n"), 3, "`day`"),
            (format!("{HEAD}-- parameter: n integer = x  how many\nSELECT $n"), 3, "whole number"),
            (format!("{HEAD}-- explain: counted\nSELECT 1 AS n"), 3, "counted"),
            (
                format!("{HEAD}-- explain: a for m\nWITH a AS (SELECT 1 AS n) SELECT n FROM a"),
                3,
                "`m`",
            ),
            (
                format!(
                    "{HEAD}-- explain: a\nWITH a AS (SELECT conversation FROM turns) SELECT count(*) AS n FROM a"
                ),
                3,
                "at",
            ),
            (format!("{HEAD}SELECT nearest_rank(nrt_ms, 9) FROM turns"), 0, "between 0 and 1"),
        ] {
            let broken = check_text("q", &text).await.unwrap();
            let [(found, told)] = broken.as_slice() else { panic!("{text}: {broken:?}") };
            assert!(told.contains(reason), "{text}: {told}");
            assert_eq!(found.unwrap_or(0), line, "{text}: {told}");
        }
    }
}
