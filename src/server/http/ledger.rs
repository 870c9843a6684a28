//! What the ledger has signed, and the proofs of it:
//! - `GET /v1/checkpoint`: the last signed note;
//! - `GET /v1/ledger`: its public keys, of now and before;
//! - `GET /v1/tile/L/N[.p/W]`: hashes by C2SP's paths, for whoever follows all of the tree;
//! - `GET /v1/consistency?from=M&to=N`: that the tree of N leaves begins with that of M;
//! - `GET /v1/proof?offset=O&size=N`: that one leaf is in it.
//!
//! Nothing here says what was said: leaves are hashes of salted commitments. But sizes count the
//! traffic of all shops, so a token is asked for like for offsets, unless whoever runs the service has
//! made the ledger public.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::parsed;
use crate::ledger::{LedgerError, PublicKeys, TilePath};
use crate::model::{ErrorKind, LeafHash};
use crate::server::{Problem, Service, Token};

/// A tile never changes: its path says how much of it there was.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
const FOR_EVER_PUBLIC: &str = "public, max-age=31536000, immutable";
const NEVER: &str = "no-store";

/// Whoever may read the ledger, whose right was asked for where it is not public.
pub(super) struct LedgerToken;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsistencyParameters {
    from: u64,
    /// What was signed last, unless given.
    to: Option<u64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofParameters {
    offset: u64,
    /// What was signed last, unless given.
    size: Option<u64>,
}

/// Hashes in hex, as the `leaf` of an ack.
#[derive(Serialize, ToSchema)]
pub(super) struct Consistency {
    from: u64,
    to: u64,
    hashes: Vec<LeafHash>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Proof {
    offset: u64,
    leaf: LeafHash,
    size: u64,
    hashes: Vec<LeafHash>,
}

impl FromRequestParts<Service> for LedgerToken {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Service,
    ) -> Result<LedgerToken, Problem> {
        if !service.ledger_is_public {
            Token::from_request_parts(parts, service).await?;
        }
        Ok(LedgerToken)
    }
}

/// The last checkpoint that was signed.
#[utoipa::path(
    get, path = "/v1/checkpoint", tag = "ledger",
    responses((status = 200, description = "A signed note", content_type = "text/plain", body = String)),
)]
pub(super) async fn checkpoint(
    State(service): State<Service>,
    LedgerToken: LedgerToken,
) -> Result<Response, Problem> {
    let checkpoint = service.ledger.checkpoint()?;
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, NEVER)];
    Ok((headers, checkpoint.note).into_response())
}

/// The ledger's public keys, of now and before.
#[utoipa::path(
    get, path = "/v1/ledger", tag = "ledger",
    responses((status = 200, description = "The keys", body = PublicKeys)),
)]
pub(super) async fn keys(
    State(service): State<Service>,
    LedgerToken: LedgerToken,
) -> Result<Json<PublicKeys>, Problem> {
    Ok(Json(service.ledger.public_keys()?))
}

/// Hashes of the tree, by the paths of C2SP's `tlog-tiles`. The path has slashes in it.
#[utoipa::path(
    get, path = "/v1/tile/{path}", tag = "ledger",
    params(("path" = String, Path, description = "`L/N` or `L/N.p/W`")),
    responses((status = 200, description = "32 bytes for each hash", content_type = "application/octet-stream", body = Vec<u8>)),
)]
pub(super) async fn tile(
    State(service): State<Service>,
    LedgerToken: LedgerToken,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let no_tile = || Problem::new(ErrorKind::NotFound, format!("there is no tile `{path}`"));
    let TilePath { level, number, width } = TilePath::parse(&path).ok_or_else(no_tile)?;
    let ledger = service.ledger.clone();
    let tile = blocking(move || ledger.tile(level, number, width)).await?;
    let kept = if service.ledger_is_public { FOR_EVER_PUBLIC } else { FOR_EVER };
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, kept)];
    Ok((headers, tile).into_response())
}

/// The proof that the tree of `to` records begins with that of `from`.
#[utoipa::path(
    get, path = "/v1/consistency", tag = "ledger",
    params(ConsistencyParameters),
    responses((status = 200, description = "RFC 6962's proof", body = Consistency)),
)]
pub(super) async fn consistency(
    State(service): State<Service>,
    LedgerToken: LedgerToken,
    query: Result<Query<ConsistencyParameters>, QueryRejection>,
) -> Result<Json<Consistency>, Problem> {
    let ConsistencyParameters { from, to } = parsed(query)?;
    let ledger = service.ledger.clone();
    let proved = blocking(move || {
        let to = to.map_or_else(|| ledger.checkpoint().map(|signed| signed.size), Ok)?;
        Ok((to, ledger.consistency(from, to)?))
    });
    let (to, hashes) = proved.await?;
    Ok(Json(Consistency { from, to, hashes: hashes.into_iter().map(LeafHash).collect() }))
}

/// The proof that one record is in the tree.
#[utoipa::path(
    get, path = "/v1/proof", tag = "ledger",
    params(ProofParameters),
    responses((status = 200, description = "RFC 6962's proof", body = Proof)),
)]
pub(super) async fn proof(
    State(service): State<Service>,
    LedgerToken: LedgerToken,
    query: Result<Query<ProofParameters>, QueryRejection>,
) -> Result<Json<Proof>, Problem> {
    let ProofParameters { offset, size } = parsed(query)?;
    let ledger = service.ledger.clone();
    let proved = blocking(move || {
        let size = size.map_or_else(|| ledger.checkpoint().map(|signed| signed.size), Ok)?;
        ledger.inclusion(offset, size)
    });
    let proved = proved.await?;
    let hashes = proved.path.into_iter().map(LeafHash).collect();
    Ok(Json(Proof { offset, leaf: LeafHash(proved.leaf), size: proved.size, hashes }))
}

/// A few reads of hashes: 24 of 4 KiB in a tree of ten million.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => Ok(read?),
        Err(error) => Err(Problem::new(ErrorKind::Bug, error.to_string())),
    }
}
