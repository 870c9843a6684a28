//! Whether a request may be answered now: who asks, whether they have the right that its route asks
//! first, how fast they ask, and how much of what is slow they have running already. Whoever sends no
//! token, or a wrong one, is refused where a token is asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::auth::token_in;
use super::bodies::Bodies;
use super::connections::Connection;
use super::rates::Rates;
use super::refused;
use super::routes::{Route, Slow};
use super::shares::{Full, Share, Shares, subject_of};
use super::{Problem, Service};
use crate::access::{Action, Identity};
use crate::app::Config;
use crate::model::ErrorKind;

/// When to ask again where as much runs as may.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How much of a slow class runs at once.
struct Bound {
    slow: Slow,
    /// How many of one subject run at once.
    max: usize,
    /// How many of all, where nothing else bounds them; those of one shop take half of it.
    max_of_all: usize,
}

const fn bound(slow: Slow, max: usize, max_of_all: usize) -> Bound {
    Bound { slow, max, max_of_all }
}

/// Each slow class.
const BOUNDS: &[Bound] = &[
    bound(Slow::Searches, 2, usize::MAX),
    bound(Slow::Bundles, 2, 8),
    bound(Slow::Questions, 8, usize::MAX),
    bound(Slow::Exports, 8, usize::MAX),
    bound(Slow::Streams, 16, usize::MAX),
    bound(Slow::Records, 16, usize::MAX),
    bound(Slow::Attachments, 16, FILES_AT_ONCE),
    bound(Slow::Uploads, 16, FILES_AT_ONCE),
    bound(Slow::Events, 64, usize::MAX),
    // Each has what all shops hold in memory.
    bound(Slow::Keeping, 4, 8),
];
/// Each has a file open: descriptors that [`super::Connections`] does not count.
const FILES_AT_ONCE: usize = 192;
/// Of a customer: their devices.
const OF_CUSTOMER_MAX: usize = 8;

/// What is counted of each subject.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) rates: Rates,
    pub(super) bodies: Bodies,
    /// As [`BOUNDS`].
    running: Arc<[Shares]>,
}

impl Admission {
    pub(super) fn of(config: &Config) -> Admission {
        let running =
            BOUNDS.iter().map(|bound| Shares::shared_by_shops(bound.max_of_all)).collect();
        Admission { rates: Rates::of(config), running, bodies: Bodies::default() }
    }

    fn share(&self, identity: &Identity, slow: Option<Slow>) -> Result<Option<Share>, Problem> {
        slow.and_then(|slow| self.share_of(identity, slow).transpose()).transpose()
    }

    /// A part of what runs at once of a slow class; none where there is no bound.
    pub(super) fn share_of(
        &self,
        identity: &Identity,
        slow: Slow,
    ) -> Result<Option<Share>, Problem> {
        let mut bounds = BOUNDS.iter().zip(self.running.iter());
        let bound = bounds.find(|(bound, _)| bound.slow == slow);
        let Some((Bound { slow, max, max_of_all }, shares)) = bound else { return Ok(None) };
        let what = slow.as_str();
        let max = if identity.is_customer() { OF_CUSTOMER_MAX.min(*max) } else { *max };
        let share = shares.take(subject_of(identity), max).map_err(|full| match full {
            Full::Subject => {
                let detail = format!("{max} {what} of `{}` run already", identity.subject);
                Problem::too_many(detail, TRY_AGAIN)
            }
            Full::Shop => {
                let of_shop = shares.max_of_shop();
                let detail = format!("{of_shop} {what} of `{}` run already", identity.shop);
                Problem::new(ErrorKind::Retry, detail)
            }
            Full::All => Problem::new(ErrorKind::Retry, format!("{max_of_all} {what} run already")),
        })?;
        Ok(Some(share))
    }
}

/// Goes with a request whose token lacks the right that its route asks first: it is answered by a
/// refusal, before anything else of it is read.
#[derive(Clone)]
pub struct Lacks {
    pub identity: Arc<Identity>,
    pub action: Action,
}

/// Lets a request pass to its route, with who asks.
pub(super) async fn admit(
    State(service): State<Service>,
    path: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = path.and_then(|path| Route::of(request.method(), path.as_str()));
    let token = token_in(request.headers());
    let identity = match token.map(|token| (token, service.tokens.check(token))) {
        Some((_, Ok(identity))) => Arc::new(identity),
        Some((token, Err(_))) => {
            if let (Some(route), Some(former)) = (route, service.tokens.former(token)) {
                refused::record(&service, &former, route, request.uri());
            }
            return next.run(request).await;
        }
        None => return next.run(request).await,
    };
    let admission = &service.admission;
    let slow = route.and_then(|route| route.slow);
    let right = route.and_then(|route| route.right(service.ledger_is_public));
    let lacked = right.filter(|action| !identity.may(*action));
    // To be refused takes no time.
    let slow = slow.filter(|_| lacked.is_none());
    let share =
        match admission.rates.request(&identity).and_then(|()| admission.share(&identity, slow)) {
            Ok(share) => share,
            Err(problem) => return problem.into_response(),
        };
    let extensions = request.extensions_mut();
    if let Some(connection) = extensions.get::<Arc<Connection>>() {
        connection.becomes_known(&identity);
    }
    if let Some(action) = lacked {
        extensions.insert(Lacks { identity: identity.clone(), action });
    }
    // What has no line in the table is not answered by what a token is asked for.
    if route.is_some() {
        extensions.insert(identity.clone());
    }
    let (uri, version) = (request.uri().clone(), request.version());
    if version < Version::HTTP_11 {
        // What is compressed no longer says its length.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let response = next.run(request).await;
    if version < Version::HTTP_11 && !says_its_length(&response) {
        let detail = "ask by HTTP/1.1: in HTTP/1.0 an answer that broke off looks like a whole one";
        return Problem::with_status(StatusCode::HTTP_VERSION_NOT_SUPPORTED, detail)
            .into_response();
    }
    if let Some(route) = route.filter(|_| response.status() == StatusCode::FORBIDDEN) {
        refused::record(&service, &identity, route, &uri);
    }
    match share {
        Some(share) => until_sent(response, share),
        None => response,
    }
}

/// The API's answer where the token lacks the route's right. Pages have their own.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let lacks = request.extensions().get::<Lacks>();
    match lacks.map(|Lacks { identity, action }| identity.require(*action)) {
        Some(Err(error)) => Problem::from(error).into_response(),
        _ => next.run(request).await,
    }
}

fn says_its_length(response: &Response) -> bool {
    response.body().size_hint().exact().is_some()
        || response.headers().contains_key(header::CONTENT_LENGTH)
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
