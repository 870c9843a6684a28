//! Whether a request may be answered now: who asks, how fast, and how much of what is slow they have
//! running already. Whoever sends no token, or a wrong one, is refused where a token is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::auth::token_in;
use super::bodies::Bodies;
use super::rates::Rates;
use super::refused;
use super::shares::{Full, Share, Shares, subject_of};
use super::{Problem, Service};
use crate::access::Identity;
use crate::app::Config;
use crate::model::ErrorKind;

/// When to ask again where as much runs as may.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What takes long enough that one subject must not have all of it.
struct Slow {
    what: &'static str,
    routes: &'static [(Method, &'static str)],
    /// How many of one subject run at once: half of those of all, where there is such a bound.
    max: usize,
    /// How many of all, where nothing else bounds them.
    max_of_all: usize,
}

/// Each route that is slow.
const SLOW: &[Slow] = &[
    Slow {
        what: "searches",
        routes: &[
            (Method::GET, "/v1/search"),
            (Method::GET, "/v1/conversations"),
            (Method::GET, "/search"),
            (Method::GET, "/orders/{id}"),
            (Method::GET, "/customers/{id}"),
            (Method::GET, "/agents/{id}"),
        ],
        max: 2,
        max_of_all: usize::MAX,
    },
    Slow {
        what: "bundles",
        routes: &[
            (Method::POST, "/v1/evidence"),
            (Method::POST, "/v1/evidence/pack"),
            (Method::POST, "/evidence"),
        ],
        max: 2,
        max_of_all: 8,
    },
    Slow {
        what: "questions",
        routes: &[
            (Method::POST, "/v1/sql"),
            (Method::GET, "/v1/reports/{name}"),
            (Method::GET, "/"),
            (Method::GET, "/questions/{name}"),
        ],
        max: 8,
        max_of_all: usize::MAX,
    },
    Slow { what: "exports", routes: &[EXPORT], max: 8, max_of_all: usize::MAX },
    Slow { what: "streams", routes: &[STREAM], max: 16, max_of_all: usize::MAX },
    Slow {
        what: "reads of records",
        routes: &[
            (Method::GET, "/v1/conversations/{conversation}"),
            (Method::GET, "/v1/access"),
            (Method::GET, "/conversations/{id}"),
        ],
        max: 16,
        max_of_all: usize::MAX,
    },
    Slow {
        what: "reads of attachments",
        routes: &[(
            Method::GET,
            "/v1/conversations/{conversation}/events/{id}/attachments/{sha256}",
        )],
        max: 16,
        max_of_all: FILES_AT_ONCE,
    },
    Slow {
        what: "uploads",
        routes: &[(Method::PUT, "/v1/attachments/{sha256}")],
        max: 16,
        max_of_all: FILES_AT_ONCE,
    },
    Slow {
        what: "requests of events",
        routes: &[(Method::POST, "/v1/events")],
        max: 64,
        max_of_all: usize::MAX,
    },
];
/// Each has a file open: descriptors that [`super::Connections`] does not count.
const FILES_AT_ONCE: usize = 192;
/// Answers that are written before their length is known.
const EXPORT: (Method, &str) = (Method::GET, "/v1/export/{table}");
const STREAM: (Method, &str) = (Method::GET, "/v1/events");
/// Of a customer: their devices.
const OF_CUSTOMER_MAX: usize = 8;

/// What is counted of each subject.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) rates: Rates,
    pub(super) bodies: Bodies,
    /// As [`SLOW`].
    running: Arc<[Shares]>,
}

impl Admission {
    pub(super) fn of(config: &Config) -> Admission {
        let running = SLOW.iter().map(|slow| Shares::within(slow.max_of_all)).collect();
        Admission { rates: Rates::of(config), running, bodies: Bodies::default() }
    }

    fn share(&self, identity: &Identity, route: &(Method, &str)) -> Result<Option<Share>, Problem> {
        let mut slow = SLOW.iter().zip(self.running.iter());
        let slow = slow.find(|(slow, _)| slow.routes.contains(route));
        let Some((Slow { what, max, max_of_all, .. }, shares)) = slow else { return Ok(None) };
        let max = if identity.is_customer() { OF_CUSTOMER_MAX.min(*max) } else { *max };
        let share = shares.take(subject_of(identity), max).map_err(|full| match full {
            Full::OfSubject => {
                let detail = format!("{max} {what} of `{}` run already", identity.subject);
                Problem::too_many(detail, TRY_AGAIN)
            }
            Full::OfAll => {
                Problem::new(ErrorKind::Retry, format!("{max_of_all} {what} run already"))
            }
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
    // What is asked for its head alone is computed all the same.
    let method = match request.method() {
        &Method::HEAD => Method::GET,
        method => method.clone(),
    };
    let route = (method, path.as_ref().map_or("", |path| path.as_str()));
    let token = token_in(request.headers());
    let identity = match token.map(|token| (token, service.tokens.check(token))) {
        Some((_, Ok(identity))) => Arc::new(identity),
        Some((token, Err(_))) => {
            if let Some(former) = service.tokens.former(token) {
                refused::record(&service, &former, &route, request.uri());
            }
            return next.run(request).await;
        }
        None => return next.run(request).await,
    };
    let admission = &service.admission;
    if request.version() < Version::HTTP_11 && [EXPORT, STREAM].contains(&route) {
        let detail = "ask by HTTP/1.1: in HTTP/1.0 an answer that broke off looks like a whole one";
        return Problem::with_status(StatusCode::HTTP_VERSION_NOT_SUPPORTED, detail)
            .into_response();
    }
    let share = match admission
        .rates
        .request(&identity)
        .and_then(|()| admission.share(&identity, &route))
    {
        Ok(share) => share,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(identity.clone());
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        refused::record(&service, &identity, &route, &uri);
    }
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
