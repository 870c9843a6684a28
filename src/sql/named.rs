//! Named queries: one question a file. A comment header says what it answers, which parameters it
//! takes and how it is drawn; the rest is SQL. Reports, dashboards and the API are all made from
//! these.
//!
//! ```sql
//! -- title: Waiting time by day
//! -- answers: How long did customers wait for a human, day by day?
//! -- parameter: from timestamp = -14d   Waits that began at or after this instant
//! -- chart: line x=day y=median_s,p90_s unit=seconds
//! SELECT …  WHERE waiting_since >= $from
//! ```
//! A timestamp's default or argument is read by [`instant_of`].

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{SqlError, Value};
use crate::model::{FieldError, Micros, instant_of, parse_zone};

/// The queries that come with verbatim.
const BUILT_IN: &[(&str, &str)] = &[
    ("summary", include_str!("../../queries/summary.sql")),
    ("waiting_by_day", include_str!("../../queries/waiting_by_day.sql")),
    ("waiting_by_hour", include_str!("../../queries/waiting_by_hour.sql")),
    ("waiting_by_agent", include_str!("../../queries/waiting_by_agent.sql")),
    ("waiting_by_category", include_str!("../../queries/waiting_by_category.sql")),
    ("first_response_by_day", include_str!("../../queries/first_response_by_day.sql")),
    ("volume_by_day", include_str!("../../queries/volume_by_day.sql")),
    ("categories_by_day", include_str!("../../queries/categories_by_day.sql")),
    ("bot_handoffs", include_str!("../../queries/bot_handoffs.sql")),
];

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedQuery {
    pub name: String,
    pub title: String,
    /// The question in words.
    pub answers: String,
    pub parameters: Vec<Parameter>,
    pub chart: Option<Chart>,
    pub sql: String,
}

/// A value the client may give; in SQL it is `$name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub kind: ParameterKind,
    pub default: String,
    pub meaning: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    Timestamp,
    Text,
    Integer,
}

/// How the answer is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    pub kind: ChartKind,
    /// Column along the bottom.
    pub x: String,
    /// Columns drawn.
    pub y: Vec<String>,
    /// Column whose values tell the series apart.
    pub series: Option<String>,
    /// `seconds`, `count` or `percent`.
    pub unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    Line,
    Bar,
    StackedBar,
    Heatmap,
}

/// The queries of one shop: built in, those that lie in `dir` for every shop, and its own in a folder
/// of its name there. Of one name the last counts. A file that is not understood is left out.
pub fn load(dir: &Path, shop: &str) -> Result<Vec<NamedQuery>, SqlError> {
    let mut queries = BTreeMap::new();
    for (name, text) in BUILT_IN {
        queries.insert(name.to_string(), NamedQuery::parse(name, text)?);
    }
    for (name, path) in files(dir, shop)? {
        match read(&name, &path) {
            Ok(query) => drop(queries.insert(name, query)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a query file is left out");
            }
        }
    }
    Ok(queries.into_values().collect())
}

/// One of them.
///
/// # Errors
/// What is wrong with its file, or the names of those that there are.
pub fn find(dir: &Path, shop: &str, name: &str) -> Result<NamedQuery, SqlError> {
    if let Some((_, path)) = files(dir, shop)?.into_iter().rev().find(|(found, _)| found == name) {
        return read(name, &path);
    }
    match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        Some((name, text)) => NamedQuery::parse(name, text),
        None => {
            let known: Vec<String> = load(dir, shop)?.into_iter().map(|query| query.name).collect();
            Err(SqlError::UnknownQuery { name: name.to_string(), known: known.join(", ") })
        }
    }
}

/// Names and paths of the query files that lie in `dir` for every shop, then of those of this one.
fn files(dir: &Path, shop: &str) -> Result<Vec<(String, PathBuf)>, SqlError> {
    let own = dir.join(folder_of(shop));
    let mut files = Vec::new();
    for dir in [dir, &own] {
        let failed = |source| SqlError::QueryFile { path: dir.to_path_buf(), source };
        let listing = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listing => listing.map_err(failed)?,
        };
        let mut of_dir = Vec::new();
        for entry in listing {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "sql")
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                of_dir.push((name.to_string(), path));
            }
        }
        of_dir.sort();
        files.extend(of_dir);
    }
    Ok(files)
}

/// The folder of a shop's own queries: its name, with `%` and two hex digits for each byte that is no
/// letter, digit, `-` or `_`.
fn folder_of(shop: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(shop, KEPT).to_string()
}

fn read(name: &str, path: &Path) -> Result<NamedQuery, SqlError> {
    let text = fs::read_to_string(path)
        .map_err(|source| SqlError::QueryFile { path: path.to_path_buf(), source })?;
    NamedQuery::parse(name, &text)
}

impl NamedQuery {
    /// Whether it is one of those that come with verbatim, which show figures and no rows of chat.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.iter().any(|(name, text)| *name == self.name && *text == self.sql)
    }

    /// Reads a query file. A header line that is not understood is an error: a misspelt one would
    /// be lost.
    pub fn parse(name: &str, text: &str) -> Result<NamedQuery, SqlError> {
        let mut query = NamedQuery {
            name: name.to_string(),
            title: String::new(),
            answers: String::new(),
            parameters: Vec::new(),
            chart: None,
            sql: text.to_string(),
        };
        let header = text.lines().map_while(|line| line.strip_prefix("-- "));
        for (index, line) in header.enumerate() {
            let bad = |rule: &str| {
                SqlError::Input(FieldError::new(
                    format!("query `{name}` line {}", index + 1),
                    line,
                    rule,
                ))
            };
            match line.split_once(": ") {
                Some(("title", title)) => query.title = title.trim().to_string(),
                Some(("answers", answers)) => query.answers = answers.trim().to_string(),
                Some(("parameter", parameter)) => {
                    query.parameters.push(Parameter::parse(parameter).ok_or_else(|| {
                        bad("be `parameter: NAME timestamp|text|integer = DEFAULT  MEANING`")
                    })?)
                }
                Some(("chart", chart)) => {
                    let rule = "be `chart: line|bar|stacked_bar|heatmap x=COLUMN y=COLUMN,… [series=COLUMN] [unit=seconds|count|percent]`";
                    query.chart = Some(Chart::parse(chart).ok_or_else(|| bad(rule))?);
                }
                _ => {
                    return Err(bad(
                        "be one of title, answers, parameter, chart, each with a colon and a space",
                    ));
                }
            }
        }
        if query.title.is_empty() || query.answers.is_empty() {
            return Err(SqlError::Input(FieldError::new(
                format!("query `{name}`"),
                "",
                "have a title and say what it answers",
            )));
        }
        Ok(query)
    }

    /// The values for this query's parameters: those given, defaults for the rest. An argument that
    /// names no parameter is refused, since a misspelt one would silently do nothing.
    pub fn values(
        &self,
        arguments: &BTreeMap<String, String>,
        zone: Tz,
        now: Micros,
    ) -> Result<Vec<(String, Value)>, SqlError> {
        // A zone says how dates are read, also where the query itself needs none.
        let known = |name: &String| {
            name == "zone" || self.parameters.iter().any(|parameter| parameter.name == *name)
        };
        if let Some((name, value)) = arguments.iter().find(|(name, _)| !known(name)) {
            let names: Vec<&str> =
                self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let rule = format!("name a parameter of `{}`: {}", self.name, names.join(", "));
            return Err(SqlError::Input(FieldError::new(name, value, rule)));
        }
        // A zone among the arguments governs how the other arguments' dates are read.
        let zone = match arguments.get("zone") {
            Some(name) => parse_zone(name)?,
            None => zone,
        };
        self.parameters
            .iter()
            .map(|parameter| {
                let given = arguments
                    .get(&parameter.name)
                    .map_or(parameter.default.as_str(), String::as_str);
                let given = if parameter.name == "zone" && given == "default" {
                    zone.name()
                } else {
                    given
                };
                Ok((parameter.name.clone(), parameter.value(given, zone, now)?))
            })
            .collect()
    }
}

impl Parameter {
    fn parse(text: &str) -> Option<Parameter> {
        let (declared, rest) = text.split_once(" = ")?;
        let (name, kind) = declared.trim().split_once(' ')?;
        let kind = match kind.trim() {
            "timestamp" => ParameterKind::Timestamp,
            "text" => ParameterKind::Text,
            "integer" => ParameterKind::Integer,
            _ => return None,
        };
        let (default, meaning) = rest.trim().split_once("  ")?;
        Some(Parameter {
            name: name.to_string(),
            kind,
            default: default.trim().to_string(),
            meaning: meaning.trim().to_string(),
        })
    }

    fn value(&self, given: &str, zone: Tz, now: Micros) -> Result<Value, SqlError> {
        match self.kind {
            ParameterKind::Text => Ok(Value::Text(given.to_string())),
            ParameterKind::Integer => given.parse().map(Value::Integer).map_err(|_| {
                SqlError::Input(FieldError::new(&self.name, given, "be a whole number"))
            }),
            ParameterKind::Timestamp => Ok(Value::Time(instant_of(&self.name, given, zone, now)?)),
        }
    }
}

impl Chart {
    fn parse(text: &str) -> Option<Chart> {
        let mut words = text.split_whitespace();
        let kind = match words.next()? {
            "line" => ChartKind::Line,
            "bar" => ChartKind::Bar,
            "stacked_bar" => ChartKind::StackedBar,
            "heatmap" => ChartKind::Heatmap,
            _ => return None,
        };
        let mut chart = Chart { kind, x: String::new(), y: Vec::new(), series: None, unit: None };
        for word in words {
            match word.split_once('=')? {
                ("x", column) => chart.x = column.to_string(),
                ("y", columns) => chart.y = columns.split(',').map(str::to_string).collect(),
                ("series", column) => chart.series = Some(column.to_string()),
                ("unit", unit) => chart.unit = Some(unit.to_string()),
                _ => return None,
            }
        }
        (!chart.x.is_empty() && !chart.y.is_empty()).then_some(chart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_queries_are_well_formed_and_files_match_the_list() {
        let queries = load(Path::new("/nonexistent"), "main").unwrap();
        assert_eq!(queries.len(), BUILT_IN.len());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let files = fs::read_dir(folder).unwrap().count();
        assert_eq!(files, BUILT_IN.len(), "each file in queries/ is in the list");
    }

    /// One folder served all shops, and one bad file in it broke every report and the dashboard.
    #[test]
    fn a_shop_has_its_own_queries_and_a_bad_file_breaks_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let query = |title: &str| format!("-- title: {title}\n-- answers: what?\nSELECT 1");
        for (path, text) in [
            ("common.sql", query("of all")),
            ("worse.sql", "SELECT 1".to_string()),
            ("a%2F%2E%2E/own.sql", query("of a")),
            ("a%2F%2E%2E/common.sql", query("of a")),
            ("b/own.sql", query("of b")),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let title = |shop: &str, name: &str| {
            let listed = load(dir.path(), shop).unwrap();
            let listed = listed.into_iter().find(|query| query.name == name);
            let found = find(dir.path(), shop, name).ok();
            assert_eq!(listed, found, "{shop} {name}");
            found.map(|query| query.title)
        };
        assert_eq!(title("a/..", "own").as_deref(), Some("of a"));
        assert_eq!(title("a/..", "common").as_deref(), Some("of a"));
        assert_eq!(title("b", "own").as_deref(), Some("of b"));
        assert_eq!(title("b", "common").as_deref(), Some("of all"));
        assert_eq!(title("c", "own"), None);
        assert_eq!(title("c", "worse"), None);
        let error = find(dir.path(), "c", "worse").unwrap_err().to_string();
        assert!(error.contains("worse") && error.contains("title"), "{error}");
        assert_eq!(load(dir.path(), "c").unwrap().len(), BUILT_IN.len() + 1);
    }

    #[test]
    fn bad_headers_and_arguments_are_named() {
        let bad = [
            "-- titel: x\nSELECT 1",
            "-- title: x\nSELECT 1",
            "-- title: x\n-- answers: y\n-- parameter: from = 1\n",
            "-- title: x\n-- answers: y\n-- chart: pie x=a y=b\n",
        ];
        for text in bad {
            assert!(NamedQuery::parse("q", text).is_err(), "{text}");
        }
        let query = NamedQuery::parse(
            "q",
            "-- title: x\n-- answers: y\n-- parameter: n integer = 3  how many\nSELECT $n",
        )
        .unwrap();
        let values = |name: &str, value: &str| {
            let arguments = BTreeMap::from([(name.to_string(), value.to_string())]);
            query.values(&arguments, Tz::UTC, Micros(0))
        };
        assert!(values("n", "4").is_ok());
        for (name, value) in [("n", "four"), ("m", "4")] {
            let error = values(name, value).unwrap_err().to_string();
            assert!(error.contains(value), "{error}");
        }
    }
}
