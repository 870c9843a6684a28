//! Who is asking, read from a request: a bearer token, or the pages' cookie. `access` decides what
//! the token is worth.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::{Problem, Service};
use crate::access::{AccessError, Identity, Tokens};
use crate::model::ErrorKind;

/// The cookie that carries a token for pages in a browser.
pub const TOKEN_COOKIE: &str = "verbatim_token";

/// How often it is asked whether the token of a long answer still counts.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(10);

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

/// The token of whoever is answered for long, to be asked about again: it may expire or be revoked meanwhile.
#[derive(Clone)]
pub(super) struct TokenWatch {
    tokens: Arc<Tokens>,
    token: Arc<str>,
}

impl TokenWatch {
    pub(super) fn of(service: &Service, token: &str) -> TokenWatch {
        TokenWatch { tokens: service.tokens.clone(), token: token.into() }
    }

    /// Who it stands for, while it counts.
    pub(super) fn check(&self) -> Result<Identity, AccessError> {
        self.tokens.check(&self.token)
    }

    /// Who it stood for that counts no longer.
    pub(super) fn former(&self) -> Option<Identity> {
        self.tokens.former(&self.token)
    }

    /// Waits until it counts no longer.
    pub(super) async fn ended(&self) -> AccessError {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            if let Err(error) = self.check() {
                return error;
            }
        }
    }
}

impl FromRequestParts<Service> for TokenWatch {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Service,
    ) -> Result<TokenWatch, Infallible> {
        Ok(TokenWatch::of(service, token_in(&parts.headers).unwrap_or_default()))
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
