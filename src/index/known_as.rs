//! What orders, customers and agents are known as: one term for each id with each name it had, from
//! which both are read back.
//!
//! ```text
//! SHOP ␟ (o|c|a) FOLDED-ID ␟ FOLDED-NAME ␟ ID ␟ NAME        ␟: U+001F, in no id and no name
//! ```
//!
//! The shop comes first, so that whoever looks through a shop's terms walks over no other's. A
//! customer is who sent as one, or whom an event says a conversation is with; an agent is a human who
//! sent, or to whom a conversation was assigned.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fold;
use crate::model::{Event, RESERVED_PREFIX, Record, Role};

/// What an id is of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum KnownKind {
    Order,
    Customer,
    Agent,
}

/// An order, a customer or an agent, as one term says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    pub kind: KnownKind,
    pub folded_id: &'a str,
    /// Empty where the name is not known.
    pub folded_name: &'a str,
    pub id: &'a str,
    pub name: &'a str,
}

/// What stands between the parts of a term.
pub const UNIT_SEPARATOR: char = '\u{1f}';

impl KnownKind {
    /// The word by which it is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            KnownKind::Order => "order",
            KnownKind::Customer => "customer",
            KnownKind::Agent => "agent",
        }
    }

    /// What the terms of a shop begin with, after the shop, that are of ids of this kind which begin so.
    pub fn ids_from(self, folded: &str) -> String {
        format!("{}{folded}", self.letter())
    }

    /// The same of one id.
    pub fn id(self, folded_id: &str) -> String {
        format!("{}{folded_id}{UNIT_SEPARATOR}", self.letter())
    }

    fn letter(self) -> char {
        match self {
            KnownKind::Order => 'o',
            KnownKind::Customer => 'c',
            KnownKind::Agent => 'a',
        }
    }

    fn of_letter(letter: char) -> Option<KnownKind> {
        [KnownKind::Order, KnownKind::Customer, KnownKind::Agent]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }
}

impl<'a> Known<'a> {
    /// What `term`, one of [`terms_of`], says.
    pub fn of_term(term: &'a str) -> Option<Known<'a>> {
        Known::of_rest(term.split_once(UNIT_SEPARATOR)?.1)
    }

    /// The same of what stands after the shop.
    pub fn of_rest(rest: &'a str) -> Option<Known<'a>> {
        let mut parts = rest.split(UNIT_SEPARATOR);
        let folded = parts.next()?;
        let kind = KnownKind::of_letter(folded.chars().next()?)?;
        let (folded_name, id, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Known { kind, folded_id: &folded[1..], folded_name, id, name })
    }
}

/// The terms of `record`; of what is about the shop and not a chat there are none.
pub fn terms_of(record: &Record) -> impl Iterator<Item = String> {
    let Event { sender, customer, assignee, order, .. } = &record.event;
    let name = sender.name.as_deref().unwrap_or_default();
    let sent = match sender.role {
        Role::Customer => Some((KnownKind::Customer, sender.id.as_str(), name)),
        Role::Human => Some((KnownKind::Agent, sender.id.as_str(), name)),
        Role::Bot | Role::System => None,
    };
    let order = order.as_deref().map(|id| (KnownKind::Order, id, ""));
    let customer = customer.as_deref().map(|id| (KnownKind::Customer, id, ""));
    let assignee = assignee.as_deref().map(|id| (KnownKind::Agent, id, ""));
    let is_chat = !record.event.conversation.starts_with(RESERVED_PREFIX);
    [sent, order, customer, assignee]
        .into_iter()
        .flatten()
        .filter(move |_| is_chat)
        .map(|(kind, id, name)| term(&record.shop, kind, id, name))
}

fn term(shop: &str, kind: KnownKind, id: &str, name: &str) -> String {
    let (letter, folded_id, folded_name) = (kind.letter(), fold(id), fold(name));
    format!("{shop}\u{1f}{letter}{folded_id}\u{1f}{folded_name}\u{1f}{id}\u{1f}{name}")
}

/// What the terms of `shop` begin with, and no others.
pub fn of_shop(shop: &str) -> String {
    format!("{shop}{UNIT_SEPARATOR}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::testing::record;

    #[test]
    fn terms_say_what_they_were_made_of() {
        let record = record(
            0,
            "s",
            serde_json::json!({"conversation": "c", "kind": "assign", "order": "ＦＬ1",
            "assignee": "Eve", "sender": {"id": "Max", "role": "human", "name": "陈思远"}}),
        );
        let terms: Vec<String> = terms_of(&record).collect();
        let shown: Vec<(KnownKind, &str, &str, &str, &str)> = terms
            .iter()
            .map(|term| {
                let known = Known::of_term(term).expect("a term");
                (known.kind, known.folded_id, known.folded_name, known.id, known.name)
            })
            .collect();
        assert_eq!(
            shown,
            [
                (KnownKind::Agent, "max", "陈思远", "Max", "陈思远"),
                (KnownKind::Order, "fl1", "", "ＦＬ1", ""),
                (KnownKind::Agent, "eve", "", "Eve", ""),
            ]
        );
        assert!(terms.iter().all(|term| term.starts_with(&of_shop("s"))));
        assert!(terms.iter().all(|term| !term.starts_with(&of_shop("s2"))));
        let count_of = |kind: KnownKind, id: &str| {
            let of_id = of_shop("s") + &kind.id(id);
            terms.iter().filter(|term| term.starts_with(&of_id)).count()
        };
        assert_eq!(count_of(KnownKind::Order, "fl1"), 1);
        assert_eq!(count_of(KnownKind::Agent, "max"), 1);
        for none in ["fl", "fl12", "max"] {
            assert_eq!(count_of(KnownKind::Order, none), 0, "{none}");
        }
    }
}
