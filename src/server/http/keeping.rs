//! `POST /v1/holds`, `POST /v1/holds/release`, `GET /v1/holds`: what is kept for a case, whatever else
//! is asked. `POST /v1/erasures`, `GET /v1/erasures`, `GET /v1/erasures/ID`: what is to be erased, and
//! what became of it. Lists come in pages.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parsed;
use crate::app::{
    AskedErasure, Concerned, EraseRequest, ErasuresRequest, HoldRequest, PageRequest,
};
use crate::erasure::{Asked, Held};
use crate::model::{Access, AccessAction, ErrorKind, Offset, Purpose, Via};
use crate::server::{For, Problem, Service, Token};

/// Conversations that were put on hold, or released.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Kept {
    pub conversations: Vec<Concerned>,
}

/// What is held.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Holds {
    pub holds: Vec<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Offset>,
}

/// What was asked to be erased, by conversation.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Erasures {
    pub erasures: Vec<Asked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Offset>,
}

/// Puts conversations on hold for a case.
#[utoipa::path(
    post, path = "/v1/holds", tag = "keeping",
    request_body = HoldRequest,
    responses((status = 200, description = "What is held from now on", body = Kept)),
)]
pub(super) async fn hold(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    request: Result<Json<HoldRequest>, JsonRejection>,
) -> Result<Json<Kept>, Problem> {
    let request = body(request)?;
    let conversations = service.keeper.hold(&identity, &request).await?;
    let access = kept(AccessAction::Hold, purpose, request, conversations.len());
    service.trail().record(&identity, access);
    Ok(Json(Kept { conversations }))
}

/// Releases what a case holds.
#[utoipa::path(
    post, path = "/v1/holds/release", tag = "keeping",
    request_body = HoldRequest,
    responses((status = 200, description = "What that case holds no longer", body = Kept)),
)]
pub(super) async fn release(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    request: Result<Json<HoldRequest>, JsonRejection>,
) -> Result<Json<Kept>, Problem> {
    let request = body(request)?;
    let conversations = service.keeper.release(&identity, &request).await?;
    let access = kept(AccessAction::Release, purpose, request, conversations.len());
    service.trail().record(&identity, access);
    Ok(Json(Kept { conversations }))
}

/// What is held, oldest first.
#[utoipa::path(
    get, path = "/v1/holds", tag = "keeping",
    params(PageRequest),
    responses((status = 200, description = "A page of it", body = Holds)),
)]
pub(super) async fn holds(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    request: Result<Query<PageRequest>, QueryRejection>,
) -> Result<Json<Holds>, Problem> {
    let page = service.keeper.holds(&identity, &parsed(request)?).await?;
    service.trail().record(&identity, listed("holds", purpose, page.items.len()));
    Ok(Json(Holds { holds: page.items, next: page.next }))
}

/// Asks that something be erased.
#[utoipa::path(
    post, path = "/v1/erasures", tag = "keeping",
    request_body = EraseRequest,
    responses((status = 200, description = "What was asked; it is done later", body = AskedErasure)),
)]
pub(super) async fn erase(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    request: Result<Json<EraseRequest>, JsonRejection>,
) -> Result<Json<AskedErasure>, Problem> {
    let request = body(request)?;
    let asked = service.keeper.erase(&identity, &request).await?;
    // Not whose part it was: the trail stays.
    let access = Access {
        query: Some(asked.id.clone().unwrap_or_else(|| "a dry run".to_string())),
        conversation: request.conversation,
        event: request.message,
        rows: Some(asked.conversations.iter().map(|plan| plan.records).sum()),
        ..Access::new(AccessAction::Erase, Via::Api, purpose)
    };
    service.trail().record(&identity, access);
    Ok(Json(asked))
}

/// What was asked to be erased, and what became of it, oldest first.
#[utoipa::path(
    get, path = "/v1/erasures", tag = "keeping",
    params(ErasuresRequest),
    responses((status = 200, description = "A page of it", body = Erasures)),
)]
pub(super) async fn erasures(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    request: Result<Query<ErasuresRequest>, QueryRejection>,
) -> Result<Json<Erasures>, Problem> {
    let page = service.keeper.erasures(&identity, &parsed(request)?).await?;
    service.trail().record(&identity, listed("erasures", purpose, page.items.len()));
    Ok(Json(Erasures { erasures: page.items, next: page.next }))
}

/// What became of one erasure, by conversation.
#[utoipa::path(
    get, path = "/v1/erasures/{id}", tag = "keeping",
    params(("id" = String, Path), ErasuresRequest),
    responses((status = 200, description = "A page of it", body = Erasures)),
)]
pub(super) async fn erasure(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path(id): Path<String>,
    request: Result<Query<ErasuresRequest>, QueryRejection>,
) -> Result<Json<Erasures>, Problem> {
    let page = service.keeper.erasure(&identity, &id, &parsed(request)?).await?;
    service.trail().record(&identity, listed(&id, purpose, page.items.len()));
    Ok(Json(Erasures { erasures: page.items, next: page.next }))
}

/// What is recorded of a hold or a release: for the case that it names, else the one that its asker
/// works on. Why may be said at length, as it stands in the hold itself: it is kept as what was asked.
fn kept(action: AccessAction, purpose: Purpose, request: HoldRequest, count: usize) -> Access {
    let HoldRequest { conversation, order, customer, case, reason } = request;
    let purpose = Purpose { case: case.or(purpose.case), ..purpose };
    Access {
        query: reason,
        conversation,
        order,
        customer,
        rows: Some(count as u64),
        ..Access::new(action, Via::Api, purpose)
    }
}

/// What is recorded of a list that was read: a page of it.
fn listed(what: &str, purpose: Purpose, count: usize) -> Access {
    let (query, rows) = (Some(what.to_string()), Some(count as u64));
    Access { query, rows, ..Access::new(AccessAction::Keeping, Via::Api, purpose) }
}

fn body<T>(request: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let refused = |error: JsonRejection| Problem::new(ErrorKind::BadInput, error.body_text());
    request.map(|Json(request)| request).map_err(refused)
}
