//! Bodies of requests, held in memory whole: bounded in bytes, of one request, and of events of one subject and of
//! all together, customers apart from the shops' own people and programs.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::Problem;
use super::shares::{Full, Share, Shares, subject_of};
use crate::access::Identity;
use crate::model::ErrorKind;

/// Largest body of events.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest of a customer, who sends a few messages at once.
const CUSTOMER_BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Largest text, of those that are bounded in number: a query and its values.
const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Of one subject: so many requests of the largest size at once.
const BODIES_OF_SUBJECT: usize = 8;
/// Of all customers, and of all others. What is read from a body takes about three times as much.
const BYTES_OF_ALL_MAX: usize = 256 * 1024 * 1024;
/// Read and dropped of a body that is too large: who is still sending does not read the answer.
const DROPPED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest that a body may take to come: 8 MiB over a slow line.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// The bodies that are held now.
#[derive(Clone)]
pub(super) struct Bodies {
    of_customers: Shares,
    of_others: Shares,
}

/// A body, and the room it takes until it is dropped.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _room: Share,
}

impl Default for Bodies {
    fn default() -> Bodies {
        let within = || Shares::within(BYTES_OF_ALL_MAX);
        Bodies { of_customers: within(), of_others: within() }
    }
}

impl Bodies {
    /// Reads a body of events as it comes. Only bytes that came take room.
    pub(super) async fn read(
        &self,
        identity: &Identity,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<HeldBody, Problem> {
        let (shares, max) = if identity.is_customer() {
            (&self.of_customers, CUSTOMER_BATCH_BYTES_MAX)
        } else {
            (&self.of_others, BATCH_BYTES_MAX)
        };
        let said = headers.get(header::CONTENT_LENGTH);
        let said: Option<usize> = said.and_then(|value| value.to_str().ok()?.parse().ok());
        let mut bytes = BytesMut::with_capacity(said.unwrap_or(0).min(max));
        let mut room = shares.none(subject_of(identity));
        each_part(body, max, |data| {
            room.grow(data.len(), BODIES_OF_SUBJECT * max)
                .map_err(|full| no_room(full, identity))?;
            bytes.extend_from_slice(data);
            Ok(())
        })
        .await?;
        Ok(HeldBody { bytes: bytes.freeze(), _room: room })
    }
}

/// Reads a text as it comes.
pub(super) async fn text(body: Body) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    each_part(body, TEXT_BYTES_MAX, |data| {
        bytes.extend_from_slice(data);
        Ok(())
    })
    .await?;
    let refused = |_| Problem::new(ErrorKind::BadInput, "the body must be UTF-8");
    String::from_utf8(bytes).map_err(refused)
}

/// Hands on a body of at most `max` bytes, part by part.
async fn each_part(
    mut body: Body,
    max: usize,
    mut part: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let reading = async {
        let mut passed = 0;
        while let Some(frame) = body.frame().await {
            let broken = |error: axum::Error| Problem::new(ErrorKind::BadInput, error.to_string());
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            passed += data.len();
            if passed > max + DROPPED_BYTES_MAX {
                break;
            }
            if passed <= max {
                part(&data)?;
            }
        }
        if passed > max { Err(too_large(max)) } else { Ok(()) }
    };
    let late = |_| {
        let detail = format!("the body did not come within {} s", BODY_TIME_MAX.as_secs());
        Problem::with_status(StatusCode::REQUEST_TIMEOUT, detail)
    };
    tokio::time::timeout(BODY_TIME_MAX, reading).await.map_err(late)?
}

fn too_large(max: usize) -> Problem {
    let detail = format!("the body is at most {max} bytes here");
    Problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn no_room(full: Full, identity: &Identity) -> Problem {
    match full {
        Full::Subject => {
            let detail = format!("too many bytes of `{}` at once", identity.subject);
            Problem::too_many(detail, Duration::from_secs(1))
        }
        Full::Shop | Full::All => Problem::new(ErrorKind::Retry, "too many bytes at once"),
    }
}
