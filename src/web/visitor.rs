//! Who looks at a page, from the cookie (or a bearer token), and what they are told where they may not.
//!
//! It checks no token and asks no right itself: that is the server's.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::area::Area;
use super::pages::{Notice, PageLayout};
use crate::access::{Action, Identity, TokenRole};
use crate::server::{Lacks, Service, Token};

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

/// The page for whoever lacks the right that an address asks first: nothing else of the request is read.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    match request.extensions().get::<Lacks>() {
        Some(Lacks { identity, action }) => refusal(identity, *action),
        None => next.run(request).await,
    }
}

/// Says with a 403 what `identity` lacks, and where they may go instead.
pub(super) fn refusal(identity: &Identity, action: Action) -> Response {
    let what = match action {
        Action::ReadReports => "the dashboard",
        Action::ExportEvidence => "evidence",
        Action::ReadTrail => "who looked at what",
        Action::ReadRules => "the shop's rules",
        _ => "what people said",
    };
    let list = |roles: &[TokenRole], between: &str| {
        roles
            .iter()
            .map(|role| format!("{role:?}").to_lowercase())
            .collect::<Vec<_>>()
            .join(between)
    };
    let needed: &[TokenRole] =
        if action.roles().is_empty() { &[TokenRole::Admin] } else { action.roles() };
    let (needed, own) = (list(needed, " or "), list(&identity.roles, ", "));
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
    notice.into_response(StatusCode::FORBIDDEN)
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
            assert_eq!(Area::Dashboard.admits(&identity), dashboard, "{role:?}");
            assert_eq!(Area::Conversations.admits(&identity), conversations, "{role:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_says_what_is_lacking() {
        for (action, said) in [
            (Action::ReadReports, "To see the dashboard, a token needs the role analyst."),
            (Action::ReadConversations, "needs the role dispute or analyst. Yours has: human."),
            (Action::ReadTrail, "To see who looked at what, a token needs the role admin."),
        ] {
            let response = refusal(&identity(TokenRole::Human), action);
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
            let page = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let page = String::from_utf8_lossy(&page);
            assert!(page.contains(said), "{page}");
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
