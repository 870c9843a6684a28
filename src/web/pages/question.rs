//! One named query on a page of its own, a shop's own queries too: its chart, its table, its SQL,
//! and a field for each of its parameters.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::dashboard::clock;
use super::panel::Panel;
use super::range::{Fields, RangeBar};
use super::{Notice, PageLayout, page};
use crate::access::Identity;
use crate::model::{Access, AccessAction, ErrorKind, Kinded, Micros, Via};
use crate::server::status_of;
use crate::server::{For, Service};
use crate::sql::NamedQuery;
use crate::web::days::today;
use crate::web::form::Typed;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    layout: PageLayout,
    bar: RangeBar,
    address: String,
    parameters: Vec<Field>,
    panel: Panel,
    computed_at: String,
}

/// A parameter that the range does not fill.
struct Field {
    name: String,
    meaning: String,
    value: String,
    default: String,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Path(name): Path<String>,
    Typed(fields): Typed<Fields>,
) -> Response {
    let queries = service.sql.named(&identity.shop).unwrap_or_else(|error| {
        tracing::warn!(%error, "the named queries cannot be read");
        Vec::new()
    });
    let Some(query) = queries.into_iter().find(|query| query.name == name) else {
        return unknown(&identity);
    };
    let now = Micros::now();
    let bar = RangeBar::read(&fields, today(now, service.zone), service.zone);
    let answer = service
        .sql
        .run_named(&identity.shop, &query.name, &bar.arguments(&query, service.zone, &fields))
        .await;
    // A shop's own may show rows of chat; those that come with verbatim show figures.
    if let (Ok(answer), false) = (&answer, query.is_built_in()) {
        let asked = serde_json::json!({"name": query.name, "arguments": fields});
        let access = Access::new(AccessAction::Report, Via::Page, purpose);
        let (query, rows) = (Some(asked.to_string()), Some(answer.rows()));
        service.trail().record(&identity, Access { query, rows, ..access });
    }
    let answer = answer.map_err(|error| {
        tracing::warn!(query = query.name, %error, "a question could not be answered");
        error.kind()
    });
    let status = answer.as_ref().map_or_else(|kind| status_of(*kind), |_| StatusCode::OK);
    let view = QuestionPage {
        layout: PageLayout::of(&identity, "dashboard"),
        bar,
        address: format!("/questions/{}", query.name),
        parameters: parameters(&query, &fields),
        panel: Panel::of(&query, answer.as_ref().map_err(|kind| *kind)),
        computed_at: clock(&service, now),
    };
    (status, page(&view)).into_response()
}

fn unknown(identity: &Identity) -> Response {
    let notice = Notice {
        layout: PageLayout::of(identity, "dashboard"),
        title: "No such question".to_string(),
        detail: "No named query has this name.".to_string(),
        hint: "The dashboard lists them all below its tables.".to_string(),
    };
    notice.into_response(status_of(ErrorKind::NotFound))
}

fn parameters(query: &NamedQuery, fields: &Fields) -> Vec<Field> {
    let typed =
        query.parameters.iter().filter(|own| !["from", "to", "zone"].contains(&own.name.as_str()));
    let field = |parameter: &crate::sql::Parameter| Field {
        name: parameter.name.clone(),
        meaning: parameter.meaning.clone(),
        value: fields.get(&parameter.name).cloned().unwrap_or_default(),
        default: parameter.default.clone(),
    };
    typed.map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Parameter, ParameterKind};

    #[test]
    fn parameters_have_fields_that_keep_what_was_typed_as_text() {
        let parameter = |name: &str, default: &str| Parameter {
            name: name.to_string(),
            kind: ParameterKind::Text,
            default: default.to_string(),
            meaning: "whose <replies>".to_string(),
        };
        let query = NamedQuery {
            name: "own".to_string(),
            title: "Own".to_string(),
            answers: "What?".to_string(),
            parameters: vec![parameter("from", ""), parameter("agent", "any")],
            chart: None,
            sql: "SELECT 1".to_string(),
        };
        let fields = Fields::from([("agent".to_string(), "\"><script>".to_string())]);
        let view = QuestionPage {
            layout: PageLayout::default(),
            bar: RangeBar::read(&fields, "2026-01-15".parse().unwrap(), chrono_tz::UTC),
            address: "/questions/own".to_string(),
            parameters: parameters(&query, &fields),
            panel: Panel::of(&query, Err(ErrorKind::BadInput)),
            computed_at: String::new(),
        };
        let html = view.render().unwrap();
        assert_eq!(html.matches(r#"name="agent""#).count(), 1, "{html}");
        assert!(html.contains(r#"value="&#34;&#62;&#60;script&#62;" placeholder="any""#), "{html}");
        assert!(
            html.contains("whose &#60;replies&#62;") && html.contains("could not be understood"),
            "{html}"
        );
    }
}
