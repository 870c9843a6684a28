//! Who looks at a page, from the cookie (or a bearer token), and whether they may.
//!
//! It checks no token itself: that is the server's.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::area::Area;
use super::pages::{Notice, PageLayout};
use crate::access::{Identity, TokenRole};
use crate::server::{Service, Token};

/// Somebody with a valid token. Everybody else is sent to the sign-in page, and from there back to
/// where they were.
pub(super) struct Visitor(pub Arc<Identity>);

impl FromRequestParts<Service> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Visitor, Response> {
        match Token::from_request_parts(parts, service).await {
            Ok(Token(identity)) => Ok(Visitor(identity)),
            Err(_) => {
                let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
                Err(Redirect::to(&login_address(wanted)).into_response())
            }
        }
    }
}

/// The sign-in page's address, remembering which page was `wanted`.
fn login_address(wanted: &str) -> String {
    match wanted {
        "/" => "/login".to_string(),
        _ => {
            let next = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("next", wanted)
                .finish();
            format!("/login?{next}")
        }
    }
}

/// Lets `identity` into `area`, or says with a 403 what is missing and where they may go instead.
pub(super) fn admit(identity: &Identity, area: Area) -> Result<(), Box<Response>> {
    if area.admits(identity) {
        return Ok(());
    }
    let what = match area {
        Area::Dashboard => "the dashboard",
        Area::Conversations => "what people said",
        Area::Evidence => "evidence",
    };
    let list = |roles: &[TokenRole], between: &str| {
        roles
            .iter()
            .map(|role| format!("{role:?}").to_lowercase())
            .collect::<Vec<_>>()
            .join(between)
    };
    let (needed, own) = (list(area.action().roles(), " or "), list(&identity.roles, ", "));
    let hint = if Area::Conversations.admits(identity) {
        "You can search and read conversations."
    } else {
        "Ask whoever runs verbatim for a token with that role, then sign in again."
    };
    let notice = Notice {
        layout: PageLayout::of(identity, ""),
        title: "Not with this token".to_string(),
        detail: format!("To see {what}, a token needs the role {needed}. Yours has: {own}."),
        hint: hint.to_string(),
    };
    Err(Box::new(notice.into_response(StatusCode::FORBIDDEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: TokenRole) -> Identity {
        Identity { subject: "u".to_string(), shop: "s".to_string(), roles: vec![role] }
    }

    #[test]
    fn each_role_sees_its_own_areas() {
        use TokenRole::{Admin, Analyst, Bot, Customer, Dispute, Human, Importer};
        let cases = [
            (Admin, true, true),
            (Analyst, true, true),
            (Dispute, false, true),
            (Human, false, false),
            (Customer, false, false),
            (Bot, false, false),
            (Importer, false, false),
        ];
        for (role, dashboard, conversations) in cases {
            let identity = identity(role);
            assert_eq!(admit(&identity, Area::Dashboard).is_ok(), dashboard, "{role:?}");
            let admitted = admit(&identity, Area::Conversations);
            assert_eq!(admitted.is_ok(), conversations, "{role:?}");
            if let Err(response) = admitted {
                assert_eq!(response.status(), StatusCode::FORBIDDEN);
            }
        }
    }

    #[test]
    fn the_wanted_page_is_remembered() {
        assert_eq!(login_address("/"), "/login");
        assert_eq!(
            login_address("/search?words=a&b=c"),
            "/login?next=%2Fsearch%3Fwords%3Da%26b%3Dc"
        );
    }
}
