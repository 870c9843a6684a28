//! `GET /v1/reports`: the named queries. `GET /v1/reports/NAME?from=…`: the answer of one. A shop's own
//! may show rows of chat, and so are recorded; the figures of those that come with verbatim are not.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{parsed, rows};
use crate::model::{Access, AccessAction, Via};
use crate::server::{For, Problem, Service, Token};
use crate::sql::NamedQuery;

pub(super) async fn list(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<Vec<NamedQuery>>, Problem> {
    Ok(Json(service.sql.named(&identity.shop)?))
}

pub(super) async fn run(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path(name): Path<String>,
    arguments: Result<Query<BTreeMap<String, String>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let arguments = parsed(arguments)?;
    let answer = service.sql.run_named(&identity.shop, &name, &arguments).await?;
    if service.sql.is_own(&identity.shop, &name)? {
        let asked = serde_json::json!({"name": name, "arguments": arguments});
        let access = Access::new(AccessAction::Report, Via::Api, purpose);
        let (query, rows) = (Some(asked.to_string()), Some(answer.rows()));
        service.trail().record(&identity, Access { query, rows, ..access });
    }
    rows(&answer, &headers)
}
