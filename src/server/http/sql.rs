//! `POST /v1/sql`: the body is one read-only query.

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::HeaderMap;
use axum::response::Response;

use super::rows;
use crate::model::{Access, AccessAction, Via};
use crate::server::{For, Problem, Service, Token};

pub(super) async fn query(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    headers: HeaderMap,
    query: Result<String, StringRejection>,
) -> Result<Response, Problem> {
    let query = query.map_err(|error| Problem::with_status(error.status(), error.body_text()))?;
    let answer = service.sql.query(&identity.shop, &query).await?;
    service.trail().record(
        &identity,
        Access {
            query: Some(query),
            rows: Some(answer.rows()),
            ..Access::new(AccessAction::Sql, Via::Api, purpose)
        },
    );
    rows(&answer, &headers)
}
