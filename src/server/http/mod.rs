//! The API's routes over HTTP, one file each: events in, records and answers out.

mod append;
mod attachments;
mod conversations;
mod export;
mod health;
mod reports;
mod rules;
mod search;
mod sql;
mod status;
mod stream;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use super::{Problem, Service};
use crate::export::render;
use crate::model::{ErrorKind, Offset};
use crate::sql::Answer;

pub use append::{BATCH_BYTES_MAX, DUPLICATES_HEADER};
pub use export::ExportParameters;
pub use search::SearchParameters;

/// The offset an answer is complete to.
pub const COMPLETE_TO_HEADER: &str = "verbatim-complete-to";
/// `true` when there were more rows than an answer in memory holds.
pub const TRUNCATED_HEADER: &str = "verbatim-truncated";
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
const NDJSON: &str = "application/x-ndjson";

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route(
            "/v1/events",
            post(append::append).layer(DefaultBodyLimit::max(BATCH_BYTES_MAX)).get(stream::stream),
        )
        .route(
            "/v1/attachments/{sha256}",
            put(attachments::put).layer(DefaultBodyLimit::disable()).get(attachments::get),
        )
        .route("/v1/conversations/{conversation}", get(conversations::show))
        .route("/v1/sql", post(sql::query))
        .route("/v1/reports", get(reports::list))
        .route("/v1/reports/{name}", get(reports::run))
        .route("/v1/search", get(search::run))
        .route("/v1/export/{table}", get(export::stream))
        .route("/v1/rules", get(rules::show))
        .route("/v1/status", get(status::show))
        .route("/healthz", get(health::is_alive))
        .route("/readyz", get(health::is_ready))
}

fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query
        .map(|Query(query)| query)
        .map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))
}

/// Rows in the form the client asks for with `Accept`: JSON, CSV or an Arrow stream.
fn rows(answer: &Answer, headers: &HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (media_type, body) = match accept {
        accept if accept.contains(ARROW_STREAM) => (ARROW_STREAM, render::arrow_stream(answer)),
        accept if accept.contains("text/csv") => ("text/csv; charset=utf-8", render::csv(answer)),
        _ => ("application/json", render::json(answer)),
    };
    let mut response = ([(header::CONTENT_TYPE, media_type)], body?).into_response();
    add_complete_to(&mut response, answer.complete_to);
    let truncated = HeaderValue::from_static(if answer.truncated { "true" } else { "false" });
    response.headers_mut().insert(TRUNCATED_HEADER, truncated);
    Ok(response)
}

fn add_complete_to(response: &mut Response, offset: Offset) {
    response.headers_mut().insert(COMPLETE_TO_HEADER, HeaderValue::from(offset.0));
}
