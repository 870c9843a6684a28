//! What is recorded of whoever stood before a route with a token that may not, or counts no longer.

use axum::http::Uri;

use super::Service;
use super::routes::Route;
use crate::access::Identity;
use crate::model::{Access, AccessOutcome, Purpose};

/// Records that `identity` was refused at `route`, if refusals are recorded there.
pub(super) fn record(service: &Service, identity: &Identity, route: &Route, uri: &Uri) {
    let Some((action, via)) = route.recorded else { return };
    let address = uri.path_and_query().map_or(uri.path(), |address| address.as_str());
    let access = Access {
        outcome: AccessOutcome::Refused,
        query: Some(address.to_string()),
        ..Access::new(action, via, Purpose::default())
    };
    service.trail().record(identity, access);
}
