//! The relay's HTTP doors: events in, the stream of records out, attachments both ways.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRef, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures::StreamExt;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use super::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, FRAME_BYTES_MAX};
use super::websocket::{self, OpenSockets};
use super::{
    AppendHandle, AttachmentStore, Hub, Identity, Lookup, Outcome, Prepared, Problem, RelayError, TokenRole, Tokens,
    media_type_of,
};
use crate::log::{LogCursor, LogReader};
use crate::model::{ErrorKind, Event, FieldError, Offset, Origin, Record, Seq};

/// Everything the relay's doors need. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    pub append: AppendHandle,
    pub log: LogReader,
    pub lookup: Lookup,
    pub hub: Hub,
    pub attachments: AttachmentStore,
    pub tokens: Arc<Tokens>,
    pub sockets: OpenSockets,
    /// Cancelled when the service stops: long answers end then.
    pub stop: CancellationToken,
}

/// Offsets of a conversation read at once from the lookup store.
const THREAD_PAGE: usize = 10_000;

impl Relay {
    /// Every record of a conversation, in order. [`RelayError::NotFound`] where there is none.
    pub fn thread(&self, shop: &str, conversation: &str) -> Result<Vec<Record>, RelayError> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let after = records.last().map_or(Seq(0), |record| record.seq);
            let offsets = self.lookup.thread(shop, conversation, after, THREAD_PAGE)?;
            for offset in &offsets {
                records.extend(self.log.range(*offset, offset.next())?);
            }
            match (offsets.is_empty(), records.is_empty()) {
                (true, true) => return Err(RelayError::NotFound(format!("conversation `{conversation}`"))),
                (true, false) => return Ok(records),
                (false, _) => {}
            }
        }
    }
}

/// The cookie that carries a token for pages in a browser.
pub const TOKEN_COOKIE: &str = "verbatim_token";
/// Tells how many of a batch's events were there before.
const DUPLICATES_HEADER: &str = "verbatim-duplicates";
/// Records read from the log at once for one stream: × about 1 KiB = 512 KiB.
const STREAM_RECORDS: usize = 512;

/// The relay's routes.
pub fn routes() -> Router<Relay> {
    Router::new()
        .route("/v1/events", post(append_events).layer(DefaultBodyLimit::max(BATCH_BYTES_MAX)).get(stream_events))
        .route("/v1/attachments/{sha256}", put(put_attachment).layer(DefaultBodyLimit::disable()).get(get_attachment))
        .route("/v1/ws", get(websocket::upgrade))
}

/// Who is asking: from `Authorization: Bearer`, or from the pages' cookie.
pub struct Token(pub Arc<Identity>);

impl<S> FromRequestParts<S> for Token
where
    S: Send + Sync,
    Relay: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Token, Problem> {
        let relay = Relay::from_ref(state);
        let missing = || RelayError::Unauthenticated("send `Authorization: Bearer TOKEN`".to_string());
        let token = token_in(&parts.headers);
        let checked = token.ok_or_else(missing).and_then(|token| relay.tokens.check(token));
        checked.map(|identity| Token(Arc::new(identity))).map_err(|error| Problem::from(&error))
    }
}

/// The token a request carries: in `Authorization: Bearer`, or else in the pages' cookie.
pub fn token_in(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization.and_then(|value| value.strip_prefix("Bearer ")).or_else(|| cookie(headers, TOKEN_COOKIE))
}

/// The value of one cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppendQuery {
    #[serde(default = "live")]
    origin: Origin,
}

fn live() -> Origin {
    Origin::Live
}

async fn append_events(
    State(relay): State<Relay>,
    Token(identity): Token,
    query: Result<Query<AppendQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Problem> {
    let Query(AppendQuery { origin }) = query.map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))?;
    let body = body.map_err(|error| {
        Problem::with_status(
            error.status(),
            format!("{}; a batch is at most {BATCH_BYTES_MAX} bytes", error.body_text()),
        )
    })?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match media_type.split(';').next().unwrap_or("").trim() {
        "application/json" => append_one(&relay, identity, origin, &body).await,
        "application/x-ndjson" | "application/jsonl" => append_lines(&relay, identity, origin, &body).await,
        other => Err(Problem::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content-type `{other}` must be application/json (one event) or application/x-ndjson (one a line)"),
        )),
    }
}

async fn append_one(relay: &Relay, identity: Arc<Identity>, origin: Origin, body: &[u8]) -> Result<Response, Problem> {
    let event = prepare(&identity, origin, body).map_err(|error| Problem::from(&error))?;
    let mut answers =
        relay.append.append(identity, origin, vec![event]).await.map_err(|error| Problem::from(&error))?;
    let outcome = answers.pop().unwrap_or_else(|| Err(RelayError::Closed("no answer".to_string())));
    let Outcome { ack, duplicate } = outcome.map_err(|error| Problem::from(&error))?;
    let mut response = axum::Json(ack).into_response();
    response.headers_mut().insert(DUPLICATES_HEADER, HeaderValue::from(u16::from(duplicate)));
    Ok(response)
}

/// One answer per line, in order: good events are kept whatever their neighbours are.
async fn append_lines(
    relay: &Relay,
    identity: Arc<Identity>,
    origin: Origin,
    body: &[u8],
) -> Result<Response, Problem> {
    let lines = || body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let count = lines().take(BATCH_EVENTS_MAX + 1).count();
    if count > BATCH_EVENTS_MAX {
        let detail = format!("a batch is at most {BATCH_EVENTS_MAX} events");
        return Err(Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    if count == 0 {
        return Err(Problem::new(ErrorKind::BadInput, "the body is empty: send one event a line"));
    }
    // Half a kilobyte each: growing would copy them again and again.
    let mut events = Vec::with_capacity(count);
    let mut refused = Vec::with_capacity(count);
    for (index, line) in lines() {
        match prepare(&identity, origin, line) {
            Ok(event) => {
                events.push(event);
                refused.push((index, None));
            }
            Err(error) => refused.push((index, Some(error))),
        }
    }
    let answers = relay.append.append(identity, origin, events).await.map_err(|error| Problem::from(&error))?;
    let mut answers = answers.into_iter();
    let mut duplicates = 0_u64;
    let mut written = Vec::with_capacity(refused.len() * 200);
    for (index, error) in refused {
        let answer = match error {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(|| Err(RelayError::Closed("no answer".to_string()))),
        };
        let line = match answer {
            Ok(outcome) => {
                duplicates += u64::from(outcome.duplicate);
                serde_json::to_vec(&outcome.ack)
            }
            Err(error) => serde_json::to_vec(&Problem::from(&error).at_line(index + 1)),
        };
        written.extend(line.unwrap_or_default());
        written.push(b'\n');
    }
    let mut response = ([(header::CONTENT_TYPE, "application/x-ndjson")], written).into_response();
    response.headers_mut().insert(DUPLICATES_HEADER, HeaderValue::from(duplicates));
    Ok(response)
}

/// Reads and checks one event as far as that goes without knowing its conversation.
pub fn prepare(identity: &Identity, origin: Origin, json: &[u8]) -> Result<Prepared, RelayError> {
    if json.len() > FRAME_BYTES_MAX {
        let rule = format!("be at most {FRAME_BYTES_MAX} bytes of JSON");
        return Err(FieldError::new("event", format!("{} bytes", json.len()), rule).into());
    }
    Prepared::new(identity, origin, Event::parse(json)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamQuery {
    #[serde(default)]
    from: Offset,
    #[serde(default)]
    follow: bool,
}

/// The shop's records from an offset on, one JSON object a line; with `follow`, on and on as they come.
async fn stream_events(
    State(relay): State<Relay>,
    Token(identity): Token,
    query: Result<Query<StreamQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))?;
    if !identity.reads_everything() {
        let detail = format!("the token of `{}` may not read the whole shop", identity.subject);
        return Err(Problem::new(ErrorKind::Denied, detail));
    }
    let stream = RecordStream {
        cursor: relay.log.cursor(query.from),
        shop: identity.shop.clone(),
        follow: query.follow,
        stop: relay.stop.clone(),
    };
    let body = futures::stream::unfold(stream, |mut stream| async move {
        let lines = stream.next_lines().await?;
        Some((lines, stream))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

struct RecordStream {
    cursor: LogCursor,
    shop: String,
    follow: bool,
    stop: CancellationToken,
}

impl RecordStream {
    /// The next records as lines; `None` at the end. An error ends the stream broken off, which the reader sees as an
    /// incomplete answer, never as a complete one.
    async fn next_lines(&mut self) -> Option<Result<Vec<u8>, RelayError>> {
        loop {
            let records = match self.cursor.next_batch(STREAM_RECORDS) {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, "a stream of records broke off");
                    return Some(Err(error.into()));
                }
            };
            if records.is_empty() {
                if !self.follow {
                    return None;
                }
                let position = self.cursor.position();
                let more = tokio::select! {
                    more = self.cursor.reader().wait_beyond(position) => more,
                    () = self.stop.cancelled() => false,
                };
                if !more {
                    return None;
                }
                continue;
            }
            let mut lines = Vec::new();
            for record in records.iter().filter(|record| record.shop == self.shop) {
                lines.extend(serde_json::to_vec(&record.public()).unwrap_or_default());
                lines.push(b'\n');
            }
            if !lines.is_empty() {
                return Some(Ok(lines));
            }
        }
    }
}

async fn put_attachment(
    State(relay): State<Relay>,
    Token(identity): Token,
    Path(sha256): Path<String>,
    body: Body,
) -> Result<Response, RelayError> {
    let senders = [TokenRole::Customer, TokenRole::Human, TokenRole::Bot, TokenRole::Importer];
    identity.require(&senders, "send attachments")?;
    let bytes = relay.attachments.put(&identity.shop, &sha256, body.into_data_stream()).await?;
    let kept = serde_json::json!({"sha256": sha256, "bytes": bytes});
    Ok((StatusCode::CREATED, axum::Json(kept)).into_response())
}

/// Serves an attachment to whoever of the shop knows its hash, which cannot be guessed. Only media types that the
/// bytes themselves show are displayed; the rest is a download.
async fn get_attachment(
    State(relay): State<Relay>,
    Token(identity): Token,
    Path(sha256): Path<String>,
) -> Result<Response, RelayError> {
    let Some(mut file) = relay.attachments.open(&identity.shop, &sha256).await? else {
        return Err(RelayError::NotFound(format!("attachment `{sha256}`")));
    };
    let mut first_bytes = [0; 16];
    let count = file.read(&mut first_bytes).await?;
    file.rewind().await?;
    let length = file.metadata().await?.len();
    let media_type = media_type_of(&first_bytes[..count]);
    let disposition = if media_type == "application/octet-stream" { "attachment" } else { "inline" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file).map(|chunk| chunk))).into_response())
}
