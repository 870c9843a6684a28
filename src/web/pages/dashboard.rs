//! The dashboard: headline figures, four charts and two tables of one range of days, each a named
//! query.
//!
//! Invariants: the headline row, the charts and the tables come from the same queries that reports
//! and SQL use; a query that fails leaves its own panel empty and says so, the others stand.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::panel::{Headline, Panel, headlines, read};
use super::range::{Fields, RangeBar};
use super::{Notice, PageLayout, page};
use crate::model::{ErrorKind, Kinded, Micros, Offset};
use crate::server::Service;
use crate::sql::{Answer, NamedQuery};
use crate::web::days::{local, today};
use crate::web::form::Typed;
use crate::web::visitor::Visitor;

const SUMMARY: &str = "summary";
const CHARTS: &[&str] = &["waiting_by_day", "waiting_by_hour", "volume_by_day", "bot_handoffs"];
const TABLES: &[&str] = &["waiting_by_agent", "waiting_by_category"];

#[derive(Template)]
#[template(path = "dashboard.html")]
pub(in crate::web) struct DashboardPage {
    pub layout: PageLayout,
    pub bar: RangeBar,
    /// Where the bar leads.
    pub address: &'static str,
    pub headlines: Vec<Headline>,
    pub headline_problem: Option<&'static str>,
    pub charts: Vec<Panel>,
    pub tables: Vec<Panel>,
    /// Every other named query, a shop's own among them: name and title.
    pub others: Vec<(String, String)>,
    /// The least offset that any of the answers is complete to.
    pub complete_to: Option<Offset>,
    pub computed_at: String,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    Typed(fields): Typed<Fields>,
) -> Response {
    let now = Micros::now();
    let bar = RangeBar::read(&fields, today(now, service.zone), service.zone);
    let queries = match service.sql.named(&identity.shop) {
        Ok(queries) => queries,
        Err(error) => {
            tracing::warn!(%error, "the named queries cannot be read");
            return Notice::failure(&identity, error.kind());
        }
    };
    let (asked, others) = queries.into_iter().partition(|query| is_here(&query.name));
    let answers = answers(&service, &identity.shop, asked, &bar).await;
    let mut view = view(PageLayout::of(&identity, "dashboard"), bar, &answers);
    view.others = other_questions(others);
    view.computed_at = clock(&service, now);
    page(&view)
}

fn is_here(name: &str) -> bool {
    name == SUMMARY || CHARTS.contains(&name) || TABLES.contains(&name)
}

fn other_questions(queries: Vec<NamedQuery>) -> Vec<(String, String)> {
    queries.into_iter().map(|query| (query.name, query.title)).collect()
}

/// `02:13:05 Asia/Shanghai`.
pub(in crate::web) fn clock(service: &Service, now: Micros) -> String {
    format!("{} {}", local(now, service.zone).format("%H:%M:%S"), service.zone)
}

type Answers = HashMap<String, (NamedQuery, Result<Answer, ErrorKind>)>;

/// Asks `queries` all at once.
async fn answers(
    service: &Service,
    shop: &str,
    queries: Vec<NamedQuery>,
    bar: &RangeBar,
) -> Answers {
    let asked = queries.into_iter().map(|query| async move {
        let arguments = bar.arguments(&query, service.zone, &Fields::new());
        let answer = service.sql.run_named(shop, &query.name, &arguments).await;
        let answer = answer.map_err(|error| {
            tracing::warn!(query = query.name, %error, "a figure of the dashboard could not be computed");
            error.kind()
        });
        (query.name.clone(), (query, answer))
    });
    futures::future::join_all(asked).await.into_iter().collect()
}

fn view(layout: PageLayout, bar: RangeBar, answers: &Answers) -> DashboardPage {
    let panels = |names: &[&str]| -> Vec<Panel> {
        let found = names.iter().filter_map(|name| answers.get(*name));
        found
            .map(|(query, answer)| Panel::of(query, answer.as_ref().map_err(|kind| *kind)))
            .collect()
    };
    let summary = answers
        .get(SUMMARY)
        .map(|(_, answer)| answer.as_ref().map_err(|kind| *kind).and_then(read));
    let (headlines, headline_problem) = match summary {
        Some(Ok(grid)) => (headlines(&grid), None),
        Some(Err(kind)) => (Vec::new(), Some(super::failure_text(kind))),
        None => (Vec::new(), None),
    };
    let complete = answers.values().filter_map(|(_, answer)| answer.as_ref().ok());
    DashboardPage {
        layout,
        bar,
        address: "/",
        headlines,
        headline_problem,
        charts: panels(CHARTS),
        tables: panels(TABLES),
        others: Vec::new(),
        complete_to: complete.map(|answer| answer.complete_to).min(),
        computed_at: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str) -> NamedQuery {
        NamedQuery {
            name: name.to_string(),
            title: "<b>Waits</b>".to_string(),
            answers: "How long.".to_string(),
            parameters: Vec::new(),
            chart: None,
            sql: "SELECT '<'".to_string(),
        }
    }

    #[test]
    fn failed_panels_stand_beside_good_ones_and_text_is_escaped() {
        let mut answers = Answers::new();
        answers.insert(SUMMARY.to_string(), (query(SUMMARY), Err(ErrorKind::Retry)));
        answers.insert(CHARTS[0].to_string(), (query(CHARTS[0]), Err(ErrorKind::Corrupt)));
        let bar = RangeBar::read(&Fields::new(), "2026-01-15".parse().unwrap(), chrono_tz::UTC);
        let mut view = view(PageLayout::default(), bar, &answers);
        view.others = other_questions(vec![query("own")]);
        let html = view.render().unwrap();
        assert!(html.contains("Something is wrong on the server."), "{html}");
        assert!(html.contains("&#60;b&#62;Waits") && !html.contains("<b>Waits"));
        assert!(
            html.contains(r#"name="to" value="2026-01-15""#)
                && html.contains(r#"href="/questions/own""#),
            "{html}"
        );
    }
}
