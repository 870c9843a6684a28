//! `GET /v1/openapi.json`: the API as OpenAPI 3.1, of what stands beside each handler. Who may ask, and what a
//! refusal looks like, comes from the table that the server asks ([`ROUTES`]), and event and record from the table
//! of fields: none of it is written twice.
//!
//! The WebSocket and the pages are not in it: OpenAPI has no words for frames, and pages are for people.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::{
    access, append, attachments, conversation_list, conversations, evidence, export, health,
    keeping, ledger, metrics, reports, rules, schema, search, sql, status, stream,
};
use crate::export::{ExportFormat, PartitionBy};
use crate::model::json_schema;
use crate::server::Problem;
use crate::server::routes::{Asks, ROUTES, Route};

/// What a token is called among the ways to sign in.
const TOKEN: &str = "token";
const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "verbatim",
        description = "Transcripts of after-sales chat: taken in, searched, counted, proved. `docs/protocol.md` says what a \
                       client does on each answer, and has the frames of the WebSocket, `GET /v1/ws`."
    ),
    paths(
        append::append,
        stream::stream,
        attachments::put,
        attachments::get,
        conversation_list::list,
        conversations::show,
        search::run,
        sql::query,
        schema::show,
        reports::list,
        reports::run,
        reports::behind,
        export::stream,
        rules::show,
        evidence::export,
        evidence::pack,
        keeping::hold,
        keeping::release,
        keeping::holds,
        keeping::erase,
        keeping::erasures,
        keeping::erasure,
        access::list,
        ledger::checkpoint,
        ledger::keys,
        ledger::tile,
        ledger::consistency,
        ledger::proof,
        status::show,
        metrics::show,
        health::is_alive,
        health::is_ready,
        show
    ),
    components(schemas(Problem, ExportFormat, PartitionBy)),
    tags(
        (name = "chat", description = "Events in, records and files out"),
        (name = "figures", description = "Reports, SQL, files of tables"),
        (name = "evidence", description = "What was said, for others"),
        (name = "keeping", description = "What is held, what is erased, who looked at what"),
        (name = "ledger", description = "What was signed, and the proofs of it"),
        (name = "service", description = "How the service stands"),
    )
)]
struct Annotated;

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Value)),
)]
pub(super) async fn show() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| openapi().to_string());
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}

/// The API as an OpenAPI document.
pub fn openapi() -> Value {
    let mut api = Annotated::openapi();
    for route in ROUTES {
        let Some(item) = api.paths.paths.get_mut(&documented(route.path)) else { continue };
        let operation = match route.method.as_str() {
            "GET" => &mut item.get,
            "PUT" => &mut item.put,
            _ => &mut item.post,
        };
        if let Some(operation) = operation {
            tell_of(operation, route);
        }
    }
    if let Some(components) = &mut api.components {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.security_schemes.insert(TOKEN.to_string(), SecurityScheme::Http(token).into());
    }
    // Into JSON, from types whose serialization cannot fail.
    let mut document = serde_json::to_value(api).unwrap_or_default();
    let schemas = &mut document["components"]["schemas"];
    schemas["Event"] = component(json_schema::event());
    schemas["Record"] = component(json_schema::record());
    schemas["Record"]["properties"]["event"] = json!({"$ref": "#/components/schemas/Event"});
    document
}

/// As OpenAPI writes a path: a part is a part, whether it has slashes in it or not.
fn documented(path: &str) -> String {
    path.replace("{*", "{")
}

/// A schema without what says where its own file lies.
fn component(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
        schema.remove("$id");
    }
    schema
}

/// What programs made from the document call an operation: `get_reports_name_rows`.
fn name_of(route: &Route) -> String {
    let words =
        route.path.split(['/', '{', '}', '*', '.']).filter(|word| !["", "v1"].contains(word));
    let method = route.method.as_str().to_lowercase();
    words.fold(method, |name, word| format!("{name}_{word}"))
}

/// Its name, who may ask, and how a refusal looks.
fn tell_of(operation: &mut Operation, route: &Route) {
    operation.operation_id = Some(name_of(route));
    let mut refusals =
        vec![("default", "Refused, or failed: `docs/protocol.md` says what each status means")];
    let names_something = operation.parameters.is_some() || operation.request_body.is_some();
    if names_something {
        refusals.push((
            "400",
            "A field, a value or the body is wrong; `field`, `value` and `rule` say which and why",
        ));
    }
    if route.path.contains('{') {
        refusals.push(("404", "There is nothing of that name for this token"));
    }
    if let Some(words) = route.asks_in_words() {
        let anybody = SecurityRequirement::default();
        let token = SecurityRequirement::new(TOKEN, Vec::<String>::new());
        let is_open = matches!(route.asks, Asks::RightUnlessPublic(_));
        operation.security = Some(if is_open { vec![token, anybody] } else { vec![token] });
        let needs = format!("Asks first: {words}.");
        let told =
            operation.description.take().map_or(needs.clone(), |told| format!("{told}\n\n{needs}"));
        operation.description = Some(told);
        refusals.push(("401", "There is no token, or one that counts no longer"));
        refusals.push(("403", "The token may not"));
    }
    if route.slow.is_some() {
        refusals.push(("429", "This subject asks or sends too much: again after `Retry-After`"));
        refusals.push(("503", "For now: again after `Retry-After`"));
    }
    for (status, description) in refusals {
        let answers = &mut operation.responses.responses;
        answers.entry(status.to_string()).or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content(PROBLEM_MEDIA_TYPE, content).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every route of the API is told, and nothing that there is not.
    #[test]
    fn it_has_the_routes_of_the_table_and_no_others() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        let told = paths.iter().flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(move |method| (method.to_uppercase(), path.clone()))
        });
        let is_of_api = |route: &&Route| {
            let is_health = ["/metrics", "/healthz", "/readyz"].contains(&route.path);
            (route.path.starts_with("/v1/") && route.path != "/v1/ws") || is_health
        };
        let there_are = ROUTES
            .iter()
            .filter(is_of_api)
            .map(|route| (route.method.to_string(), documented(route.path)));
        assert_eq!(told.collect::<BTreeSet<_>>(), there_are.collect());
    }

    /// Whatever a part refers to is there.
    #[test]
    fn nothing_refers_to_what_is_not_there() {
        fn references<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    all.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, all));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, all)),
                _ => {}
            }
        }
        let document = openapi();
        let mut all = Vec::new();
        references(&document, &mut all);
        assert!(all.len() > 50, "{}", all.len());
        for reference in all {
            let pointer =
                reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out"));
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn each_operation_says_who_may_ask() {
        let document = openapi();
        let asked = &document["paths"]["/v1/access"]["get"];
        assert!(
            asked["description"].as_str().unwrap().contains("read who looked at what"),
            "{asked}"
        );
        assert_eq!(asked["security"], json!([{"token": []}]));
        assert!(document["paths"]["/healthz"]["get"]["security"].is_null());
        assert_eq!(asked["operationId"], "get_access");
        let named = document["paths"].as_object().unwrap().values().flat_map(|item| {
            item.as_object()
                .unwrap()
                .values()
                .map(|operation| operation["operationId"].as_str().unwrap())
        });
        let named = named.collect::<Vec<_>>();
        assert_eq!(
            named.iter().collect::<BTreeSet<_>>().len(),
            named.len(),
            "a name is of one operation"
        );
        assert_eq!(document["paths"]["/v1/proof"]["get"]["security"], json!([{"token": []}, {}]));
    }
}
