//! One named query on a page of its own, a shop's own queries too: its chart, its table, its SQL as it ran, and a field
//! for each of its parameters.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::bar::Bar;
use super::dashboard::pages_of;
use super::panel::{Body, Making, Panel};
use super::{Notice, PageLayout, page};
use crate::access::Identity;
use crate::model::{ErrorKind, Kinded};
use crate::server::status_of;
use crate::server::{For, Service};
use crate::web::choices::Choices;
use crate::web::form::Typed;
use crate::web::links::page_of;
use crate::web::selection::Fields;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    layout: PageLayout,
    bar: Bar,
    panel: Panel,
    /// The dashboards that it stands on: title and address.
    pages: Vec<(String, String)>,
    /// With the values that were asked with.
    sql: String,
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
    let Some(query) = queries.into_iter().find(|query| query.name == name) else {
        return unknown(&asked.identity);
    };
    let selection = asked.selection([&query]);
    let choices = Choices::of(&asked.service, &asked.identity.shop, &selection.filters);
    let (answer, choices, wording) =
        tokio::join!(asked.answer(&query, &selection), choices, asked.wording());
    let status = answer.as_ref().map_or_else(|error| status_of(error.kind()), |_| StatusCode::OK);
    let making = Making { selection: &selection, wording: &wording, leads: true };
    let path = page_of("questions", &query.name);
    let bar = Bar::of(&path, &selection, &choices, &wording);
    let panel = Panel::of(&making, &query, &answer);
    let view = QuestionPage {
        layout: PageLayout::of(&asked.identity, "dashboard"),
        bar: bar.with_parameters(&query, &selection),
        pages: pages_of(&query, &selection),
        sql: asked.composed(&query, &selection),
        computed_at: asked.clock(&selection, panel.as_of),
        panel,
    };
    (status, page(&view)).into_response()
}

/// The page for a query that there is not.
pub(super) fn unknown(identity: &Identity) -> Response {
    let notice = Notice {
        layout: PageLayout::of(identity, "dashboard"),
        title: "No such question".to_string(),
        detail: "No named query has this name.".to_string(),
        hint: "The overview lists them all below its panels.".to_string(),
    };
    notice.into_response(status_of(ErrorKind::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_time;
    use crate::sql::{NamedQuery, SqlError};
    use crate::web::selection::Selection;
    use crate::web::wording::Wording;

    #[test]
    fn parameters_have_fields_that_keep_what_was_typed_as_text() {
        let text = "-- title: Own\n-- answers: What?\n-- parameter: from timestamp = -1d  From\n\
            -- parameter: word text = any  whose <replies>\nSELECT 1";
        let query = NamedQuery::parse("own", text).unwrap();
        let fields = Fields::from([("word".to_string(), "\"><script>".to_string())]);
        let now = parse_time("2026-01-15T10:00:00Z").unwrap();
        let selection = Selection::read(&fields, chrono_tz::UTC, now);
        let selection = selection.with_parameters(&fields, [&query]);
        let wording = Wording::default();
        let making = Making { selection: &selection, wording: &wording, leads: true };
        let bar = Bar::of("/questions/own", &selection, &Choices::default(), &wording);
        let view = QuestionPage {
            layout: PageLayout::default(),
            bar: bar.with_parameters(&query, &selection),
            panel: Panel::of(&making, &query, &Err(SqlError::TooDeep)),
            pages: Vec::new(),
            sql: "SELECT '<'".to_string(),
            computed_at: String::new(),
        };
        let html = view.render().unwrap();
        assert_eq!(html.matches(r#"name="word""#).count(), 1, "{html}");
        assert!(html.contains(r#"value="&#34;&#62;&#60;script&#62;" placeholder="any""#), "{html}");
        assert!(
            html.contains("whose &#60;replies&#62;") && html.contains("nested less deeply"),
            "{html}"
        );
    }
}
