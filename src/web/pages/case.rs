//! For which case a visitor reads, and why: kept in cookies of the session, and recorded with what they
//! look at from then on.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::login::landing;
use super::{PageLayout, page};
use crate::access::Identity;
use crate::model::Purpose;
use crate::server::{CASE_HEADER, For, REASON_HEADER, Service};
use crate::web::form::Typed;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    layout: PageLayout,
    case: String,
    reason: String,
    /// Where to go afterwards.
    next: String,
    /// Why the last attempt failed; empty at first.
    problem: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct CaseForm {
    case: String,
    reason: String,
    next: String,
}

pub(in crate::web) async fn show(
    State(_): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Typed(form): Typed<CaseForm>,
) -> Response {
    let layout = PageLayout::of(&identity, "case").on(&purpose);
    let Purpose { case, reason } = purpose;
    let (case, reason) = (case.unwrap_or_default(), reason.unwrap_or_default());
    page(&CasePage { layout, case, reason, next: form.next, problem: String::new() })
}

pub(in crate::web) async fn submit(
    Visitor(identity): Visitor,
    headers: HeaderMap,
    Form(form): Form<CaseForm>,
) -> Response {
    match Purpose::new(Some(form.case.clone()), Some(form.reason.clone())) {
        Ok(purpose) => kept(&identity, &headers, &purpose, &form.next),
        Err(error) => {
            let CaseForm { case, reason, next } = form;
            let layout = PageLayout::of(&identity, "case");
            let view = CasePage { layout, case, reason, next, problem: error.to_string() };
            (StatusCode::BAD_REQUEST, page(&view)).into_response()
        }
    }
}

/// Keeps the purpose for the session, and goes on.
fn kept(identity: &Identity, headers: &HeaderMap, purpose: &Purpose, next: &str) -> Response {
    let next = if next.len() > 1 { next } else { "/search" };
    let mut response = Redirect::to(landing(identity, next)).into_response();
    let encrypted = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if encrypted { "; Secure" } else { "" };
    for (name, said) in [(CASE_HEADER, &purpose.case), (REASON_HEADER, &purpose.reason)] {
        let (value, life) = match said {
            Some(said) => (utf8_percent_encode(said, NON_ALPHANUMERIC).to_string(), ""),
            None => (String::new(), "; Max-Age=0"),
        };
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{life}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::TokenRole;

    #[test]
    fn a_case_is_kept_for_the_session_and_taken_back() {
        let identity = Identity {
            subject: "anna".to_string(),
            shop: "s".to_string(),
            roles: vec![TokenRole::Dispute],
        };
        let cookies = |purpose: &Purpose, next: &str| {
            let response = kept(&identity, &HeaderMap::new(), purpose, next);
            let to = response.headers()[header::LOCATION].to_str().unwrap().to_string();
            let cookies = response.headers().get_all(header::SET_COOKIE).iter();
            let cookies: Vec<String> =
                cookies.map(|cookie| cookie.to_str().unwrap().to_string()).collect();
            (to, cookies)
        };
        let purpose = Purpose::new(Some("D 17; x".to_string()), None).unwrap();
        let (to, set) = cookies(&purpose, "/conversations/c-1");
        assert_eq!(to, "/conversations/c-1");
        assert_eq!(
            set,
            [
                "verbatim-case=D%2017%3B%20x; Path=/; HttpOnly; SameSite=Strict",
                "verbatim-reason=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
            ]
        );
        assert_eq!(cookies(&Purpose::default(), "//evil.example").0, "/search");
    }
}
