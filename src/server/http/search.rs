//! `GET /v1/search?words=…`: the answer of `verbatim search --format json`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::parsed;
use crate::model::{
    Access, AccessAction, FieldError, Kind, Micros, Role, Via, instant_of, parse_zone,
};
use crate::search::language::Name;
use crate::search::{Cursor, Filters, HitOrder, Mode, SearchAnswer, SearchError, SearchQuery};
use crate::server::{For, Problem, Service, Token};

/// A question as it stands in an address. Words are in the query language; times are RFC 3339, local
/// dates and times, or days before today (`-14d`).
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct SearchParameters {
    pub words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The same as the mode `exact`.
    pub exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Orders, customers and agents by id or name; a `*` at the end stands for any ending.
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
    /// In which days begin; the server's where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub oldest_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits: Option<usize>,
    /// `next` of an earlier page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl SearchParameters {
    /// The question in `shop`; dates are of `zone` where the asker names none.
    pub fn query(self, shop: &str, zone: Tz, now: Micros) -> Result<SearchQuery, SearchError> {
        let zone = self.zone.as_deref().map(parse_zone).transpose()?.unwrap_or(zone);
        let instant = |field: &str, text: Option<String>| -> Result<Option<Micros>, FieldError> {
            text.map(|text| instant_of(field, &text, zone, now)).transpose()
        };
        let name = |text: Option<String>| text.map(|text| Name::typed(&text));
        let read = SearchQuery::read(shop, &self.words, zone, now)
            .map_err(|error| SearchError::of_words(&self.words, &error))?;
        let after = self.after.map(|after| {
            let rule = "be what `next` of an earlier page says";
            after.parse::<Cursor>().map_err(|_| FieldError::new("after", &after, rule))
        });
        Ok(SearchQuery {
            mode: match (self.exact, self.mode) {
                (true, None | Some(Mode::Exact)) => Mode::Exact,
                (true, Some(_)) => {
                    let rule = "be left out where `mode` says something else";
                    return Err(FieldError::new("exact", true, rule).into());
                }
                (false, mode) => mode.unwrap_or_default(),
            },
            filters: Filters {
                conversation: self.conversation,
                order: name(self.order),
                customer: name(self.customer),
                agent: name(self.agent),
                category: self.category,
                role: self.role,
                kind: self.kind,
                from: instant("from", self.from)?,
                to: instant("to", self.to)?,
            },
            limit_conversations: self.limit.unwrap_or(read.limit_conversations),
            hits_per_conversation: self.hits.unwrap_or(read.hits_per_conversation),
            order: if self.oldest_first { HitOrder::Oldest } else { HitOrder::Newest },
            after: after.transpose()?,
            ..read
        })
    }
}

/// Messages by their words and by filters.
#[utoipa::path(
    get, path = "/v1/search", tag = "chat",
    params(SearchParameters),
    responses((status = 200, description = "A page of hits", body = SearchAnswer)),
)]
pub(super) async fn run(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    parameters: Result<Query<SearchParameters>, QueryRejection>,
) -> Result<Json<SearchAnswer>, Problem> {
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
