//! `GET /v1/reports`: the named queries. `GET /v1/reports/NAME?from=…`: the answer of one, with
//! `compare=previous` beside that of the range before. `GET /v1/reports/NAME/rows?figure=…&at.day=…`: the rows
//! behind one of its figures, streamed, however many they are. A shop's own may show rows of chat, and what
//! names conversations leads to them: so both are recorded; the figures of those that come with verbatim are not.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use strum::VariantArray;

use super::rows::{Rows, format_asked, streamed_rows};
use super::{parsed, whole};
use crate::export::ExportFormat;
use crate::model::{Access, AccessAction, FieldError, Via};
use crate::server::auth::TokenWatch;
use crate::server::{For, Problem, Service, Token};
use crate::sql::{Explained, NamedQuery};

/// What tells the range before, and what is compared with it.
pub const COMPARE: &str = "compare";
pub const PREVIOUS: &str = "previous";
/// As which file rows are sent.
const FORMAT: &str = "format";
/// Which figure is explained.
pub const FIGURE: &str = "figure";
/// Before the names of the columns that say of which row.
pub const AT_PREFIX: &str = "at.";

type Fields = BTreeMap<String, String>;

/// The named queries, with their parameters.
#[utoipa::path(
    get, path = "/v1/reports", tag = "figures",
    responses((status = 200, description = "Those that come with verbatim and the shop's own", body = Vec<NamedQuery>)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Token(identity): Token,
) -> Result<Json<Vec<NamedQuery>>, Problem> {
    Ok(Json(service.sql.named(&identity.shop)?))
}

/// What a named query answers. Its parameters and the five filters are fields of the address.
#[utoipa::path(
    get, path = "/v1/reports/{name}", tag = "figures",
    params(("name" = String, Path), ("compare" = Option<String>, Query, pattern = "^previous$", description = "`previous`: beside the range before"), ("format" = Option<ExportFormat>, Query), ("fields" = BTreeMap<String, String>, Query, style = Form, explode, description = "Its parameters by name, and the filters `agent`, `team`, `category`, `channel`, `language`")),
    responses(Rows),
)]
pub(super) async fn run(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path(name): Path<String>,
    arguments: Result<Query<Fields>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut arguments = parsed(arguments)?;
    let asked = serde_json::json!({"name": name, "arguments": arguments});
    let format = format_of(&mut arguments)?;
    let (sql, shop) = (&service.sql, &identity.shop);
    let answer = match arguments.remove(COMPARE).as_deref() {
        None => sql.run_named(shop, &name, &arguments).await?,
        Some(PREVIOUS) => sql.compare(shop, &name, &arguments).await?,
        Some(other) => return Err(FieldError::new(COMPARE, other, "be `previous`").into()),
    };
    if answer.names_conversations() || sql.is_own(shop, &name)? {
        let access = Access::new(AccessAction::Report, Via::Api, purpose);
        let (query, rows) = (Some(asked.to_string()), Some(answer.rows()));
        service.trail().record(&identity, Access { query, rows, ..access });
    }
    whole(&answer, format, &headers)
}

/// The rows behind one figure of a named query. `at.COLUMN=VALUE` says of which row.
#[utoipa::path(
    get, path = "/v1/reports/{name}/rows", tag = "figures",
    params(("name" = String, Path), ("figure" = Option<String>, Query, description = "A column of the answer"), ("format" = Option<ExportFormat>, Query), ("fields" = BTreeMap<String, String>, Query, style = Form, explode, description = "Its parameters by name, and the filters `agent`, `team`, `category`, `channel`, `language`")),
    responses(Rows),
)]
pub(super) async fn behind(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    token: TokenWatch,
    Path(name): Path<String>,
    fields: Result<Query<Fields>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut fields = parsed(fields)?;
    let asked = serde_json::json!({"name": name, "explained": fields});
    let format = format_of(&mut fields)?;
    let (explained, arguments) = explained(fields);
    let answer = service.sql.rows_behind(&identity.shop, &name, &arguments, &explained).await?;
    let access = Access::new(AccessAction::Report, Via::Api, purpose);
    let access = Access { query: Some(asked.to_string()), ..access };
    let access = service.trail().begin(identity, access);
    streamed_rows(answer, format_asked(format, &headers), access, token)
}

/// The file format that an address names: a link cannot say what it accepts.
fn format_of(fields: &mut Fields) -> Result<Option<ExportFormat>, Problem> {
    let Some(said) = fields.remove(FORMAT) else { return Ok(None) };
    let format = ExportFormat::VARIANTS.iter().copied().find(|format| format.as_str() == said);
    let rule = || {
        let names: Vec<&str> =
            ExportFormat::VARIANTS.iter().map(|format| format.as_str()).collect();
        format!("be one of {}", names.join(", "))
    };
    format.map(Some).ok_or_else(|| FieldError::new(FORMAT, said, rule()).into())
}

/// Which figure an address asks about, and the arguments of its query.
pub fn explained(mut fields: Fields) -> (Explained, Fields) {
    let figure = fields.remove(FIGURE).filter(|figure| !figure.is_empty());
    let mut explained = Explained { figure, at: BTreeMap::new() };
    fields.retain(|name, value| match name.strip_prefix(AT_PREFIX) {
        Some(key) => {
            explained.at.insert(key.to_string(), std::mem::take(value));
            false
        }
        None => true,
    });
    (explained, fields)
}
