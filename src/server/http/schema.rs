//! `GET /v1/schema`: the tables that SQL may ask, each column with its type and what it means, and the
//! functions of our own. It is the same for every shop.

use axum::Json;
use axum::extract::State;

use crate::server::{Problem, Service, Token};
use crate::sql::{Schema, schema};

/// The tables that SQL may ask, their columns and functions, with what each means.
#[utoipa::path(
    get, path = "/v1/schema", tag = "figures",
    responses((status = 200, description = "The same for every shop", body = Schema)),
)]
pub(super) async fn show(
    State(_): State<Service>,
    Token(_): Token,
) -> Result<Json<&'static Schema>, Problem> {
    Ok(Json(schema().await?))
}
