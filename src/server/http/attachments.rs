//! `PUT /v1/attachments/SHA256` and `GET /v1/conversations/ID/events/ID/attachments/SHA256`: files
//! sent along with messages.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use crate::access::hears;
use crate::model::{Access, AccessAction, ErrorKind, Via};
use crate::relay::{ATTACHMENT_BYTES_MAX, RelayError, media_type_of};
use crate::server::{For, Problem, Service, Token};

/// The receipt for a file.
#[derive(Serialize, ToSchema)]
pub(super) struct KeptFile {
    sha256: String,
    bytes: u64,
}

/// Keeps the bytes of a file, whose SHA-256 is in the address.
#[utoipa::path(
    put, path = "/v1/attachments/{sha256}", tag = "chat",
    params(("sha256" = String, Path, description = "64 hex digits in lower case")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "They are kept", body = KeptFile)),
)]
pub(super) async fn put(
    State(service): State<Service>,
    Token(identity): Token,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let said =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    // One that does not say how long it is counts as the longest.
    let bytes = said.unwrap_or(ATTACHMENT_BYTES_MAX as u64);
    service.admission.rates.upload(&identity, bytes)?;
    let bytes = service.attachments.put(&identity, &sha256, body.into_data_stream()).await?;
    Ok((StatusCode::CREATED, axum::Json(KeptFile { sha256, bytes })).into_response())
}

/// The bytes of a file, for whoever hears the event that names it.
///
/// They were compared with their hash before the first goes out. Only media types that the bytes themselves
/// show are displayed; the rest is a download.
#[utoipa::path(
    get, path = "/v1/conversations/{conversation}/events/{id}/attachments/{sha256}", tag = "chat",
    params(("conversation" = String, Path), ("id" = String, Path, description = "Of the event that names it"), ("sha256" = String, Path)),
    responses((status = 200, description = "The bytes, of the type that they themselves show", content_type = "application/octet-stream", body = Vec<u8>)),
)]
pub(super) async fn get(
    State(service): State<Service>,
    Token(identity): Token,
    For(purpose): For,
    Path((conversation, id, sha256)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    service.relay.require_participant(&identity, &conversation)?;
    let not_there = || {
        let detail = format!("event `{id}` of `{conversation}` names no attachment `{sha256}`");
        Problem::new(ErrorKind::NotFound, detail)
    };
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    let (of, named) = (conversation.clone(), id.clone());
    let record = service.read(&identity, move || records.event(&shop, &of, &named)).await?;
    let record = record.filter(|record| hears(&identity, &record.event)).ok_or_else(not_there)?;
    let mut names = record.event.attachments.iter().map(|attachment| &attachment.sha256);
    if !names.any(|name| *name == sha256) {
        return Err(not_there());
    }
    let file = service.attachments.open_whole(&record, &sha256).await?;
    let mut file = file.ok_or_else(|| {
        let detail = format!("the bytes of attachment `{sha256}` were not sent");
        Problem::new(ErrorKind::NotFound, detail)
    })?;
    let mut first_bytes = [0; 16];
    let count = file.read(&mut first_bytes).await.map_err(RelayError::from)?;
    file.rewind().await.map_err(RelayError::from)?;
    let length = file.metadata().await.map_err(RelayError::from)?.len();
    let media_type = media_type_of(&first_bytes[..count]);
    // A customer has but the files of their own conversations.
    if !identity.is_customer() {
        let access = Access::new(AccessAction::Attachment, Via::Api, purpose);
        let (query, rows) = (Some(sha256), Some(length));
        let (conversation, event) = (Some(conversation), Some(id));
        service.trail().record(&identity, Access { query, conversation, event, rows, ..access });
    }
    let disposition =
        if media_type == "application/octet-stream" { "attachment" } else { "inline" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}
