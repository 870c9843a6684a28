//! What stands above a transcript: whose conversation it is, about which order, how it ended.

use chrono_tz::Tz;

use crate::model::Role;
use crate::transcript::{Person, Summary, Tag, labels, with_offset};
use crate::web::links::Link;
use crate::web::shown::Shown;

/// The conversation in short, with links to who and what it is about.
pub(in crate::web) struct Header {
    pub orders: Vec<Link>,
    pub customers: Vec<Link>,
    pub agents: Vec<Link>,
    pub bots: Vec<Link>,
    pub channels: Vec<Link>,
    pub tags: Vec<Shown>,
    pub status: &'static str,
    pub rating: Option<u8>,
    pub imported: bool,
    /// Who really sent all of it; empty where the senders did.
    pub by: Shown,
    /// From when to when; empty where no time is known.
    pub span: Option<(String, String)>,
    pub messages: usize,
    pub last_words: Option<LastWordsView>,
}

/// What was said last.
pub(in crate::web) struct LastWordsView {
    pub sender: Shown,
    pub text: Shown,
    pub is_private: bool,
    pub is_retracted: bool,
}

/// How much of the last words is shown: one or two lines.
const LAST_WORDS_CHARS: usize = 120;

impl Header {
    pub(in crate::web) fn of(summary: &Summary, zone: Tz) -> Header {
        let people = |role: Role, people: &[Person]| {
            people.iter().map(|person| Link::person(role, person)).collect()
        };
        let plain = |text: &String| Link { words: Shown::plain(text), address: String::new() };
        Header {
            orders: summary.orders.iter().map(|order| Link::order(order)).collect(),
            customers: people(Role::Customer, &summary.customers),
            agents: people(Role::Human, &summary.agents),
            bots: people(Role::Bot, &summary.bots),
            channels: summary.channels.iter().map(plain).collect(),
            tags: summary.tags.iter().map(tag_words).collect(),
            status: summary.status.en,
            rating: summary.rating,
            imported: summary.imported,
            by: summary.by.as_ref().map_or_else(Shown::default, |by| {
                Shown::plain(&format!("{} {}", by.role.as_str(), by.sub))
            }),
            span: summary.span.map(|(from, to)| (with_offset(from, zone), with_offset(to, zone))),
            messages: summary.messages,
            last_words: summary.last_words.as_ref().map(|last| {
                let cut = last.text.char_indices().nth(LAST_WORDS_CHARS);
                let text = match cut {
                    Some((end, _)) => format!("{}…", &last.text[..end]),
                    None => last.text.clone(),
                };
                LastWordsView {
                    sender: Shown::plain(last.sender.name.as_ref().unwrap_or(&last.sender.id)),
                    text: Shown::plain(&text),
                    is_private: last.is_private,
                    is_retracted: last.is_retracted,
                }
            }),
        }
    }
}

/// A category, and whether a program gave it.
fn tag_words(tag: &Tag) -> Shown {
    if tag.automatic {
        Shown::plain(&format!("{} ({})", tag.category, labels::AUTOMATIC.en))
    } else {
        Shown::plain(&tag.category)
    }
}
