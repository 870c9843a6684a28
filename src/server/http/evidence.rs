//! `POST /v1/evidence`: a bundle, or what other programs read of one. `POST /v1/evidence/pack`: one, and the
//! document for a bank or a platform that is made of it. Either is a zip that is sent as it is read, and its
//! length is said before its first byte, so that whoever gets less knows it.

use std::io::{self, Write};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::access::Identity;
use crate::evidence::pack::PackRequest;
use crate::evidence::{Asker, Bundle, EvidenceRequest, Zipped};
use crate::model::{Access, AccessAction, AccessOutcome, ErrorKind, FieldError, Purpose, Via};
use crate::server::{Problem, Service, Token};
use crate::trail::Trail;

/// How many records a bundle has.
pub const RECORDS_HEADER: &str = "verbatim-records";
/// What a bundle does not have though its records name it, in words.
pub const HOLES_HEADER: &str = "verbatim-holes";
/// How much of it its rules hide, in words.
pub const REDACTED_HEADER: &str = "verbatim-redacted";

/// Pieces on their way to a client: × 64 KiB = 1 MiB.
const PIECES_WAITING_MAX: usize = 16;
const PIECE_BYTES: usize = 64 * 1024;

/// What is asked of `/v1/evidence/pack`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackBody {
    /// As for `/v1/evidence`.
    bundle: EvidenceRequest,
    #[serde(default)]
    pack: PackRequest,
}

/// A bundle that proves what was said, or the same for others' programs.
#[utoipa::path(
    post, path = "/v1/evidence", tag = "evidence",
    request_body = EvidenceRequest,
    responses((status = 200, description = "A zip, whose length is said first", content_type = "application/zip", body = Vec<u8>)),
)]
pub(super) async fn export(
    State(service): State<Service>,
    Token(identity): Token,
    request: Result<Json<EvidenceRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(request) =
        request.map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))?;
    evidence_zip(&service, &identity, request, None, Via::Api).await
}

/// A bundle and a document of it for a bank or a platform.
#[utoipa::path(
    post, path = "/v1/evidence/pack", tag = "evidence",
    request_body = PackBody,
    responses((status = 200, description = "A zip, whose length is said first", content_type = "application/zip", body = Vec<u8>)),
)]
pub(super) async fn pack(
    State(service): State<Service>,
    Token(identity): Token,
    body: Result<Json<PackBody>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(PackBody { bundle, pack }) =
        body.map_err(|error| Problem::new(ErrorKind::BadInput, error.body_text()))?;
    evidence_zip(&service, &identity, bundle, Some(pack), Via::Api).await
}

/// The answer to a request, from whatever door: the bundle, and the `pack` of it where one is asked for.
pub async fn evidence_zip(
    service: &Service,
    identity: &Arc<Identity>,
    request: EvidenceRequest,
    pack: Option<PackRequest>,
    via: Via,
) -> Result<Response, Problem> {
    // Before a bundle is made and recorded for what cannot be answered.
    pack.as_ref().map(PackRequest::check).transpose()?;
    let format = request.format;
    if let (Some(_), Some(format)) = (&pack, format) {
        let rule = "be left out: a pack has the bundle beside it";
        return Err(FieldError::new("bundle.format", format.as_str(), rule).into());
    }
    let access = access(&request, via)?;
    let bundle = service.bundle(identity, request, via).await?;
    let mut undelivered = Undelivered::of(service, identity, access);
    let (records, holes) = (bundle.records, bundle.holes.join(", "));
    let redacted = bundle.redacted.map_or(String::new(), |redacted| redacted.to_string());
    let zip = match (pack, format) {
        (Some(pack), _) => service.bundles.pack(bundle, pack).await?,
        (None, Some(form)) => service.bundles.interchange(bundle, form).await?,
        (None, None) => bundle.zip,
    };
    let mut response = Body::empty().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(zip.bytes()));
    headers.insert(RECORDS_HEADER, HeaderValue::from(records));
    let named = format!("attachment; filename=\"{}\"", zip.name());
    for (header, value) in [
        (header::CONTENT_DISPOSITION.as_str(), named),
        (HOLES_HEADER, holes),
        (REDACTED_HEADER, redacted),
    ] {
        if let Some(value) = HeaderValue::from_str(&value).ok().filter(|value| !value.is_empty()) {
            headers.insert(header::HeaderName::from_static(header), value);
        }
    }
    undelivered.begin();
    *response.body_mut() = body(zip, undelivered);
    Ok(response)
}

/// Records, once it is dropped, that what was asked for did not arrive. Whoever asks learns something from a
/// refusal too: that there is nothing of a name, or that there is.
struct Undelivered {
    trail: Trail,
    identity: Arc<Identity>,
    access: Option<Access>,
}

impl Undelivered {
    /// Nothing was handed out yet.
    fn of(service: &Service, identity: &Arc<Identity>, access: Access) -> Undelivered {
        let access = Access { outcome: AccessOutcome::BrokeOff, rows: Some(0), ..access };
        Undelivered {
            trail: service.trail().clone(),
            identity: identity.clone(),
            access: Some(access),
        }
    }

    /// From now on something may arrive, and nobody counts how much.
    fn begin(&mut self) {
        if let Some(access) = &mut self.access {
            access.rows = None;
        }
    }

    /// It is whole.
    fn arrived(mut self) {
        self.access = None;
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        if let Some(access) = self.access.take() {
            self.trail.record(&self.identity, access);
        }
    }
}

impl Service {
    /// Makes a bundle for `identity`, whose right to it was asked. That they ask is recorded before there is
    /// anything of it; where none is made, that is recorded too.
    pub async fn bundle(
        &self,
        identity: &Arc<Identity>,
        request: EvidenceRequest,
        via: Via,
    ) -> Result<Bundle, Problem> {
        request.check()?;
        let access = access(&request, via)?;
        let undelivered = Undelivered::of(self, identity, access.clone());
        let maker = self.bundles.clone();
        let conversations = maker.find(&identity.shop, &request).await?;
        // What is acknowledged now goes in. The record of this export comes after it, and waits for the
        // next checkpoint.
        let head = maker.head();
        let entry = self.trail().recorded(identity, access).await?;
        let checkpoint = maker.signed(head).await?;
        let asker = Asker {
            shop: identity.shop.clone(),
            subject: identity.subject.clone(),
            entry: Some(entry),
        };
        let bundle = maker.bundle(asker, request, conversations, checkpoint).await?;
        undelivered.arrived();
        Ok(bundle)
    }
}

/// What is recorded of a request.
fn access(request: &EvidenceRequest, via: Via) -> Result<Access, Problem> {
    let purpose = Purpose::new(Some(request.case.clone()), Some(request.reason.clone()))?;
    let only = |names: &[String]| names.first().filter(|_| names.len() == 1).cloned();
    Ok(Access {
        query: serde_json::to_string(request).ok(),
        conversation: only(&request.conversations),
        order: only(&request.orders),
        customer: only(&request.customers),
        ..Access::new(AccessAction::Evidence, via, purpose)
    })
}

/// The bytes of a zip. What breaks off ends the body with an error, so that the client sees it, and is
/// recorded.
fn body(zip: Zipped, undelivered: Undelivered) -> Body {
    let (pieces, mut body) = mpsc::channel::<io::Result<Bytes>>(PIECES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let (runtime, ends) = (Handle::current(), zip.ends());
        let mut out = Pieces { pieces, piece: Vec::with_capacity(PIECE_BYTES), runtime, ends };
        if let Err(error) = zip.write(&mut out) {
            tracing::warn!(%error, "a bundle broke off");
            drop(undelivered);
            // Fails when the client went away, or takes nothing: it then gets less than was said.
            let _ = out.send(Err(error));
        } else {
            undelivered.arrived();
        }
    });
    // Unlike an unfolded stream it may be asked again after its end.
    Body::from_stream(stream::poll_fn(move |context| body.poll_recv(context)))
}

/// Sends what is written, and waits while the client is slow.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    runtime: Handle,
    /// Cancelled when the client may not take any longer.
    ends: CancellationToken,
}

impl Pieces {
    fn send(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                sent = self.pieces.send(piece) => sent.map_err(|_| io::ErrorKind::BrokenPipe.into()),
                () = self.ends.cancelled() => Err(io::Error::other("something of it was erased meanwhile")),
            }
        })
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.send(Ok(piece.into()))
    }
}
