//! What is recorded of whoever is refused: the routes behind which chat is read, and who stood before
//! them with a token that may not, or counts no longer.

use axum::http::{Method, Uri};

use super::Service;
use crate::access::Identity;
use crate::model::{Access, AccessAction, AccessOutcome, Purpose, Via};

/// Each route that shows chat, and what it is to ask for it.
const RECORDED: &[(&str, AccessAction, Via)] = &[
    ("/v1/search", AccessAction::Search, Via::Api),
    ("/search", AccessAction::Search, Via::Page),
    ("/v1/conversations", AccessAction::Search, Via::Api),
    ("/v1/conversations/{conversation}", AccessAction::View, Via::Api),
    ("/conversations/{id}", AccessAction::View, Via::Page),
    ("/orders/{id}", AccessAction::View, Via::Page),
    ("/customers/{id}", AccessAction::View, Via::Page),
    ("/agents/{id}", AccessAction::View, Via::Page),
    (
        "/v1/conversations/{conversation}/events/{id}/attachments/{sha256}",
        AccessAction::Attachment,
        Via::Api,
    ),
    ("/v1/sql", AccessAction::Sql, Via::Api),
    ("/v1/reports/{name}", AccessAction::Report, Via::Api),
    ("/questions/{name}", AccessAction::Report, Via::Page),
    ("/v1/export/{table}", AccessAction::Export, Via::Api),
    ("/v1/access", AccessAction::Trail, Via::Api),
    ("/v1/evidence", AccessAction::Evidence, Via::Api),
    ("/v1/evidence/pack", AccessAction::Evidence, Via::Api),
    ("/evidence", AccessAction::Evidence, Via::Page),
];
/// Sending events goes by the same route as the stream of them.
const STREAM: &str = "/v1/events";

/// Records that `identity` was refused at `route`, if chat is read there.
pub(super) fn record(service: &Service, identity: &Identity, route: &(Method, &str), uri: &Uri) {
    let Some((action, via)) = action_of(route) else { return };
    let address = uri.path_and_query().map_or(uri.path(), |address| address.as_str());
    let access = Access {
        outcome: AccessOutcome::Refused,
        query: Some(address.to_string()),
        ..Access::new(action, via, Purpose::default())
    };
    service.trail().record(identity, access);
}

fn action_of((method, path): &(Method, &str)) -> Option<(AccessAction, Via)> {
    if *path == STREAM {
        return (*method == Method::GET).then_some((AccessAction::Stream, Via::Api));
    }
    let found = RECORDED.iter().find(|(recorded, ..)| recorded == path);
    found.map(|(_, action, via)| (*action, *via))
}
