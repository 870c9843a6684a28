//! `GET /v1/search?words=…`: the answer of `verbatim search --format json`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::parsed;
use crate::access::Action;
use crate::model::{Access, AccessAction, FieldError, Kind, Micros, Role, Via, instant_of};
use crate::search::{Filters, HitOrder, SearchAnswer, SearchQuery};
use crate::server::{For, Problem, Service, Token};

/// A question as it stands in an address. Times are RFC 3339, local dates, or days before now
/// (`-14d`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchParameters {
    pub words: String,
    pub exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub oldest_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits: Option<usize>,
}

impl SearchParameters {
    /// The question in `shop`; dates are of `zone`.
    pub fn query(
        self,
        shop: &str,
        zone: chrono_tz::Tz,
        now: Micros,
    ) -> Result<SearchQuery, FieldError> {
        let instant = |field: &str, text: Option<String>| -> Result<Option<Micros>, FieldError> {
            text.map(|text| instant_of(field, &text, zone, now)).transpose()
        };
        let defaults = SearchQuery::new(shop, self.words);
        Ok(SearchQuery {
            exact: self.exact,
            filters: Filters {
                conversation: self.conversation,
                order: self.order,
                customer: self.customer,
                agent: self.agent,
                category: self.category,
                role: self.role,
                kind: self.kind,
                from: instant("from", self.from)?,
                to: instant("to", self.to)?,
            },
            limit_conversations: self.limit.unwrap_or(defaults.limit_conversations),
            hits_per_conversation: self.hits.unwrap_or(defaults.hits_per_conversation),
            order: if self.oldest_first { HitOrder::Oldest } else { HitOrder::Newest },
            ..defaults
        })
    }
}

pub(super) async fn run(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    parameters: Result<Query<SearchParameters>, QueryRejection>,
) -> Result<Json<SearchAnswer>, Problem> {
    identity.require(Action::Search)?;
    let parameters = parsed(parameters)?;
    let access = Access {
        query: serde_json::to_string(&parameters).ok(),
        conversation: parameters.conversation.clone(),
        order: parameters.order.clone(),
        customer: parameters.customer.clone(),
        agent: parameters.agent.clone(),
        ..Access::new(AccessAction::Search, Via::Api, purpose)
    };
    let query = parameters.query(&identity.shop, service.zone, Micros::now())?;
    let answer = service.search.run(query).await?;
    service.trail().record(&identity, Access { rows: Some(answer.total), ..access });
    Ok(Json(answer))
}
