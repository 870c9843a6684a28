//! The API's routes over HTTP, one file each: events in, records and answers out.

mod access;
mod append;
mod attachments;
mod conversation_list;
mod conversations;
mod evidence;
mod export;
mod health;
mod keeping;
mod ledger;
mod metrics;
mod openapi;
mod reports;
mod rows;
mod rules;
mod schema;
mod search;
mod sql;
mod status;
mod stream;

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use futures::Stream;
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::Problem;
use super::routes::Served;
use crate::export::{ExportFormat, render};
use crate::model::{ErrorKind, Offset};
use crate::sql::Answer;

pub use access::AccessParameters;
pub use append::DUPLICATES_HEADER;
pub use conversation_list::WhoseParameters;
pub use evidence::{HOLES_HEADER, RECORDS_HEADER, REDACTED_HEADER, evidence_zip};
pub use export::ExportParameters;
pub use health::ZONE_HEADER;
pub use keeping::{Erasures, Holds, Kept};
pub use openapi::openapi;
pub use reports::{AT_PREFIX, COMPARE, FIGURE, PREVIOUS, explained};
pub use search::SearchParameters;

/// The offset an answer is complete to.
pub const COMPLETE_TO_HEADER: &str = "verbatim-complete-to";
/// How many bytes a body had that was written as it came, and how many rows or records were in it:
/// behind the body (RFC 9110, trailer fields), for clients that say `TE: trailers`.
pub const BYTES_TRAILER: &str = "verbatim-bytes";
pub const ROWS_TRAILER: &str = "verbatim-rows";
const NDJSON: &str = "application/x-ndjson";

/// The API's routes. What each asks first stands in [`super::routes`].
pub(super) fn served() -> Vec<Served> {
    // Bodies of events and of files have bounds of their own.
    let unbound = DefaultBodyLimit::disable;
    vec![
        Served::post("/v1/events", append::append).with(unbound()),
        Served::get("/v1/events", stream::stream),
        Served::put("/v1/attachments/{sha256}", attachments::put).with(unbound()),
        Served::get("/v1/conversations", conversation_list::list),
        Served::get("/v1/conversations/{conversation}", conversations::show),
        Served::get(
            "/v1/conversations/{conversation}/events/{id}/attachments/{sha256}",
            attachments::get,
        ),
        Served::post("/v1/sql", sql::query),
        Served::get("/v1/schema", schema::show),
        Served::get("/v1/reports", reports::list),
        Served::get("/v1/reports/{name}", reports::run),
        Served::get("/v1/reports/{name}/rows", reports::behind),
        Served::get("/v1/search", search::run),
        Served::get("/v1/export/{table}", export::stream),
        Served::post("/v1/evidence", evidence::export),
        Served::post("/v1/evidence/pack", evidence::pack),
        Served::get("/v1/access", access::list),
        Served::get("/v1/rules", rules::show),
        Served::get("/v1/checkpoint", ledger::checkpoint),
        Served::get("/v1/ledger", ledger::keys),
        Served::get("/v1/tile/{*path}", ledger::tile),
        Served::get("/v1/consistency", ledger::consistency),
        Served::get("/v1/proof", ledger::proof),
        Served::get("/v1/holds", keeping::holds),
        Served::post("/v1/holds", keeping::hold),
        Served::post("/v1/holds/release", keeping::release),
        Served::get("/v1/erasures", keeping::erasures),
        Served::post("/v1/erasures", keeping::erase),
        Served::get("/v1/erasures/{id}", keeping::erasure),
        Served::get("/v1/status", status::show),
        Served::get("/v1/openapi.json", openapi::show),
        Served::get("/metrics", metrics::show),
        Served::get("/healthz", health::is_alive),
        Served::get("/readyz", health::is_ready),
    ]
}

/// An address of the API that leads nowhere.
pub(super) async fn no_route(uri: Uri) -> Problem {
    Problem::new(ErrorKind::NotFound, format!("there is no `{}`", uri.path()))
}

/// An address that is asked with another method than it takes.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` takes no {method}", uri.path());
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, detail)
}

pub(super) fn parsed<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query
        .map(|Query(query)| query)
        .map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))
}

/// An answer that is held in memory, in the form the client asks for; see [`rows::format_asked`].
fn whole(
    answer: &Answer,
    said: Option<ExportFormat>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let format = rows::format_asked(said, headers);
    let body = render::file(answer, format)?;
    let mut response = ([(header::CONTENT_TYPE, format.media_type())], body).into_response();
    add_complete_to(&mut response, answer.complete_to);
    Ok(response)
}

/// What has passed of a body that is written as it comes.
#[derive(Clone, Copy, Default)]
struct Passed {
    rows: u64,
    bytes: u64,
}

impl Passed {
    /// The last frame of a whole body.
    fn trailers(self) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        trailers.insert(BYTES_TRAILER, HeaderValue::from(self.bytes));
        trailers.insert(ROWS_TRAILER, HeaderValue::from(self.rows));
        Frame::trailers(trailers)
    }
}

/// An answer whose body is written as it comes, and says at its end how much it was.
fn streamed<S>(media_type: &'static str, frames: S) -> Response
where
    S: Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
{
    let announced = format!("{BYTES_TRAILER}, {ROWS_TRAILER}");
    let headers = [(header::CONTENT_TYPE, media_type), (header::TRAILER, announced.as_str())];
    (headers, Body::new(StreamBody::new(frames))).into_response()
}

fn add_complete_to(response: &mut Response, offset: Offset) {
    response.headers_mut().insert(COMPLETE_TO_HEADER, HeaderValue::from(offset.0));
}
