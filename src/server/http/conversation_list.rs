//! `GET /v1/conversations?order=…` (or `customer=…`, `agent=…`): the conversations that an order, a customer or an agent
//! is in, the newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::parsed;
use crate::model::{Access, AccessAction, FieldError, Via};
use crate::search::{Conversations, Whose};
use crate::server::{For, Problem, Service, Token};

/// Whose conversations: one of the three.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct WhoseParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl WhoseParameters {
    /// The one that is given.
    pub fn one(self) -> Result<(Whose, String), FieldError> {
        let given = [
            (Whose::Order, self.order),
            (Whose::Customer, self.customer),
            (Whose::Agent, self.agent),
        ];
        let mut given = given.into_iter().filter_map(|(whose, id)| Some((whose, id?)));
        let rule = "be given, or else `customer` or `agent`";
        let one = given.next().ok_or_else(|| FieldError::new("order", "", rule))?;
        match given.next() {
            None => Ok(one),
            Some((whose, id)) => {
                let rule = format!("be left out beside `{}`", one.0.as_str());
                Err(FieldError::new(whose.as_str(), id, rule))
            }
        }
    }
}

/// Which conversations an order, a customer or an agent is in.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "chat",
    params(WhoseParameters),
    responses((status = 200, description = "Their names, the newest first", body = Conversations)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    parameters: Result<Query<WhoseParameters>, QueryRejection>,
) -> Result<Json<Conversations>, Problem> {
    let parameters = parsed(parameters)?;
    let access = Access {
        order: parameters.order.clone(),
        customer: parameters.customer.clone(),
        agent: parameters.agent.clone(),
        ..Access::new(AccessAction::Search, Via::Api, purpose)
    };
    let (whose, id) = parameters.one()?;
    let found = service.search.conversations(&identity.shop, whose, &id).await?;
    let rows = Some(found.conversations.len() as u64);
    service.trail().record(&identity, Access { rows, ..access });
    Ok(Json(found))
}
