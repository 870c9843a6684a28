//! A dashboard: the panels of all queries whose headers place them on a page of its name.
//!
//! Invariants: panels come from the same queries that reports and SQL use, and only from their headers; a query that
//! fails leaves its own panel empty and says so, the others stand.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::StreamExt;

use super::asked::Asked;
use super::bar::Bar;
use super::panel::{Body, Making, Panel};
use super::{Notice, PageLayout, page};
use crate::model::Offset;
use crate::server::{For, Service};
use crate::sql::NamedQuery;
use crate::web::choices::Choices;
use crate::web::figures::label;
use crate::web::form::Typed;
use crate::web::links::page_of;
use crate::web::selection::{Fields, Selection, shown};
use crate::web::visitor::Visitor;

/// The page at `/`.
const OVERVIEW: &str = "overview";
/// In which order the menu has the pages that come with verbatim; a shop's own follow by name.
const ORDER: &[&str] = &[OVERVIEW, "waits", "categories", "agents", "bot", "sla"];
/// Names that are no words.
const NAMES: &[(&str, &str)] = &[("sla", "SLA"), ("csat", "CSAT")];
/// Queries that a page asks at once: two questions each where the period before stands beside, and one for the bar, are
/// the processes that wait for questions.
const AT_ONCE: usize = 4;
/// How often the figures of an open page are asked for again, in seconds.
const EVERY_SECONDS: u32 = 5;

#[derive(Template)]
#[template(path = "dashboard.html")]
pub(in crate::web) struct DashboardPage {
    pub layout: PageLayout,
    pub title: String,
    pub menu: Vec<MenuEntry>,
    pub bar: Bar,
    pub panels: Vec<Panel>,
    /// Query files that say nothing that can be asked, and why.
    pub broken: Vec<(String, String)>,
    /// Queries that stand on no page: address and title.
    pub others: Vec<(String, String)>,
    /// The least offset that any of the answers is complete to.
    pub complete_to: Option<Offset>,
    pub computed_at: String,
    pub every_seconds: u32,
}

pub(in crate::web) struct MenuEntry {
    pub title: String,
    pub address: String,
    pub is_this: bool,
}

pub(in crate::web) async fn overview(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    headers: HeaderMap,
    Typed(fields): Typed<Fields>,
) -> Response {
    made(Asked::new(service, identity, purpose, fields, &headers), OVERVIEW).await
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    headers: HeaderMap,
    Path(name): Path<String>,
    Typed(fields): Typed<Fields>,
) -> Response {
    made(Asked::new(service, identity, purpose, fields, &headers), &name).await
}

async fn made(asked: Asked, name: &str) -> Response {
    let queries = match asked.queries() {
        Ok(queries) => queries,
        Err(page) => return *page,
    };
    let here = placed(&queries, name);
    if here.is_empty() && name != OVERVIEW {
        return unknown(&asked, name);
    }
    let selection = asked.selection(here.iter().copied());
    let answers: Vec<_> = here.iter().map(|query| asked.answer(query, &selection)).collect();
    let answers = futures::stream::iter(answers).buffered(AT_ONCE).collect::<Vec<_>>();
    let choices = Choices::of(&asked.service, &asked.identity.shop, &selection.filters);
    let (answers, choices, wording) = tokio::join!(answers, choices, asked.wording());
    let making = Making { selection: &selection, wording: &wording, leads: true };
    let panels = here.iter().zip(&answers).map(|(query, answer)| Panel::of(&making, query, answer));
    let panels: Vec<Panel> = panels.collect();
    let is_overview = name == OVERVIEW;
    page(&DashboardPage {
        layout: PageLayout::of(&asked.identity, "dashboard"),
        title: title_of(name),
        menu: menu(&queries, name, &selection),
        bar: Bar::of(&address_of(name), &selection, &choices, &wording),
        complete_to: panels.iter().filter_map(|panel| panel.complete_to).min(),
        computed_at: asked.clock(&selection, panels.iter().filter_map(|panel| panel.as_of)),
        panels,
        broken: if is_overview { asked.broken() } else { Vec::new() },
        others: if is_overview { others(&queries, &selection) } else { Vec::new() },
        every_seconds: EVERY_SECONDS,
    })
}

/// The queries on a page, by their positions there.
fn placed<'a>(queries: &'a [NamedQuery], page: &str) -> Vec<&'a NamedQuery> {
    let place = |query: &'a NamedQuery| {
        let place = query.places.iter().filter(|place| place.page == page);
        Some((place.map(|place| place.position).min()?, &query.name, query))
    };
    let mut placed: Vec<_> = queries.iter().filter_map(place).collect();
    placed.sort_by_key(|(position, name, _)| (*position, *name));
    placed.into_iter().map(|(_, _, query)| query).collect()
}

/// Every page that a query is on, and the overview.
fn menu(queries: &[NamedQuery], this: &str, selection: &Selection) -> Vec<MenuEntry> {
    let named = queries.iter().flat_map(|query| &query.places).map(|place| place.page.as_str());
    let names: BTreeSet<&str> = named.chain([OVERVIEW]).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    let rank = |name: &&str| ORDER.iter().position(|own| own == name).unwrap_or(ORDER.len());
    names.sort_by_key(rank);
    let entry = |name: &str| MenuEntry {
        title: title_of(name),
        address: selection.address(&address_of(name)),
        is_this: name == this,
    };
    names.into_iter().map(entry).collect()
}

fn others(queries: &[NamedQuery], selection: &Selection) -> Vec<(String, String)> {
    let other = |query: &NamedQuery| {
        (selection.address(&page_of("questions", &query.name)), query.title.clone())
    };
    queries.iter().filter(|query| query.places.is_empty()).map(other).collect()
}

/// The pages that a query stands on: title and address.
pub(super) fn pages_of(query: &NamedQuery, selection: &Selection) -> Vec<(String, String)> {
    let page = |name: &str| (title_of(name), selection.address(&address_of(name)));
    query.places.iter().map(|place| page(&place.page)).collect()
}

fn address_of(name: &str) -> String {
    if name == OVERVIEW { "/".to_string() } else { page_of("dashboards", name) }
}

fn title_of(name: &str) -> String {
    if let Some((_, title)) = NAMES.iter().find(|(known, _)| *known == name) {
        return title.to_string();
    }
    let words = label(name);
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn unknown(asked: &Asked, name: &str) -> Response {
    let notice = Notice {
        layout: PageLayout::of(&asked.identity, "dashboard"),
        title: "No such dashboard".to_string(),
        detail: format!("No query says `dashboard: {}` in its header.", shown(name)),
        hint: "The overview leads to those that there are.".to_string(),
    };
    notice.into_response(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;
    use crate::sql::SqlError;
    use crate::web::wording::Wording;

    fn query(name: &str, lines: &str) -> NamedQuery {
        let text = format!("-- title: <b>{name}</b>\n-- answers: How long.\n{lines}SELECT '<'");
        NamedQuery::parse(name, &text).unwrap()
    }

    fn selection(pairs: &[(&str, &str)]) -> Selection {
        let fields: Fields =
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Selection::read(&fields, chrono_tz::UTC, parse_time("2026-01-15T10:00:00Z").unwrap())
    }

    #[test]
    fn pages_are_made_of_what_headers_say() {
        let queries = [
            query("b", "-- dashboard: waits 1\n-- dashboard: overview 9\n"),
            query("a", "-- dashboard: waits 1\n"),
            query("c", "-- dashboard: waits 0\n-- dashboard: night_shift 1\n"),
            query("d", ""),
        ];
        let names = |page| -> Vec<&str> {
            placed(&queries, page).iter().map(|query| query.name.as_str()).collect()
        };
        assert_eq!(names("waits"), ["c", "a", "b"]);
        assert_eq!(names("overview"), ["b"]);
        let selection = selection(&[("agent", "lin")]);
        let menu = menu(&queries, "waits", &selection);
        let entries: Vec<_> =
            menu.iter().map(|entry| (&*entry.title, &*entry.address, entry.is_this)).collect();
        assert_eq!(
            entries,
            [
                ("Overview", "/?agent=lin", false),
                ("Waits", "/dashboards/waits?agent=lin", true),
                ("Night shift", "/dashboards/night_shift?agent=lin", false),
            ]
        );
        assert_eq!(others(&queries, &selection)[0].0, "/questions/d?agent=lin");
    }

    #[test]
    fn failed_panels_stand_beside_good_ones_and_text_is_escaped() {
        let (selection, wording) = (selection(&[]), Wording::default());
        let making = Making { selection: &selection, wording: &wording, leads: true };
        let panel = |error| Panel::of(&making, &query("own", ""), &Err(error));
        let view = DashboardPage {
            layout: PageLayout::default(),
            title: title_of("sla"),
            menu: Vec::new(),
            bar: Bar::of("/", &selection, &Choices::default(), &wording),
            panels: vec![panel(SqlError::TooMany), panel(SqlError::TooDeep)],
            broken: vec![("bad".to_string(), "line 1: <i>".to_string())],
            others: vec![("/questions/own".to_string(), "<i>".to_string())],
            complete_to: None,
            computed_at: String::new(),
            every_seconds: 5,
        };
        let html = view.render().unwrap();
        assert!(html.contains("<title>SLA") && html.contains("nested less deeply"), "{html}");
        assert!(
            html.contains("&#60;b&#62;own") && !html.contains("<b>own") && !html.contains("<i>")
        );
        assert!(
            html.contains(r#"name="to" value="2026-01-15""#)
                && html.contains(r#"href="/questions/own""#),
            "{html}"
        );
        assert!(!html.contains(" style=") && html.matches("<h1").count() == 1, "{html}");
    }
}
