//! `POST /v1/sql`: the body is one read-only query.

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::HeaderMap;
use axum::response::Response;

use super::{ANALYSTS, require, rows};
use crate::relay::{Problem, Token};
use crate::web::Web;

pub async fn query(
    State(web): State<Web>,
    Token(identity): Token,
    headers: HeaderMap,
    query: Result<String, StringRejection>,
) -> Result<Response, Problem> {
    require(&identity, ANALYSTS, "ask in SQL")?;
    let query = query.map_err(|error| Problem::with_status(error.status(), error.body_text()))?;
    rows(&web.sql.query(&identity.shop, &query).await?, &headers)
}
