//! `GET /v1/status`: how far each store is.

use axum::Json;
use axum::extract::State;

use crate::app::Status;
use crate::server::{Problem, Service, Token};

/// How far each store is.
#[utoipa::path(
    get, path = "/v1/status", tag = "service",
    responses((status = 200, description = "The status", body = Status)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<Status>, Problem> {
    // Sizes are read from the disk.
    Ok(Json(tokio::task::block_in_place(|| service.status.read(Some(&identity.shop)))))
}
