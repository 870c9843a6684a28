//! A transcript on paper: for the other side without anything of the shop's own, or, on request and stamped so, with all
//! of it.

use axum::http::StatusCode;
use axum::response::Response;

use super::places::{OnPaper, looking_at};
use super::{Notice, PageLayout};
use crate::access::{Action, Identity};
use crate::model::{Access, AccessAction, Audience, Micros, Offset, Record};
use crate::server::Service;
use crate::transcript::{About, Document, Style};
use crate::web::assets;

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Print {
    /// What the customer could see.
    OtherSide,
    /// All of it, stamped on every page.
    Internal,
}

/// What the transcript is of, and as of when.
pub(super) struct Of<'a> {
    pub order: Option<&'a str>,
    pub is_cut: bool,
    pub made_at: Micros,
    pub complete_to: Offset,
}

impl Print {
    /// As the address says; nothing else is printed for the other side by accident.
    pub(super) fn asked(print: &str, identity: &Identity) -> Result<Option<Print>, Box<Response>> {
        let print = match print {
            "" => return Ok(None),
            "internal" => Print::Internal,
            _ => Print::OtherSide,
        };
        if print.is_for(identity) {
            return Ok(Some(print));
        }
        let notice = Notice {
            layout: PageLayout::of(identity, ""),
            title: "Not with this token".to_string(),
            detail: "This token may not read private notes.".to_string(),
            hint: String::new(),
        };
        Err(Box::new(notice.into_response(StatusCode::FORBIDDEN)))
    }

    /// Whether `identity` may have it.
    pub(super) fn is_for(self, identity: &Identity) -> bool {
        self == Print::OtherSide || identity.may(Action::ReadPrivate)
    }

    /// What is recorded of the access that it is.
    pub(super) fn recorded(print: Option<Print>, access: Access) -> Access {
        let audience = match print {
            None => return access,
            Some(Print::OtherSide) => "for the other side",
            Some(Print::Internal) => "internal",
        };
        Access { action: AccessAction::Print, query: Some(audience.to_string()), ..access }
    }

    /// The page. `back` leads to where it was asked for. Blocks.
    pub(super) fn page(
        self,
        identity: &Identity,
        service: &Service,
        of: Of<'_>,
        conversations: &[(String, Vec<Record>)],
        back: &str,
    ) -> Result<String, askama::Error> {
        let about = About {
            shop: identity.shop.clone(),
            order: of.order.map(str::to_string),
            audience: self.audience(),
            zone: service.zone,
            made_at: of.made_at,
            made_by: identity.subject.clone(),
            complete_to: (self == Print::Internal).then_some(of.complete_to),
            is_cut: of.is_cut,
        };
        let look_at = looking_at(&service.attachments);
        let document = Document::new(about, conversations, &OnPaper { look_at: &look_at });
        let sheet = assets::address("document.css");
        let mut links = vec![(back.to_string(), "Back".to_string())];
        if self == Print::OtherSide && Print::Internal.is_for(identity) {
            links.push((format!("{back}?print=internal"), "With private notes (internal)".into()));
        }
        if self == Print::Internal {
            links.push((format!("{back}?print=1"), "For the other side".to_string()));
        }
        document.html(Style::At(&sheet), &links)
    }

    fn audience(self) -> Audience {
        match self {
            Print::OtherSide => Audience::OtherSide,
            Print::Internal => Audience::Shop,
        }
    }
}
