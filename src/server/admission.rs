//! Whether a request may be answered now: who asks, how fast, and how much of what is slow they have
//! running already. Whoever sends no token, or a wrong one, is refused where a token is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::auth::token_in;
use super::rates::Rates;
use super::shares::{Share, Shares, subject_of};
use super::{Problem, Service};
use crate::access::Identity;
use crate::app::Config;

/// When to ask again where as much runs as may.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What takes long enough that one subject must not have all of it.
struct Slow {
    what: &'static str,
    paths: &'static [&'static str],
    /// How many of one subject run at once: half of those of all, where there is such a bound.
    max: usize,
}

/// Each route that is slow.
const SLOW: &[Slow] = &[
    Slow { what: "searches", paths: &["/v1/search", "/search"], max: 2 },
    Slow {
        what: "questions",
        paths: &["/v1/sql", "/v1/reports/{name}", "/", "/questions/{name}"],
        max: 8,
    },
    Slow { what: "exports", paths: &["/v1/export/{table}"], max: 8 },
    Slow {
        what: "reads of records",
        paths: &["/v1/conversations/{conversation}", "/conversations/{id}"],
        max: 16,
    },
    Slow { what: "uploads", paths: &["/v1/attachments/{sha256}"], max: 16 },
];

/// What is counted of each subject.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) rates: Rates,
    /// As [`SLOW`].
    running: Arc<[Shares]>,
}

impl Admission {
    pub(super) fn of(config: &Config) -> Admission {
        let running = SLOW.iter().map(|_| Shares::default()).collect();
        Admission { rates: Rates::of(config), running }
    }

    fn share(&self, identity: &Identity, path: &str) -> Result<Option<Share>, Problem> {
        let slow = SLOW.iter().zip(self.running.iter());
        let mut slow = slow.filter(|(slow, _)| slow.paths.contains(&path));
        let Some((Slow { what, max, .. }, shares)) = slow.next() else { return Ok(None) };
        let share = shares.take(subject_of(identity), *max).ok_or_else(|| {
            let detail = format!("{max} {what} of `{}` run already", identity.subject);
            Problem::too_many(detail, TRY_AGAIN)
        })?;
        Ok(Some(share))
    }
}

/// Lets a request pass to its route, with who asks.
pub(super) async fn admit(
    State(service): State<Service>,
    path: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let checked = token_in(request.headers()).map(|token| service.tokens.check(token));
    let Some(Ok(identity)) = checked else { return next.run(request).await };
    let identity = Arc::new(identity);
    let admission = &service.admission;
    let path = path.as_ref().map_or("", |path| path.as_str());
    let share =
        match admission.rates.request(&identity).and_then(|()| admission.share(&identity, path)) {
            Ok(share) => share,
            Err(problem) => return problem.into_response(),
        };
    request.extensions_mut().insert(identity);
    let response = next.run(request).await;
    match share {
        Some(share) => until_sent(response, share),
        None => response,
    }
}

/// What is written as it is read runs until its last byte is taken.
fn until_sent(response: Response, share: Share) -> Response {
    let (mut parts, body) = response.into_parts();
    // A body that is mapped does not say its length.
    if let Some(bytes) = body.size_hint().exact() {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(bytes));
    }
    let body = body.map_frame(move |frame| {
        let _its = &share;
        frame
    });
    Response::from_parts(parts, Body::new(body))
}
