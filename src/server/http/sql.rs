//! `POST /v1/sql?format=…`: one statement that reads, as text or as JSON with its parameters. The answer is
//! streamed, however many rows it has; what fails before the first of them is a problem.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::parsed;
use super::rows::{Rows, format_asked, streamed_rows};
use crate::export::ExportFormat;
use crate::model::{Access, AccessAction, ErrorKind, FieldError, Via};
use crate::server::auth::TokenWatch;
use crate::server::bodies::text;
use crate::server::{For, Problem, Service, Token};
use crate::sql::{NotBegun, Value};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlParameters {
    format: Option<ExportFormat>,
}

/// A question as JSON.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlQuestion {
    sql: String,
    /// Values that stand in it as `$name`: texts, numbers, true, false, null.
    #[serde(default)]
    parameters: BTreeMap<String, Json>,
}

/// One statement of SQL that reads.
#[utoipa::path(
    post, path = "/v1/sql", tag = "figures",
    params(SqlParameters),
    request_body(content((String = "text/plain"), (SqlQuestion = "application/json"))),
    responses(Rows),
)]
pub(super) async fn query(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    token: TokenWatch,
    headers: HeaderMap,
    parameters: Result<Query<SqlParameters>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let SqlParameters { format } = parsed(parameters)?;
    let SqlQuestion { sql, parameters } = question(text(body).await?, &headers)?;
    let values = parameters.iter().map(|(name, value)| Ok((name.clone(), value_of(name, value)?)));
    let values = values.collect::<Result<Vec<_>, FieldError>>()?;
    let asked = if parameters.is_empty() {
        sql.clone()
    } else {
        format!("{sql} {}", serde_json::json!(parameters))
    };
    let access = Access { query: Some(asked), ..Access::new(AccessAction::Sql, Via::Api, purpose) };
    // Before it is asked: an error tells of what it read, too.
    let access = service.trail().begin(identity.clone(), access);
    match service.sql.ask(&identity.shop, &sql, values).await {
        Ok(answer) => streamed_rows(answer, format_asked(format, &headers), access, token),
        Err(NotBegun { error, has_read }) => {
            if !has_read {
                access.forget();
            }
            Err(error.into())
        }
    }
}

/// What is asked: the body, or what it says where it is JSON.
fn question(body: String, headers: &HeaderMap) -> Result<SqlQuestion, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Ok(SqlQuestion { sql: body, ..SqlQuestion::default() });
    }
    // A list would be taken for the fields in their order.
    let object = serde_json::from_str::<serde_json::Map<String, Json>>(&body);
    let question = object.and_then(|object| serde_json::from_value(Json::Object(object)));
    question.map_err(|error| {
        let detail = format!("the body must be {{\"sql\": …, \"parameters\": {{…}}}}: {error}");
        Problem::new(ErrorKind::BadInput, detail)
    })
}

fn value_of(name: &str, value: &Json) -> Result<Value, FieldError> {
    let refused = |rule| FieldError::new(format!("parameters.{name}"), value, rule);
    match value {
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Bool(flag) => Ok(Value::Boolean(*flag)),
        Json::Null => Ok(Value::Null),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Value::Integer(whole)),
            (None, Some(fraction)) if number.is_f64() => Ok(Value::Float(fraction)),
            _ => Err(refused("be within 64 bits")),
        },
        Json::Array(_) | Json::Object(_) => {
            Err(refused("be a text, a number, true, false or null"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_of_their_kind_or_refused() {
        for (given, expected) in [
            (json!("A1"), Value::Text("A1".to_string())),
            (json!(-7), Value::Integer(-7)),
            (json!(0.5), Value::Float(0.5)),
            (json!(true), Value::Boolean(true)),
            (json!(null), Value::Null),
        ] {
            assert_eq!(value_of("x", &given).unwrap(), expected);
        }
        for given in [json!([1]), json!({"a": 1}), json!(u64::MAX)] {
            let error = value_of("x", &given).unwrap_err().to_string();
            assert!(
                error.contains("parameters.x") && error.contains(&given.to_string()),
                "{error}"
            );
        }
    }
}
