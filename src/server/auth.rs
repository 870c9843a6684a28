//! Who is asking, read from a request: a bearer token, or the pages' cookie. `access` decides what
//! the token is worth.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::{Problem, Service};
use crate::access::{AccessError, Identity};
use crate::model::ErrorKind;

/// The cookie that carries a token for pages in a browser.
pub const TOKEN_COOKIE: &str = "verbatim_token";

/// The identity of a request with a valid token, which was admitted; a request without one is refused.
pub struct Token(pub Arc<Identity>);

impl FromRequestParts<Service> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Token, Problem> {
        if let Some(identity) = parts.extensions.get::<Arc<Identity>>() {
            return Ok(Token(identity.clone()));
        }
        let missing = || AccessError::Unauthenticated {
            reason: "send `Authorization: Bearer TOKEN`".to_string(),
        };
        let token = token_in(&parts.headers).ok_or_else(missing)?;
        service.tokens.check(token)?;
        // A good token that was not admitted: nothing says what this route would ask of it.
        Err(Problem::new(ErrorKind::Bug, "this route is not in the list of routes"))
    }
}

/// The token a request carries: in `Authorization: Bearer`, or else in the pages' cookie.
pub(super) fn token_in(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| cookie(headers, TOKEN_COOKIE))
}

/// The value of one cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A page of another site must not use a visitor's cookie: when a browser names its page's origin,
/// it is ours.
pub(super) fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else {
        return Ok(());
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    let origin_host = origin.split_once("://").map_or(origin, |(_, host)| host);
    if origin_host == host {
        return Ok(());
    }
    let detail = format!("a page of `{origin}` may not connect here");
    Err(Problem::new(ErrorKind::Denied, detail))
}
