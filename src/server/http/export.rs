//! `GET /v1/export/TABLE?format=…`: a table as a file, streamed from its first row to its last
//! without a row limit.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::IntoParams;

use super::parsed;
use super::rows::{Rows, streamed_rows};
use crate::export::{Bounds, ExportFormat, ExportQuery, PartitionBy};
use crate::model::{Access, AccessAction, Micros, Offset, Via, parse_zone};
use crate::server::auth::TokenWatch;
use crate::server::{For, Problem, Service, Token};

#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportParameters {
    pub format: ExportFormat,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What changed by records at or behind this offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Offset>,
    /// And before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Offset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<PartitionBy>,
    /// The zone of dates and parts; without it the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl ExportParameters {
    /// What is asked for of the rows.
    pub fn bounds(&self) -> Bounds<'_> {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let ExportParameters { after, until, partition_by, .. } = *self;
        Bounds { from, to, after, until, partition_by }
    }
}

/// A table as a file, without a row limit.
#[utoipa::path(
    get, path = "/v1/export/{table}", tag = "figures",
    params(("table" = String, Path), ExportParameters),
    responses(Rows),
)]
pub(super) async fn stream(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    token: TokenWatch,
    Path(table): Path<String>,
    parameters: Result<Query<ExportParameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let parameters = parsed(parameters)?;
    let zone = parameters.zone.as_deref().map_or(Ok(service.zone), parse_zone)?;
    let query = ExportQuery::new(&table, parameters.bounds(), zone, Micros::now())?;
    let answer = service.sql.export(&identity.shop, &query.sql, query.values).await?;
    let asked = json!({"table": table, "parameters": parameters});
    let access = Access {
        query: Some(asked.to_string()),
        ..Access::new(AccessAction::Export, Via::Api, purpose)
    };
    let access = service.trail().begin(identity, access);
    streamed_rows(answer, parameters.format, access, token)
}
