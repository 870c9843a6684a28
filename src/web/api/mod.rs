//! Questions over HTTP: the same answers as pages and command line, for programs.

mod conversations;
mod export;
mod reports;
mod search;
mod sql;
mod status;

use axum::Router;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::Web;
use crate::export::render;
use crate::model::{ErrorKind, Offset};
use crate::relay::{Identity, Problem, TokenRole};
use crate::sql::{Answer, SqlError};

pub use export::ExportParameters;
pub use search::SearchParameters;

/// The offset an answer is complete to.
pub const COMPLETE_TO_HEADER: &str = "verbatim-complete-to";
/// `true` when there were more rows than an answer in memory holds.
const TRUNCATED_HEADER: &str = "verbatim-truncated";
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// The routes of this folder.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/v1/sql", post(sql::query))
        .route("/v1/search", get(search::run))
        .route("/v1/conversations/{conversation}", get(conversations::show))
        .route("/v1/reports", get(reports::list))
        .route("/v1/reports/{name}", get(reports::run))
        .route("/v1/export/{table}", get(export::stream))
        .route("/v1/status", get(status::show))
}

/// Roles that may read what was said.
const READERS: &[TokenRole] = &[TokenRole::Dispute, TokenRole::Analyst];
/// Roles that may ask for figures.
const ANALYSTS: &[TokenRole] = &[TokenRole::Analyst];

fn require(identity: &Identity, roles: &[TokenRole], to_do: &str) -> Result<(), Problem> {
    identity.require(roles, to_do).map_err(|error| Problem::from(&error))
}

fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Problem {
        Problem::new(error.kind(), error.to_string())
    }
}

/// Rows in the form the client asks for with `Accept`: JSON, CSV or an Arrow stream.
fn rows(answer: &Answer, headers: &HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (media_type, body) = match accept {
        accept if accept.contains(ARROW_STREAM) => (ARROW_STREAM, render::arrow_stream(answer)),
        accept if accept.contains("text/csv") => ("text/csv; charset=utf-8", render::csv(answer)),
        _ => ("application/json", render::json(answer)),
    };
    let body = body.map_err(|error| Problem::new(ErrorKind::Bug, error.to_string()))?;
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    add_complete_to(&mut response, answer.complete_to);
    let truncated = HeaderValue::from_static(if answer.truncated { "true" } else { "false" });
    response.headers_mut().insert(TRUNCATED_HEADER, truncated);
    Ok(response)
}

fn add_complete_to(response: &mut Response, offset: Offset) {
    response.headers_mut().insert(COMPLETE_TO_HEADER, HeaderValue::from(offset.0));
}
