//! `GET /v1/ws`: live chat both ways. Events in and their acks, records of subscribed conversations
//! out.

mod answers;
mod connection;
mod frames;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::auth::{refuse_other_sites, token_in};
use super::connections::Connection as Accepted;
use super::http::parsed;
use super::routes::Served;
use super::{Problem, Service};
use crate::access::{AccessError, Identity};
use crate::relay::EVENT_BYTES_MAX;
use connection::Connection;
pub use connection::SEND_TIME_MAX;

/// Largest frame and message: an event and what a frame adds.
const FRAME_BYTES_MAX: usize = EVENT_BYTES_MAX;
/// Bytes a socket reads at once.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes of frames that are gathered for one write: about ten.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

pub(super) fn served() -> Vec<Served> {
    vec![Served::get("/v1/ws", upgrade)]
}

/// Browsers cannot set headers on a WebSocket, so a token may come in the address.
#[derive(Deserialize)]
struct UpgradeQuery {
    token: Option<String>,
}

async fn upgrade(
    State(service): State<Service>,
    connection: Option<Extension<Arc<Accepted>>>,
    query: Result<Query<UpgradeQuery>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (token, identity, life) = authenticate(&service, &parsed(query)?, &headers)?;
    let refused =
        |error: WebSocketUpgradeRejection| Problem::with_status(error.status(), error.body_text());
    let upgrade = upgrade.map_err(refused)?;
    let slot = service.connections.open_websocket(&identity)?;
    if let Some(Extension(connection)) = &connection {
        connection.becomes_websocket();
    }
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    // What is ready at once is written at once, and its buffer stays with the socket.
    let upgrade = upgrade.write_buffer_size(WRITE_BUFFER_BYTES);
    // The library's write buffer has no bound of its own: this is one frame beyond the largest.
    let upgrade = upgrade.max_write_buffer_size(4 * FRAME_BYTES_MAX);
    // Ten thousand sockets wait at once: each begins with a page, where the library would take 128
    // KiB, and grows with what it reads.
    let upgrade = upgrade.read_buffer_size(READ_BUFFER_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        Connection::run(service, token, identity, life, socket).await;
        drop((slot, connection));
    }))
}

fn authenticate(
    service: &Service,
    query: &UpgradeQuery,
    headers: &HeaderMap,
) -> Result<(String, Identity, Duration), Problem> {
    refuse_other_sites(headers)?;
    let missing = || AccessError::Unauthenticated { reason: "send a token".to_string() };
    let token = query.token.as_deref().or_else(|| token_in(headers)).ok_or_else(missing)?;
    let (identity, life) = service.tokens.check_for_now(token)?;
    if query.token.is_some() {
        // Others were counted before they came here.
        service.admission.rates.request(&identity)?;
    }
    Ok((token.to_string(), identity, life))
}
