//! The conversations of an order, a customer or an agent: one card each, or all they hold as one chronology, or to be
//! printed one after the other.
//!
//! Invariants: every conversation in which some record names the order or the person is counted, as of the offset that
//! is said; of another shop's nothing is told, not even that there is one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use serde::Deserialize;

use super::chronology::Chronology;
use super::header::Header;
use super::places::looking_at;
use super::print::{self, Print};
use super::transcript::{SHOWN, failed};
use super::{Notice, PageLayout, answered, page_of};
use crate::access::Identity;
use crate::log::bytes_of;
use crate::model::{
    Access, AccessAction, Audience, Kinded, Micros, Offset, Purpose, Record, Seen, Seq, Via,
};
use crate::records::{Page, PageSize, RecordsError};
use crate::search::{Conversations, Whose};
use crate::server::{For, Service};
use crate::transcript::labels;
use crate::transcript::{FileState, Row, Summary, with_offset};
use crate::web::form::Typed;
use crate::web::links::{self, Link, evidence_of};
use crate::web::shown::Shown;
use crate::web::visitor::Visitor;

/// Conversations on one page.
const PER_PAGE: usize = 20;
/// What of each is read for its card: they are read one after the other, so that this is in memory once.
const CARD: PageSize = PageSize { count_max: 2_000, bytes_max: 4 << 20 };
/// Conversations in one chronology or print: × at most [`SHOWN`] records of all of them together.
const TOGETHER_MAX: usize = 100;

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage {
    layout: PageLayout,
    /// `Order`, `Customer`, `Agent`.
    what: &'static str,
    id: Shown,
    address: String,
    /// The form for a bundle; empty where none can be asked for.
    evidence: String,
    is_order: bool,
    zone: String,
    made_at: String,
    complete_to: Offset,
    total: usize,
    is_cut: bool,
    cards: Vec<Card>,
    page: usize,
    pages: usize,
}

/// One conversation.
struct Card {
    conversation: Link,
    header: Header,
    /// There are more records than were read for it.
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "chronology.html")]
struct ChronologyPage {
    layout: PageLayout,
    what: &'static str,
    id: Shown,
    address: String,
    /// The form for a bundle; empty where none can be asked for.
    evidence: String,
    /// What links to other pages of it keep.
    carried: String,
    zone: String,
    made_at: String,
    complete_to: Offset,
    total: usize,
    /// Not all of it was read.
    is_cut: bool,
    rows: Vec<Row>,
    page: usize,
    pages: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct ListForm {
    page: String,
    view: String,
    print: String,
}

/// What each of the pages is asked with.
type Asking = (State<Service>, Visitor, For, Path<String>, Typed<ListForm>);

pub(in crate::web) async fn order(asking: Asking) -> Response {
    show(Whose::Order, asking).await
}

pub(in crate::web) async fn customer(asking: Asking) -> Response {
    show(Whose::Customer, asking).await
}

pub(in crate::web) async fn agent(asking: Asking) -> Response {
    show(Whose::Agent, asking).await
}

async fn show(
    whose: Whose,
    (State(service), Visitor(identity), For(purpose), Path(id), Typed(form)): Asking,
) -> Response {
    let print = match Print::asked(&form.print, &identity) {
        Ok(print) => print,
        Err(refusal) => return *refusal,
    };
    let mut asked = Asked { whose, id, form, purpose, print };
    let found = service.search.conversations(&identity.shop, whose, &asked.id).await;
    let mut found = match found {
        Ok(found) if found.conversations.is_empty() => return asked.unknown(&identity),
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "conversations could not be found");
            return Notice::failure(&identity, error.kind());
        }
    };
    if let [written] = found.written.as_slice() {
        asked.id = written.clone();
    }
    let rows = Some(found.conversations.len() as u64);
    let access = Print::recorded(print, Access { rows, ..asked.access() });
    service.trail().record(&identity, access);
    if whose == Whose::Order {
        // An order is read as it went.
        found.conversations.reverse();
    }
    let (at_work, reader) = (service.clone(), identity.clone());
    match service.read(&identity, move || asked.make(&at_work, &reader, found)).await {
        Ok(html) => answered(html),
        Err(problem) => failed(&identity, &problem),
    }
}

/// What is asked for.
struct Asked {
    whose: Whose,
    id: String,
    form: ListForm,
    purpose: Purpose,
    print: Option<Print>,
}

/// A page, if it could be rendered; an error where its records could not be read.
type Made = Result<Result<String, askama::Error>, RecordsError>;

impl Asked {
    /// Reads the conversations and makes the page. Blocks.
    fn make(&self, service: &Service, identity: &Identity, found: Conversations) -> Made {
        match self.print {
            Some(print) => self.print(service, identity, found, print),
            None if self.form.view == "chronology" => self.chronology(service, identity, found),
            None => self.cards(service, identity, found),
        }
    }

    fn cards(&self, service: &Service, identity: &Identity, found: Conversations) -> Made {
        let (zone, made_at, total) = (service.zone, Micros::now(), found.conversations.len());
        let (page, pages) = page_of(&self.form.page, total, PER_PAGE);
        let names = found.conversations.iter().skip((page - 1) * PER_PAGE).take(PER_PAGE);
        let card = |name: &String| -> Result<Card, RecordsError> {
            let read = service.records.after(&identity.shop, name, Seq(0), CARD)?;
            let summary = Summary::of(&Seen::by(Audience::Shop, &read.records).records);
            let conversation = Link::conversation(name);
            Ok(Card { conversation, header: Header::of(&summary, zone), is_cut: read.has_more })
        };
        let cards = names.map(card).collect::<Result<Vec<Card>, RecordsError>>()?;
        let page = ConversationsPage {
            layout: PageLayout::of(identity, "search").on(&self.purpose),
            what: self.what(),
            id: Shown::plain(&self.id),
            address: self.address(),
            evidence: self.evidence(),
            is_order: self.whose == Whose::Order,
            zone: zone.name().to_string(),
            made_at: with_offset(made_at, zone),
            complete_to: found.complete_to,
            total,
            is_cut: found.is_cut,
            cards,
            page,
            pages,
        };
        Ok(page.render())
    }

    fn chronology(&self, service: &Service, identity: &Identity, found: Conversations) -> Made {
        let (zone, made_at) = (service.zone, Micros::now());
        let (total, complete_to) = (found.conversations.len(), found.complete_to);
        let (conversations, is_cut) = read_together(service, identity, found)?;
        let look_at = looking_at(&service.attachments);
        let Chronology { rows, page, pages } =
            Chronology::of(&conversations, &look_at, zone, &self.form.page);
        let page = ChronologyPage {
            layout: PageLayout::of(identity, "search").on(&self.purpose),
            what: self.what(),
            id: Shown::plain(&self.id),
            address: self.address(),
            evidence: self.evidence(),
            carried: "view=chronology&".to_string(),
            zone: zone.name().to_string(),
            made_at: with_offset(made_at, zone),
            complete_to,
            total,
            is_cut,
            rows,
            page,
            pages,
        };
        Ok(page.render())
    }

    fn print(
        &self,
        service: &Service,
        identity: &Identity,
        found: Conversations,
        print: Print,
    ) -> Made {
        let (made_at, complete_to) = (Micros::now(), found.complete_to);
        let (conversations, is_cut) = read_together(service, identity, found)?;
        let order = (self.whose == Whose::Order).then_some(self.id.as_str());
        let of = print::Of { order, is_cut, made_at, complete_to };
        Ok(print.page(identity, service, of, &conversations, &self.address()))
    }

    fn unknown(&self, identity: &Identity) -> Response {
        let shown: String = Shown::plain(&self.id).text().chars().take(128).collect();
        let notice = Notice {
            layout: PageLayout::of(identity, "search"),
            title: format!("No such {}", self.whose.as_str()),
            detail: format!(
                "No conversation of this shop names the {} `{shown}`.",
                self.whose.as_str()
            ),
            hint: "Search finds parts of numbers and names.".to_string(),
        };
        notice.into_response(StatusCode::NOT_FOUND)
    }

    fn access(&self) -> Access {
        let id = |whose: Whose| (self.whose == whose).then(|| self.id.clone());
        Access {
            order: id(Whose::Order),
            customer: id(Whose::Customer),
            agent: id(Whose::Agent),
            ..Access::new(AccessAction::View, Via::Page, self.purpose.clone())
        }
    }

    fn what(&self) -> &'static str {
        match self.whose {
            Whose::Order => "Order",
            Whose::Customer => "Customer",
            Whose::Agent => "Agent",
        }
    }

    fn address(&self) -> String {
        let pages = match self.whose {
            Whose::Order => "orders",
            Whose::Customer => "customers",
            Whose::Agent => "agents",
        };
        links::page_of(pages, &self.id)
    }

    /// Bundles are made for orders and customers, never for agents.
    fn evidence(&self) -> String {
        match self.whose {
            Whose::Order => evidence_of("order", &self.id),
            Whose::Customer => evidence_of("customer", &self.id),
            Whose::Agent => String::new(),
        }
    }
}

/// Conversations by their names, each with its records.
type Together = Vec<(String, Vec<Record>)>;

/// The conversations with their records, as many as are shown together, and whether there is more.
fn read_together(
    service: &Service,
    identity: &Identity,
    found: Conversations,
) -> Result<(Together, bool), RecordsError> {
    let mut is_cut = found.is_cut || found.conversations.len() > TOGETHER_MAX;
    let (mut room, mut together) = (SHOWN, Vec::new());
    for name in found.conversations.into_iter().take(TOGETHER_MAX) {
        let Page { records, has_more } =
            service.records.after(&identity.shop, &name, Seq(0), room)?;
        is_cut |= has_more;
        room.count_max = room.count_max.saturating_sub(records.len());
        room.bytes_max = room.bytes_max.saturating_sub(records.iter().map(bytes_of).sum());
        if !records.is_empty() {
            together.push((name, records));
        }
    }
    Ok((together, is_cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_and_a_customer_lead_to_a_bundle_and_an_agent_to_none() {
        let evidence = |whose| {
            let (id, form) = ("FL 1".to_string(), ListForm::default());
            Asked { whose, id, form, purpose: Purpose::default(), print: None }.evidence()
        };
        assert_eq!(evidence(Whose::Order), "/evidence?order=FL%201");
        assert_eq!(evidence(Whose::Customer), "/evidence?customer=FL%201");
        assert_eq!(evidence(Whose::Agent), "");
    }
}
