//! A query's chart as a file of its own: `/charts/NAME.svg`, with all that was asked in it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::bar::said;
use super::panel::{Making, drawing, id_of, read};
use super::{Notice, PageLayout, question};
use crate::access::Identity;
use crate::model::{ErrorKind, Kinded, Offset};
use crate::server::{For, Service, status_of};
use crate::sql::{Figures, NamedQuery};
use crate::web::charts::Picture;
use crate::web::form::Typed;
use crate::web::selection::Fields;
use crate::web::visitor::Visitor;

const MEDIA_TYPE: &str = "image/svg+xml";

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    headers: HeaderMap,
    Path(file): Path<String>,
    Typed(fields): Typed<Fields>,
) -> Response {
    let asked = Asked::new(service, identity, purpose, fields, &headers);
    match made(&asked, &file).await {
        Ok(response) | Err(response) => response,
    }
}

async fn made(asked: &Asked, file: &str) -> Result<Response, Response> {
    let queries = asked.queries().map_err(|page| *page)?;
    let query = file.strip_suffix(".svg").and_then(|name| named(&queries, name));
    let query = query.ok_or_else(|| question::unknown(&asked.identity))?;
    let selection = asked.selection([query]);
    let (answer, wording) = tokio::join!(asked.answer(query, &selection), asked.wording());
    let failed = |kind| Notice::failure(&asked.identity, kind);
    let Figures { answer, as_of } = answer.map_err(|error| failed(error.kind()))?;
    let grid = read(&answer, &selection).map_err(failed)?;
    let making = Making { selection: &selection, wording: &wording, leads: false };
    let drawing = drawing(&making, query, &grid).ok_or_else(|| nothing(&asked.identity))?;
    let lines = [
        query.answers.clone(),
        said(&selection, &wording),
        complete(&asked.identity.shop, answer.complete_to, &asked.clock(&selection, [as_of])),
    ];
    let picture = Picture::of(drawing, &lines).render().map_err(|error| {
        tracing::error!(%error, "a picture could not be rendered");
        failed(ErrorKind::Bug)
    })?;
    // To be kept: shown within a page, its style sheet would be against the page's policy.
    let name = format!("attachment; filename=\"{}.svg\"", id_of(&query.name));
    let headers =
        [(header::CONTENT_TYPE, MEDIA_TYPE.to_string()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, picture).into_response())
}

fn named<'a>(queries: &'a [NamedQuery], name: &str) -> Option<&'a NamedQuery> {
    queries.iter().find(|query| query.name == name)
}

fn complete(shop: &str, offset: Offset, clock: &str) -> String {
    format!("Shop {shop}, complete to offset {offset}, computed at {clock}.")
}

fn nothing(identity: &Identity) -> Response {
    let notice = Notice {
        layout: PageLayout::of(identity, "dashboard"),
        title: "No chart".to_string(),
        detail: "This question has no chart, or nothing to draw in this range.".to_string(),
        hint: String::new(),
    };
    notice.into_response(status_of(ErrorKind::NotFound))
}
