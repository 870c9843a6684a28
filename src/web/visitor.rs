//! Who looks at a page, from the cookie (or a bearer token), and whether they may.
//!
//! It checks no token itself: that is the relay's.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::Web;
use super::pages::{Frame, Notice};
use crate::relay::{Identity, Token, TokenRole};

/// Somebody with a valid token. Everybody else is sent to the sign-in page, and from there back to where they were.
pub(super) struct Visitor(pub Arc<Identity>);

impl FromRequestParts<Web> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Visitor, Response> {
        match Token::from_request_parts(parts, web).await {
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
            let next = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
            format!("/login?{next}")
        }
    }
}

/// A part of the pages with its own rule of who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// Metrics.
    Dashboard,
    /// What people said.
    Conversations,
}

impl Area {
    fn roles(self) -> &'static [TokenRole] {
        match self {
            Area::Dashboard => &[TokenRole::Analyst],
            Area::Conversations => &[TokenRole::Dispute, TokenRole::Analyst],
        }
    }

    /// Whether `identity` may see this area.
    pub(super) fn admits(self, identity: &Identity) -> bool {
        self.roles().iter().any(|role| identity.has(*role))
    }
}

/// Lets `identity` into `area`, or says with a 403 what is missing and where they may go instead.
pub(super) fn admit(identity: &Identity, area: Area) -> Result<(), Box<Response>> {
    if area.admits(identity) {
        return Ok(());
    }
    let (what, needed) = match area {
        Area::Dashboard => ("the dashboard", "analyst"),
        Area::Conversations => ("what people said", "dispute or analyst"),
    };
    let own: Vec<String> = identity.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    let notice = Notice {
        frame: Frame::of(identity, ""),
        title: "Not with this token".to_string(),
        detail: format!("To see {what}, a token needs the role {needed}. Yours has: {}.", own.join(", ")),
        hint: match Area::Conversations.admits(identity) {
            true => "You can search and read conversations.".to_string(),
            false => "Ask whoever runs verbatim for a token with that role, then sign in again.".to_string(),
        },
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
        assert_eq!(login_address("/search?words=a&b=c"), "/login?next=%2Fsearch%3Fwords%3Da%26b%3Dc");
    }
}
