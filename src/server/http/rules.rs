//! `GET /v1/rules`: what the shop has decided, version by version. Deciding is an event of kind
//! `rules` in the conversation `@rules`, sent like any other by an administrator.

use axum::Json;
use axum::extract::State;

use crate::model::RulesHistory;
use crate::server::{Problem, Service, Token};

/// What the shop decided about its figures, now and before.
#[utoipa::path(
    get, path = "/v1/rules", tag = "figures",
    responses((status = 200, description = "The rules and their versions", body = RulesHistory)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<RulesHistory>, Problem> {
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    Ok(Json(service.read(&identity, move || records.rules(&shop)).await?))
}
