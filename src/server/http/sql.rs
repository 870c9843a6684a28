//! `POST /v1/sql`: the body is one read-only query.

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::HeaderMap;
use axum::response::Response;

use super::rows;
use crate::access::Action;
use crate::server::{Problem, Service, Token};

pub(super) async fn query(
    State(service): State<Service>,
    Token(identity): Token,
    headers: HeaderMap,
    query: Result<String, StringRejection>,
) -> Result<Response, Problem> {
    identity.require(Action::AskSql)?;
    let query = query.map_err(|error| Problem::with_status(error.status(), error.body_text()))?;
    rows(&service.sql.query(&identity.shop, &query).await?, &headers)
}
