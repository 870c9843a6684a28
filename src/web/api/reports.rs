//! `GET /v1/reports`: the named queries. `GET /v1/reports/NAME?from=…`: the answer of one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{ANALYSTS, parsed, require, rows};
use crate::relay::{Problem, Token};
use crate::sql::NamedQuery;
use crate::web::Web;

pub async fn list(State(web): State<Web>, Token(identity): Token) -> Result<Json<Vec<NamedQuery>>, Problem> {
    require(&identity, ANALYSTS, "ask for reports")?;
    Ok(Json(web.sql.named()?))
}

pub async fn run(
    State(web): State<Web>,
    Token(identity): Token,
    Path(name): Path<String>,
    arguments: Result<Query<BTreeMap<String, String>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require(&identity, ANALYSTS, "ask for reports")?;
    rows(&web.sql.run_named(&identity.shop, &name, &parsed(arguments)?).await?, &headers)
}
