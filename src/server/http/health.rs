//! `GET /healthz` and `GET /readyz`, for whoever starts, restarts and sends traffic to a process: no
//! token, and nothing told but yes or no, and the zone in which times are shown.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::server::Service;

/// The name of the server's zone (IANA): clients show times in it that are not asked for another.
pub const ZONE_HEADER: &str = "verbatim-zone";

/// Whether the process serves.
///
/// It ends by itself where its log fails.
#[utoipa::path(
    get, path = "/healthz", tag = "service",
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
pub(super) async fn is_alive(State(service): State<Service>) -> impl IntoResponse {
    ([(ZONE_HEADER, service.zone.name())], "ok\n")
}

/// Whether events are taken.
#[utoipa::path(
    get, path = "/readyz", tag = "service",
    responses((status = 200, description = "It does", content_type = "text/plain", body = String),
        (status = 503, description = "It does not, for now", content_type = "text/plain", body = String)),
)]
pub(super) async fn is_ready(State(service): State<Service>) -> (StatusCode, &'static str) {
    if service.drain.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if service.status.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready; `verbatim status` says why\n")
    }
}
