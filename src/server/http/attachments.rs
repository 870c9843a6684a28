//! `PUT` and `GET /v1/attachments/SHA256`: files sent along with messages.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::access::Action;
use crate::model::ErrorKind;
use crate::relay::{RelayError, media_type_of};
use crate::server::{Problem, Service, Token};

pub(super) async fn put(
    State(service): State<Service>,
    Token(identity): Token,
    Path(sha256): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    identity.require(Action::SendAttachments)?;
    let bytes = service.attachments.put(&identity.shop, &sha256, body.into_data_stream()).await?;
    let kept = serde_json::json!({"sha256": sha256, "bytes": bytes});
    Ok((StatusCode::CREATED, axum::Json(kept)).into_response())
}

/// Serves an attachment to whoever of the shop knows its hash, which cannot be guessed. Only media
/// types that the bytes themselves show are displayed; the rest is a download.
pub(super) async fn get(
    State(service): State<Service>,
    Token(identity): Token,
    Path(sha256): Path<String>,
) -> Result<Response, Problem> {
    let Some(mut file) = service.attachments.open(&identity.shop, &sha256).await? else {
        return Err(Problem::new(
            ErrorKind::NotFound,
            format!("attachment `{sha256}` does not exist"),
        ));
    };
    let mut first_bytes = [0; 16];
    let count = file.read(&mut first_bytes).await.map_err(RelayError::from)?;
    file.rewind().await.map_err(RelayError::from)?;
    let length = file.metadata().await.map_err(RelayError::from)?.len();
    let media_type = media_type_of(&first_bytes[..count]);
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
