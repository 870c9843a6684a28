//! Signing in with a token, by the form or by a link, and out again.
//!
//! Invariants: a token is checked before it becomes a cookie; the cookie is for this site only and
//! out of scripts' reach; after signing in a visitor lands on a page of this site.
//! It makes no tokens: `verbatim token` does.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{PageLayout, page};
use crate::access::{Identity, Tokens};
use crate::server::{CASE_HEADER, REASON_HEADER, Service, TOKEN_COOKIE};
use crate::web::area::Area;
use crate::web::form::Typed;

/// Longest token looked at: a browser keeps cookies of 4 KiB.
const TOKEN_BYTES_MAX: usize = 3_800;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: PageLayout,
    next: String,
    /// Why the last attempt failed; empty at first.
    problem: String,
}

#[derive(Default, Deserialize)]
pub(in crate::web) struct LoginForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// Asks for a token. One in the address signs in at once: such a link is what `verbatim demo` prints.
pub(in crate::web) async fn show(
    State(service): State<Service>,
    headers: HeaderMap,
    Typed(form): Typed<LoginForm>,
) -> Response {
    if !form.token.is_empty() {
        return sign_in(&service.tokens, &headers, &form.token, form.next);
    }
    page(&LoginPage { layout: PageLayout::default(), next: form.next, problem: String::new() })
}

pub(in crate::web) async fn submit(
    State(service): State<Service>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    sign_in(&service.tokens, &headers, &form.token, form.next)
}

/// Forgets the cookies.
pub(in crate::web) async fn leave() -> Response {
    let mut response = Redirect::to("/login").into_response();
    for name in [TOKEN_COOKIE, CASE_HEADER, REASON_HEADER] {
        let gone = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
        if let Ok(gone) = HeaderValue::from_str(&gone) {
            response.headers_mut().append(header::SET_COOKIE, gone);
        }
    }
    response
}

/// Turns a valid token into a cookie and goes on to `next`; asks again when the token is not valid.
fn sign_in(tokens: &Tokens, headers: &HeaderMap, token: &str, next: String) -> Response {
    let token = token.trim();
    let problem = match token.len() {
        0 => "Paste a token first.".to_string(),
        1..=TOKEN_BYTES_MAX => match tokens.check(token) {
            Ok(identity) => return signed_in(&identity, headers, token, &next),
            Err(_) => {
                "This token is not valid here: it may have expired, be incomplete, or be another server's.".into()
            }
        },
        _ => "This is too long to be a token.".to_string(),
    };
    (StatusCode::UNAUTHORIZED, page(&LoginPage { layout: PageLayout::default(), next, problem }))
        .into_response()
}

fn signed_in(identity: &Identity, headers: &HeaderMap, token: &str, next: &str) -> Response {
    let encrypted = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if encrypted { "; Secure" } else { "" };
    let cookie = format!("{TOKEN_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let mut response = Redirect::to(landing(identity, next)).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Where to go after signing in: `next` when it is a page of this site, else the first page the
/// token may see.
pub(super) fn landing<'a>(identity: &Identity, next: &'a str) -> &'a str {
    let mut rest = next.chars();
    let own = rest.next() == Some('/') && !matches!(rest.next(), Some('/' | '\\'));
    let plain = next.chars().all(|char| char.is_ascii_graphic());
    let leads_on = next.len() > 1 && !next.starts_with("/login") && !next.starts_with("/logout");
    if own && plain && leads_on {
        next
    } else if !Area::Dashboard.admits(identity) && Area::Conversations.admits(identity) {
        "/search"
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::access::TokenRole;

    fn identity(role: TokenRole) -> Identity {
        Identity { subject: "u".to_string(), shop: "s".to_string(), roles: vec![role] }
    }

    fn location(response: &Response) -> &str {
        response.headers()[header::LOCATION].to_str().unwrap()
    }

    #[test]
    fn a_valid_token_becomes_a_guarded_cookie_and_the_address_is_clean() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open_or_create(dir.path()).unwrap();
        let token = tokens.issue(&identity(TokenRole::Dispute), Duration::from_secs(60)).unwrap();
        let mut headers = HeaderMap::new();
        let response = sign_in(&tokens, &headers, &format!(" {token}\n"), String::new());
        assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/search"));
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert_eq!(cookie, format!("{TOKEN_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let response = sign_in(&tokens, &headers, &token, "/conversations/c-1?at=7".to_string());
        assert_eq!(location(&response), "/conversations/c-1?at=7");
        assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
    }

    #[test]
    fn a_bad_token_sets_no_cookie() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open_or_create(dir.path()).unwrap();
        for bad in ["", "  ", "a.b.c", "x; Path=/", &"y".repeat(5_000)] {
            let response = sign_in(&tokens, &HeaderMap::new(), bad, "\"><script>".to_string());
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{bad}");
            assert!(!response.headers().contains_key(header::SET_COOKIE));
        }
    }

    #[test]
    fn signing_in_never_leads_to_another_site() {
        let analyst = identity(TokenRole::Analyst);
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "/login",
            "/a\r\nb",
            "",
        ] {
            assert_eq!(landing(&analyst, elsewhere), "/", "{elsewhere}");
        }
        assert_eq!(landing(&analyst, "/search?words=%E9%80%80"), "/search?words=%E9%80%80");
        assert_eq!(landing(&identity(TokenRole::Human), ""), "/");
    }

    #[tokio::test]
    async fn leaving_forgets_the_cookie() {
        let response = leave().await;
        assert_eq!(location(&response), "/login");
        assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    }
}
