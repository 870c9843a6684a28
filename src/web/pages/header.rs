//! What stands above a transcript: whose conversation it is, about which order, how it ended.

use std::collections::BTreeSet;

use crate::model::{Kind, Origin, Record, Role};
use crate::web::shown::Shown;

/// The conversation in short, from its records.
#[derive(Default)]
pub(in crate::web) struct Header {
    pub orders: Vec<Shown>,
    pub customers: Vec<Shown>,
    pub agents: Vec<Shown>,
    pub bots: Vec<Shown>,
    pub channels: Vec<Shown>,
    /// Tags that still stand.
    pub tags: Vec<Shown>,
    pub status: &'static str,
    pub rating: Option<u8>,
    /// Some records are an imported transcript: their times are as that file says.
    pub imported: bool,
    /// The language of the first record that names one.
    pub language: String,
}

impl Header {
    pub(in crate::web) fn of(records: &[Record]) -> Header {
        let senders = |role: Role| {
            let own = records
                .iter()
                .map(|record| &record.event.sender)
                .filter(|sender| sender.role == role);
            distinct(own.map(|sender| match &sender.name {
                Some(name) => format!("{name} ({})", sender.id),
                None => sender.id.clone(),
            }))
        };
        let events = || records.iter().map(|record| &record.event);
        Header {
            orders: distinct(events().filter_map(|event| event.order.clone())),
            customers: senders(Role::Customer),
            agents: senders(Role::Human),
            bots: senders(Role::Bot),
            channels: distinct(events().filter_map(|event| event.channel.clone())),
            tags: tags(records),
            status: status(records),
            rating: events()
                .filter(|event| event.kind == Kind::Rate)
                .filter_map(|event| event.rating)
                .next_back(),
            imported: records.iter().any(|record| record.origin == Origin::Imported),
            language: events().find_map(|event| event.language.clone()).unwrap_or_default(),
        }
    }
}

/// Each once, in order of appearance.
fn distinct(all: impl Iterator<Item = String>) -> Vec<Shown> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(one.clone())).map(|one| Shown::plain(&one)).collect()
}

fn tags(records: &[Record]) -> Vec<Shown> {
    let mut standing: Vec<&str> = Vec::new();
    for event in records.iter().map(|record| &record.event) {
        let Some(category) = event.category.as_deref() else { continue };
        standing.retain(|tag| *tag != category);
        if event.kind == Kind::Tag {
            standing.push(category);
        }
    }
    standing.into_iter().map(Shown::plain).collect()
}

fn status(records: &[Record]) -> &'static str {
    let last = records.iter().rev().find_map(|record| match record.event.kind {
        Kind::Resolve => Some("resolved"),
        Kind::Reopen => Some("reopened, not resolved"),
        Kind::Open => Some("open"),
        _ => None,
    });
    last.unwrap_or("never opened or resolved")
}
