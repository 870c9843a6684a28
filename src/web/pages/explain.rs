//! The rows behind a figure: in words what is shown, then each row with what was left out and why, a link to the
//! transcript at that very record, the longest first, page by page; the same as a file, and the query's SQL to copy.
//!
//! Invariant: the rows are those of the query itself, so they cannot be others than those that the figure counts.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::bar::said;
use super::behind::{Behind, BehindRow};
use super::panel::read;
use super::{PageLayout, failure_words, page, page_of, question};
use crate::model::{Kinded, Offset};
use crate::server::{For, Service, status_of};
use crate::sql::{Answer, Explained, NamedQuery, SqlError};
use crate::web::figures::{figure, label};
use crate::web::form::Typed;
use crate::web::grid::{Grid, Value};
use crate::web::links;
use crate::web::selection::{Fields, Selection};
use crate::web::shown::Shown;
use crate::web::visitor::Visitor;
use crate::web::wording::Wording;

/// Rows on one page.
const ROWS_PER_PAGE: usize = 50;
/// Before a column's name in an address.
const AT: &str = "at.";
/// How the meaning of a query's parameter `from` ends, and what stands before says what it counts.
const SINCE: &str = " at or after this instant";

#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage {
    layout: PageLayout,
    /// The figure, where, and how much it is.
    heading: Shown,
    sentences: Vec<String>,
    /// What was asked: range, zone, filters.
    said: String,
    title: String,
    /// The query's own page.
    details: String,
    rows: Vec<BehindRow>,
    total: usize,
    has_values: bool,
    has_hours: bool,
    /// There may be more than an answer holds.
    cut: bool,
    first: usize,
    page: usize,
    pages: usize,
    /// The address of this page, to be continued with the number of another.
    address: String,
    csv: String,
    sql: String,
    problem: String,
    complete_to: Option<Offset>,
    computed_at: String,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    headers: HeaderMap,
    Path(name): Path<String>,
    Typed(fields): Typed<Fields>,
) -> Response {
    let asked = Asked::new(service, identity, purpose, fields, &headers);
    let queries = match asked.queries() {
        Ok(queries) => queries,
        Err(page) => return *page,
    };
    match queries.into_iter().find(|query| query.name == name) {
        Some(query) => made(&asked, &query).await,
        None => question::unknown(&asked.identity),
    }
}

async fn made(asked: &Asked, query: &NamedQuery) -> Response {
    let selection = asked.selection([query]);
    let explained = explained(&asked.fields);
    let arguments = selection.arguments(query);
    let (sql, shop) = (&asked.service.sql, &asked.identity.shop);
    let (behind, whole, wording) = tokio::join!(
        sql.first_behind(shop, &query.name, &arguments, &explained),
        sql.run_named(shop, &query.name, &arguments),
        asked.wording()
    );
    // They name conversations, so that somebody saw them is recorded whosever the query is.
    if let Ok(answer) = &behind {
        asked.record(query, answer);
    }
    let status = behind.as_ref().map_or_else(|error| status_of(error.kind()), |_| StatusCode::OK);
    let view = Making { asked, query, selection: &selection, explained: &explained };
    let page_of_it = view.page(behind, whole, &wording);
    (status, page(&page_of_it)).into_response()
}

/// What a page is made with.
struct Making<'a> {
    asked: &'a Asked,
    query: &'a NamedQuery,
    selection: &'a Selection,
    explained: &'a Explained,
}

impl Making<'_> {
    fn page(
        &self,
        behind: Result<Answer, SqlError>,
        whole: Result<Answer, SqlError>,
        wording: &Wording,
    ) -> ExplainPage {
        let Making { asked, query, selection, explained } = self;
        let complete_to = behind.as_ref().ok().map(|answer| answer.complete_to);
        let problem = behind.as_ref().err().map_or_else(String::new, failure_words);
        let whole = whole.ok().and_then(|answer| read(&answer, selection).ok()).unwrap_or_default();
        let value = value_of(&whole, explained);
        let grid = behind.ok().and_then(|answer| all_rows(&answer, selection)).unwrap_or_default();
        let figure = explained.figure.as_deref();
        let behind = Behind::of(&grid, figure, wording, milliseconds(explained, &value));
        let where_it_is = place(explained, wording);
        let (page, pages) = page_of(
            asked.fields.get("page").map_or("", String::as_str),
            behind.len(),
            ROWS_PER_PAGE,
        );
        let first = (page - 1) * ROWS_PER_PAGE;
        let is_asked = problem.is_empty();
        ExplainPage {
            layout: PageLayout::of(&asked.identity, "dashboard"),
            heading: Shown::plain(&heading(explained, &where_it_is, &value, &query.title)),
            sentences: if is_asked {
                behind.sentences(&what(query, &where_it_is))
            } else {
                Vec::new()
            },
            said: said(selection, wording),
            title: query.title.clone(),
            details: selection.fixed_address(&links::page_of("questions", &query.name), &[]),
            rows: behind.rows(first, ROWS_PER_PAGE),
            total: behind.len(),
            has_values: behind.has_values(),
            has_hours: behind.has_hours(),
            cut: grid.cut,
            first,
            page,
            pages,
            address: self.address(),
            csv: links::rows_of(query, selection, explained),
            sql: asked.composed(query, selection),
            problem,
            complete_to,
            computed_at: asked.clock(selection, []),
        }
    }

    fn address(&self) -> String {
        let figure =
            self.explained.figure.iter().map(|figure| ("figure".to_string(), figure.clone()));
        let at = self.explained.at.iter().map(|(key, value)| (format!("{AT}{key}"), value.clone()));
        let more: Vec<(String, String)> = figure.chain(at).collect();
        self.selection.fixed_address(&links::page_of("explain", &self.query.name), &more)
    }
}

/// Which figure an address is about.
fn explained(fields: &Fields) -> Explained {
    let at: BTreeMap<String, String> = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(AT)?.to_string(), value.clone())))
        .collect();
    let figure = fields.get("figure").filter(|figure| !figure.is_empty()).cloned();
    Explained { figure, at }
}

/// All rows of an answer, as many as it may hold.
fn all_rows(answer: &Answer, selection: &Selection) -> Option<Grid> {
    let grid = Grid::whole(&answer.batches, selection.zone).map_err(|error| {
        tracing::error!(%error, "an answer could not be read");
    });
    grid.ok()
}

/// The figure itself, in the row of the answer that is explained.
fn value_of(whole: &Grid, explained: &Explained) -> Value {
    let is_it = |row: &usize| {
        explained
            .at
            .iter()
            .all(|(key, value)| whole.cell(*row, key).is_some_and(|cell| cell.label() == *value))
    };
    let row = (0..whole.rows.len()).find(is_it);
    let figure = explained.figure.as_deref();
    row.zip(figure)
        .and_then(|(row, figure)| whole.cell(row, figure).cloned())
        .unwrap_or(Value::Null)
}

/// A figure that is a time.
fn milliseconds(explained: &Explained, value: &Value) -> Option<f64> {
    let figure = explained.figure.as_deref()?;
    let number = value.number()?;
    if figure.ends_with("_s") {
        Some(number * 1_000.0)
    } else {
        figure.ends_with("_ms").then_some(number)
    }
}

/// `on Thu 19 Nov 2026, agent lin`: which row of the answer it is.
fn place(explained: &Explained, wording: &Wording) -> String {
    let part = |(key, value): (&String, &String)| match (key.as_str(), value.as_str()) {
        (key, "") => format!("without {}", label(key)),
        ("day", day) => match day.parse::<chrono::NaiveDate>() {
            Ok(day) => format!("on {}", day.format("%a %-d %b %Y")),
            Err(_) => format!("on {day}"),
        },
        ("hour", hour) => match hour.parse::<u8>() {
            Ok(hour) => format!("between {hour:02}:00 and {hour:02}:59"),
            Err(_) => format!("hour {hour}"),
        },
        ("weekday", day) => {
            let day = day.parse().map_or_else(|_| Value::Text(day.to_string()), Value::Whole);
            format!("on {}", wording.words("weekday", &day))
        }
        (key, value) => {
            let words = wording.words(key, &Value::Text(value.to_string()));
            format!("{} {words}", label(key))
        }
    };
    explained.at.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// `p90 on Thu 19 Nov 2026: 9 h 46 min`.
fn heading(explained: &Explained, place: &str, value: &Value, title: &str) -> String {
    let name = explained.figure.as_deref().map_or_else(|| title.to_string(), label);
    let place = if place.is_empty() { String::new() } else { format!(" {place}") };
    match (&explained.figure, value) {
        (Some(column), value) if *value != Value::Null => {
            format!("{name}{place}: {}", figure(column, value))
        }
        _ => format!("{name}{place}"),
    }
}

/// `waits that began on Thu 19 Nov 2026`: what a row is, by what the query says that its range is of.
fn what(query: &NamedQuery, place: &str) -> String {
    let from = query.parameters.iter().find(|parameter| parameter.name == "from");
    let counted = from.and_then(|parameter| parameter.meaning.strip_suffix(SINCE));
    let counted = counted.map_or_else(|| "rows".to_string(), lower_first);
    if place.is_empty() { counted } else { format!("{counted} {place}") }
}

fn lower_first(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Explained {
        let fields = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        explained(&fields.collect())
    }

    #[test]
    fn an_address_says_which_figure_and_the_page_says_it_in_words() {
        let asked =
            of(&[("figure", "p90_s"), ("at.day", "2026-11-19"), ("at.agent", "林"), ("from", "x")]);
        assert_eq!(asked.at.len(), 2);
        let place = place(&asked, &Wording::default());
        assert_eq!(place, "agent 林, on Thu 19 Nov 2026");
        let value = Value::Number(35_183.0);
        assert_eq!(milliseconds(&asked, &value), Some(35_183_000.0));
        assert_eq!(
            heading(&asked, &place, &value, "Waits"),
            "p90 agent 林, on Thu 19 Nov 2026: 9 h 46 min"
        );
        assert_eq!(heading(&of(&[]), "", &Value::Null, "Waits"), "Waits");
    }

    #[test]
    fn what_a_row_is_comes_from_the_query() {
        let text = "-- title: x\n-- answers: y\n-- parameter: from timestamp = -1d  Waits that began at or after this instant\nSELECT 1";
        let query = NamedQuery::parse("own", text).unwrap();
        assert_eq!(what(&query, "on Mon"), "waits that began on Mon");
        let query = NamedQuery::parse("own", "-- title: x\n-- answers: y\nSELECT 1").unwrap();
        assert_eq!(what(&query, ""), "rows");
    }

    #[test]
    fn the_figure_is_that_of_the_row_asked_for() {
        let names = ["day", "agent", "n"].map(str::to_string).to_vec();
        let text = |text: &str| Value::Text(text.to_string());
        let rows = vec![
            vec![text("2026-11-18"), Value::Null, Value::Whole(3)],
            vec![text("2026-11-19"), Value::Null, Value::Whole(18)],
        ];
        let whole = Grid { names, rows, cut: false };
        let asked = of(&[("figure", "n"), ("at.day", "2026-11-19"), ("at.agent", "")]);
        assert_eq!(value_of(&whole, &asked), Value::Whole(18));
        let other = of(&[("figure", "n"), ("at.day", "2026-11-20")]);
        assert_eq!(value_of(&whole, &other), Value::Null);
    }
}
