//! `GET /v1/reports`: the named queries. `GET /v1/reports/NAME?from=…`: the answer of one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{parsed, rows};
use crate::access::Action;
use crate::server::{Problem, Service, Token};
use crate::sql::NamedQuery;

pub(super) async fn list(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<Vec<NamedQuery>>, Problem> {
    identity.require(Action::ReadReports)?;
    Ok(Json(service.sql.named(&identity.shop)?))
}

pub(super) async fn run(
    State(service): State<Service>,
    Token(identity): Token,
    Path(name): Path<String>,
    arguments: Result<Query<BTreeMap<String, String>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    identity.require(Action::ReadReports)?;
    rows(&service.sql.run_named(&identity.shop, &name, &parsed(arguments)?).await?, &headers)
}
