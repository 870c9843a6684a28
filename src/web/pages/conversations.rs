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

use super::chronology::chronology;
use super::header::Header;
use super::places::files_of;
use super::print::{self, Print};
use super::transcript::{ROWS_PER_PAGE, SHOWN, failed};
use super::{Notice, PageLayout, page};
use crate::access::Identity;
use crate::log::bytes_of;
use crate::model::{
    Access, AccessAction, Audience, Kinded, Micros, Offset, Purpose, Record, Seen, Seq, Via,
};
use crate::records::{Page, PageSize, RecordsError};
use crate::search::{Conversations, Whose};
use crate::server::{For, Problem, Service};
use crate::transcript::{FileState, Row, Summary, with_offset};
use crate::web::area::Area;
use crate::web::form::Typed;
use crate::web::links::{Link, evidence_of, page_of};
use crate::web::shown::Shown;
use crate::web::visitor::{Visitor, admit};

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

pub(in crate::web) async fn order(
    state: State<Service>,
    visitor: Visitor,
    For(purpose): For,
    Path(id): Path<String>,
    Typed(form): Typed<ListForm>,
) -> Response {
    Asked { whose: Whose::Order, id, form, purpose }.show(state, visitor).await
}

pub(in crate::web) async fn customer(
    state: State<Service>,
    visitor: Visitor,
    For(purpose): For,
    Path(id): Path<String>,
    Typed(form): Typed<ListForm>,
) -> Response {
    Asked { whose: Whose::Customer, id, form, purpose }.show(state, visitor).await
}

pub(in crate::web) async fn agent(
    state: State<Service>,
    visitor: Visitor,
    For(purpose): For,
    Path(id): Path<String>,
    Typed(form): Typed<ListForm>,
) -> Response {
    Asked { whose: Whose::Agent, id, form, purpose }.show(state, visitor).await
}

/// What is asked for.
struct Asked {
    whose: Whose,
    id: String,
    form: ListForm,
    purpose: Purpose,
}

impl Asked {
    async fn show(self, State(service): State<Service>, Visitor(identity): Visitor) -> Response {
        if let Err(refusal) = admit(&identity, Area::Conversations) {
            return *refusal;
        }
        let print = match Print::asked(&self.form.print, &identity) {
            Ok(print) => print,
            Err(refusal) => return *refusal,
        };
        let found = service.search.conversations(&identity.shop, self.whose, &self.id).await;
        let mut found = match found {
            Ok(found) if found.conversations.is_empty() => return self.unknown(&identity),
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "conversations could not be found");
                return Notice::failure(&identity, error.kind());
            }
        };
        let rows = Some(found.conversations.len() as u64);
        service.trail().record(&identity, Access { rows, ..self.access() });
        if self.whose == Whose::Order {
            // An order is read as it went.
            found.conversations.reverse();
        }
        let shown = match print {
            Some(print) => self.print(&service, &identity, found, print).await,
            None if self.form.view == "chronology" => {
                self.chronology(&service, &identity, found).await
            }
            None => self.cards(&service, &identity, found).await,
        };
        shown.unwrap_or_else(|problem| failed(&identity, &problem))
    }

    async fn cards(
        &self,
        service: &Service,
        identity: &Identity,
        found: Conversations,
    ) -> Result<Response, Problem> {
        let total = found.conversations.len();
        let pages = total.div_ceil(PER_PAGE).max(1);
        let number = self.form.page.parse().unwrap_or(1).clamp(1, pages);
        let names = found.conversations.into_iter().skip((number - 1) * PER_PAGE).take(PER_PAGE);
        let (names, records) = (names.collect::<Vec<_>>(), service.records.clone());
        let (shop, zone, made_at) = (identity.shop.clone(), service.zone, Micros::now());
        let read = move || -> Result<Vec<Card>, RecordsError> {
            let card = |name: &String| {
                let Page { records, has_more } = records.after(&shop, name, Seq(0), CARD)?;
                let summary = Summary::of(&Seen::by(Audience::Shop, &records).records);
                let conversation = Link::conversation(name);
                Ok(Card { conversation, header: Header::of(&summary, zone), is_cut: has_more })
            };
            names.iter().map(card).collect()
        };
        let cards = service.read(identity, read).await?;
        Ok(page(&ConversationsPage {
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
            page: number,
            pages,
        }))
    }

    async fn chronology(
        &self,
        service: &Service,
        identity: &Identity,
        found: Conversations,
    ) -> Result<Response, Problem> {
        let total = found.conversations.len();
        let (zone, made_at, complete_to) = (service.zone, Micros::now(), found.complete_to);
        let (conversations, is_cut) = read_together(service, identity, found).await?;
        let files = files_of(&service.attachments, records_of(&conversations)).await;
        let rows = chronology(&conversations, &files, zone);
        let pages = rows.len().div_ceil(ROWS_PER_PAGE).max(1);
        let number = self.form.page.parse().unwrap_or(1).clamp(1, pages);
        let shown = rows.into_iter().skip((number - 1) * ROWS_PER_PAGE).take(ROWS_PER_PAGE);
        Ok(page(&ChronologyPage {
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
            rows: shown.collect(),
            page: number,
            pages,
        }))
    }

    async fn print(
        &self,
        service: &Service,
        identity: &Identity,
        found: Conversations,
        print: Print,
    ) -> Result<Response, Problem> {
        let (made_at, complete_to) = (Micros::now(), found.complete_to);
        let (conversations, is_cut) = read_together(service, identity, found).await?;
        let files = files_of(&service.attachments, records_of(&conversations)).await;
        let order = (self.whose == Whose::Order).then_some(self.id.as_str());
        let of = print::Of { order, is_cut, made_at, complete_to };
        Ok(print.page(identity, service.zone, of, &conversations, &files, &self.address()))
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
        page_of(pages, &self.id)
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

fn records_of(conversations: &[(String, Vec<Record>)]) -> impl Iterator<Item = &Record> {
    conversations.iter().flat_map(|(_, records)| records)
}

/// The conversations with their records, as many as are shown together, and whether there is more.
async fn read_together(
    service: &Service,
    identity: &Identity,
    found: Conversations,
) -> Result<(Vec<(String, Vec<Record>)>, bool), Problem> {
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    let read = move || -> Result<_, RecordsError> {
        let mut is_cut = found.is_cut || found.conversations.len() > TOGETHER_MAX;
        let (mut room, mut together) = (SHOWN, Vec::new());
        for name in found.conversations.into_iter().take(TOGETHER_MAX) {
            let Page { records: read, has_more } = records.after(&shop, &name, Seq(0), room)?;
            is_cut |= has_more;
            room.count_max = room.count_max.saturating_sub(read.len());
            room.bytes_max = room.bytes_max.saturating_sub(read.iter().map(bytes_of).sum());
            if !read.is_empty() {
                together.push((name, read));
            }
        }
        Ok((together, is_cut))
    };
    service.read(identity, read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_and_a_customer_lead_to_a_bundle_and_an_agent_to_none() {
        let evidence = |whose| {
            let (id, form) = ("FL 1".to_string(), ListForm::default());
            Asked { whose, id, form, purpose: Purpose::default() }.evidence()
        };
        assert_eq!(evidence(Whose::Order), "/evidence?order=FL%201");
        assert_eq!(evidence(Whose::Customer), "/evidence?customer=FL%201");
        assert_eq!(evidence(Whose::Agent), "");
    }
}
