//! `GET /v1/access?case=…`: who looked at what, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::parsed;
use crate::model::{
    Access, AccessAction, AccessOutcome, FieldError, Micros, Via, check_id, instant_of,
};
use crate::records::{AccessFilter, AccessPage};
use crate::server::{For, Problem, Service, Token};

/// Accesses on a page, where nobody says how many.
const LIMIT_USUAL: usize = 100;
/// Most accesses on a page: × about 1 KiB (at worst 17 KiB) = 1 MiB (17 MiB).
const LIMIT_MAX: usize = 1_000;

/// Which accesses are asked for, as it stands in an address. Times are RFC 3339, local dates, or days
/// before now (`-14d`).
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct AccessParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<AccessAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AccessOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What an earlier page gave as `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl AccessParameters {
    /// What is asked for, and how many of it; dates are of `zone`.
    pub fn filter(
        &self,
        zone: chrono_tz::Tz,
        now: Micros,
    ) -> Result<(AccessFilter, usize), FieldError> {
        let instant = |field: &str, text: &Option<String>| -> Result<Option<Micros>, FieldError> {
            text.as_ref().map(|text| instant_of(field, text, zone, now)).transpose()
        };
        let (from, to) = (instant("from", &self.from)?, instant("to", &self.to)?);
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(FieldError::new("to", to, format!("be later than from `{from}`")));
        }
        if let Some(before) = &self.before {
            check_id("before", before)?;
        }
        let limit = self.limit.unwrap_or(LIMIT_USUAL);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(FieldError::new("limit", limit, format!("lie between 1 and {LIMIT_MAX}")));
        }
        let filter = AccessFilter {
            case: self.case.clone(),
            person: self.person.clone(),
            action: self.action,
            outcome: self.outcome,
            conversation: self.conversation.clone(),
            order: self.order.clone(),
            from,
            to,
        };
        Ok((filter, limit))
    }
}

/// Who looked at what, the newest first.
#[utoipa::path(
    get, path = "/v1/access", tag = "keeping",
    params(AccessParameters),
    responses((status = 200, description = "A page of it", body = AccessPage)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    parameters: Result<Query<AccessParameters>, QueryRejection>,
) -> Result<Json<AccessPage>, Problem> {
    let parameters = parsed(parameters)?;
    let (filter, limit) = parameters.filter(service.zone, Micros::now())?;
    let asked = serde_json::to_string(&parameters).ok();
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    let read = move || records.accesses(&shop, &filter, parameters.before.as_deref(), limit);
    let page = service.read(&identity, read).await?;
    service.trail().record(
        &identity,
        Access {
            query: asked,
            rows: Some(page.accesses.len() as u64),
            ..Access::new(AccessAction::Trail, Via::Api, purpose)
        },
    );
    Ok(Json(page))
}
