//! One file per page: a view model, pure functions that make it, a template, a handler.

pub(super) mod case;
pub(super) mod dashboard;
pub(super) mod evidence;
pub(super) mod explain;
pub(super) mod login;
pub(super) mod picture;
pub(super) mod question;
pub(super) mod search;
mod search_form;
pub(super) mod transcript;
pub(super) mod conversations;
mod asked;
mod bar;
mod behind;
mod chronology;
mod header;
mod hits;
mod panel;
mod places;
mod print;
mod table;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::area::Area;
use super::assets;
use super::shown::Shown;
use crate::access::Identity;
use crate::model::{ErrorKind, Kinded, Purpose};
use crate::server::status_of;
use crate::sql::SqlError;

/// What stands around every page.
#[derive(Clone, Debug, Default)]
pub(super) struct PageLayout {
    /// Which entry of the menu is this page.
    pub active: &'static str,
    pub shop: Shown,
    pub subject: Shown,
    pub sees_dashboard: bool,
    pub sees_conversations: bool,
    pub sees_evidence: bool,
    /// The case that is worked on; empty where there is none.
    pub case: Shown,
}

impl PageLayout {
    /// The layout for `identity`, with the menu's entry `active` marked.
    pub(super) fn of(identity: &Identity, active: &'static str) -> PageLayout {
        PageLayout {
            active,
            shop: Shown::plain(&identity.shop),
            subject: Shown::plain(&identity.subject),
            sees_dashboard: Area::Dashboard.admits(identity),
            sees_conversations: Area::Conversations.admits(identity),
            sees_evidence: Area::Evidence.admits(identity),
            case: Shown::default(),
        }
    }

    /// The layout of a page that is read for this.
    pub(super) fn on(self, purpose: &Purpose) -> PageLayout {
        let case = purpose.case.as_deref().unwrap_or_default();
        PageLayout { case: Shown::plain(case), ..self }
    }

    /// Whether anybody is signed in.
    fn is_known(&self) -> bool {
        !self.subject.is_empty()
    }

    fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// A page that only says something: what went wrong and what to do.
#[derive(Template)]
#[template(path = "notice.html")]
pub(super) struct Notice {
    pub layout: PageLayout,
    pub title: String,
    pub detail: String,
    pub hint: String,
}

impl Notice {
    pub(super) fn into_response(self, status: StatusCode) -> Response {
        (status, page(&self)).into_response()
    }

    /// The page for a failure. The error's own words may name paths or plans, so they go to the
    /// log, never here.
    pub(super) fn failure(identity: &Identity, kind: ErrorKind) -> Response {
        let notice = Notice {
            layout: PageLayout::of(identity, ""),
            title: "This page could not be made".to_string(),
            detail: failure_text(kind).to_string(),
            hint: "The server's log says why.".to_string(),
        };
        notice.into_response(status_of(kind))
    }
}

/// What an error's kind means to a reader.
pub(super) fn failure_text(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Retry => {
            "The server is busy, or a store stands still. Try again in a moment; verbatim status says more."
        }
        ErrorKind::Closed => "The server is stopping. Try again in a moment.",
        ErrorKind::BadInput => "The question could not be understood.",
        ErrorKind::NotFound => "There is nothing here.",
        ErrorKind::Unauthenticated | ErrorKind::Denied => "This token may not see this.",
        ErrorKind::Gone => "It was erased.",
        ErrorKind::Conflict | ErrorKind::Corrupt | ErrorKind::Bug => {
            "Something is wrong on the server."
        }
    }
}

/// Why a question has no answer, in words for people: what is wrong with what was asked, as whoever asks by API reads
/// it, or what its kind means.
pub(super) fn failure_words(error: &SqlError) -> String {
    match error.kind() {
        // The first line says what is wrong; the engine goes on with what it would have taken.
        ErrorKind::BadInput => error.to_string().lines().next().unwrap_or_default().to_string(),
        kind => failure_text(kind).to_string(),
    }
}

/// Rows of a transcript on one page.
const ROWS_PER_PAGE: usize = 1_000;

/// The page asked for by its number in an address, from 1, and how many there are of so many rows.
fn page_of(asked: &str, rows: usize, rows_per_page: usize) -> (usize, usize) {
    let pages = rows.div_ceil(rows_per_page).max(1);
    (asked.parse().unwrap_or(1).clamp(1, pages), pages)
}

/// What of the rows is on a page.
fn rows_on<T>(page: usize, rows: &[T]) -> &[T] {
    rows.chunks(ROWS_PER_PAGE).nth(page - 1).unwrap_or_default()
}

/// Renders a page.
pub(super) fn page(template: &impl Template) -> Response {
    answered(template.render())
}

/// A page that was rendered elsewhere.
fn answered(rendered: Result<String, askama::Error>) -> Response {
    match rendered {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This page could not be made. The server's log says why.",
            )
                .into_response()
        }
    }
}

/// The page for addresses that lead nowhere.
pub(in crate::web) async fn not_found() -> Response {
    let notice = Notice {
        layout: PageLayout::default(),
        title: "No such page".to_string(),
        detail: "Nothing lives at this address.".to_string(),
        hint: String::new(),
    };
    notice.into_response(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::TokenRole;

    #[test]
    fn a_failure_says_what_to_do_with_the_kinds_status_and_nothing_of_the_inside() {
        let identity =
            Identity { subject: "<b>u".into(), shop: "s".into(), roles: vec![TokenRole::Analyst] };
        for (kind, status) in
            [(ErrorKind::Retry, 503), (ErrorKind::Corrupt, 500), (ErrorKind::NotFound, 404)]
        {
            assert_eq!(Notice::failure(&identity, kind).status().as_u16(), status);
        }
        let notice = Notice {
            layout: PageLayout::of(&identity, ""),
            title: "t".into(),
            detail: "<i>".into(),
            hint: "".into(),
        };
        let html = notice.render().unwrap();
        assert!(
            html.contains("&#60;b&#62;u") && html.contains("&#60;i&#62;") && !html.contains("<i>"),
            "{html}"
        );
    }

    #[tokio::test]
    async fn unknown_addresses_have_a_page() {
        assert_eq!(not_found().await.status(), StatusCode::NOT_FOUND);
    }
}
