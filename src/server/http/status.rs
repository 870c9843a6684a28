//! `GET /v1/status`: how far each store is.

use axum::Json;
use axum::extract::State;

use crate::app::Status;
use crate::server::{Problem, Service, Token};

pub(super) async fn show(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<Status>, Problem> {
    // Sizes are read from the disk.
    Ok(Json(tokio::task::block_in_place(|| service.status.read(Some(&identity.shop)))))
}
