//! What stands above a transcript: whose conversation it is, about which order, from when to when, how it ended.
//!
//! Invariant: it is made of the records that its reader sees, and of no others.

use std::collections::BTreeSet;

use super::fold::{Entry, transcript};
use super::labels::{ERASED, Label};
use crate::model::{By, Kind, Micros, Offset, Origin, Record, Role, Visibility};

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    pub id: String,
    pub name: Option<String>,
}

impl Person {
    /// `陈思远 (agent-chen)`
    pub fn in_full(&self) -> String {
        match &self.name {
            Some(name) if *name != self.id => format!("{name} ({})", self.id),
            _ => self.id.clone(),
        }
    }
}

/// The conversation in short, from its records.
#[derive(Clone, Debug)]
pub struct Summary {
    pub orders: Vec<String>,
    pub customers: Vec<Person>,
    pub agents: Vec<Person>,
    pub bots: Vec<Person>,
    pub channels: Vec<String>,
    /// Tags that still stand.
    pub tags: Vec<Tag>,
    pub status: Label,
    pub rating: Option<u8>,
    /// Some records are an imported transcript: their times are as that file says.
    pub imported: bool,
    /// Who really sent all of it, where that is one who speaks for others: then no record says so itself.
    pub by: Option<By>,
    /// The language of the first record that names one.
    pub language: String,
    /// First and last time of records whose time is known, holds, releases and erasures aside.
    pub span: Option<(Micros, Micros)>,
    pub records: usize,
    pub messages: usize,
    pub seqs: (u32, u32),
    pub offsets: (Offset, Offset),
    pub last_words: Option<LastWords>,
}

/// What it was said to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub category: String,
    /// By a program, not by a person.
    pub automatic: bool,
}

/// What was said last, as it stands.
#[derive(Clone, Debug)]
pub struct LastWords {
    pub sender: Person,
    pub role: Role,
    pub text: String,
    pub offset: Offset,
    pub is_private: bool,
    pub is_retracted: bool,
}

impl Summary {
    pub fn of(records: &[&Record]) -> Summary {
        let events = || records.iter().map(|record| &record.event);
        // Whoever holds or erases a conversation takes no part in it, and comes when it is over.
        let of_chat = || records.iter().filter(|record| !record.event.is_aside());
        let people = |role: Role| {
            let senders = of_chat().map(|record| &record.event.sender);
            let own = senders.filter(|sender| sender.role == role);
            one_each(distinct(own.map(|sender| (sender.id.as_str(), sender.name.as_deref()))))
        };
        let owned = |all: Vec<&str>| all.into_iter().map(str::to_string).collect();
        let place = |record: Option<&&Record>| {
            record.map(|record| (record.seq.0, record.offset)).unwrap_or_default()
        };
        let (first, last) = (place(records.first()), place(records.last()));
        let times = || {
            let timed = of_chat().filter(|record| record.is_timed());
            timed.map(|record| record.occurred_at())
        };
        Summary {
            orders: owned(distinct(events().filter_map(|event| event.order.as_deref()))),
            customers: people(Role::Customer),
            agents: people(Role::Human),
            bots: people(Role::Bot),
            channels: owned(distinct(events().filter_map(|event| event.channel.as_deref()))),
            tags: tags(records),
            status: status(records),
            rating: events()
                .filter(|event| event.kind == Kind::Rate)
                .filter_map(|event| event.rating)
                .next_back(),
            imported: records.iter().any(|record| record.origin == Origin::Imported),
            by: by_of_all(records),
            language: events().find_map(|event| event.language.clone()).unwrap_or_default(),
            span: times().min().zip(times().max()),
            records: records.len(),
            messages: events().filter(|event| event.kind == Kind::Message).count(),
            seqs: (first.0, last.0),
            offsets: (first.1, last.1),
            last_words: last_words(records),
        }
    }
}

fn by_of_all(records: &[&Record]) -> Option<By> {
    let by = records.first()?.by.as_ref()?;
    records.iter().all(|record| record.by.as_ref() == Some(by)).then(|| by.clone())
}

fn last_words(records: &[&Record]) -> Option<LastWords> {
    // What was done to it stands behind it.
    let place = records.iter().rposition(|record| record.event.kind == Kind::Message)?;
    let entries = transcript(records[place..].iter().copied());
    let Some(Entry::Message(last)) = entries.first() else { return None };
    let standing = last.versions().last().unwrap_or(&last.sent);
    let (event, sender) = (standing.event, &last.sent.event.sender);
    let names = || event.attachments.iter().map(|file| file.name.as_str()).collect::<Vec<_>>();
    Some(LastWords {
        sender: Person { id: sender.id.clone(), name: sender.name.clone() },
        role: sender.role,
        text: match (&event.text, standing.erased) {
            (Some(text), _) => text.clone(),
            (None, Some(_)) => ERASED.to_string(),
            (None, None) => names().join(", "),
        },
        offset: last.sent.offset,
        is_private: last.sent.event.visibility == Visibility::Private,
        is_retracted: !last.retractions.is_empty(),
    })
}

/// Each once, in order of appearance.
fn distinct<T: Copy + Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// Without those that are named elsewhere in the list under their id.
fn one_each(people: Vec<(&str, Option<&str>)>) -> Vec<Person> {
    let named: BTreeSet<&str> =
        people.iter().filter(|(_, name)| name.is_some()).map(|(id, _)| *id).collect();
    let stay = people.into_iter().filter(|(id, name)| name.is_some() || !named.contains(id));
    stay.map(|(id, name)| Person { id: id.to_string(), name: name.map(str::to_string) }).collect()
}

fn tags(records: &[&Record]) -> Vec<Tag> {
    let mut standing: Vec<Tag> = Vec::new();
    for event in records.iter().map(|record| &record.event) {
        let Some(category) = &event.category else { continue };
        standing.retain(|tag| tag.category != *category);
        if event.kind == Kind::Tag {
            standing.push(Tag { category: category.clone(), automatic: event.automatic });
        }
    }
    standing
}

fn status(records: &[&Record]) -> Label {
    let last = records.iter().rev().find_map(|record| match record.event.kind {
        Kind::Resolve => Some(Label::new("已解决", "resolved")),
        Kind::Reopen => Some(Label::new("重新打开", "reopened, not resolved")),
        Kind::Open => Some(Label::new("进行中", "open")),
        _ => None,
    });
    last.unwrap_or(Label::new("未开始或结束", "never opened or resolved"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    #[test]
    fn a_conversation_in_short() {
        let (carl, anna) = (
            r#""sender":{"id":"carl","role":"customer"}"#,
            r#""sender":{"id":"anna","role":"human","name":"Anna"}"#,
        );
        let events = [
            format!(r#""id":"o","kind":"open","order":"FL1",{carl}"#),
            format!(r#""id":"m","kind":"message","text":"broken","order":"FL2",{carl}"#),
            format!(r#""id":"t","kind":"tag","category":"refund",{anna}"#),
            format!(r#""id":"t2","kind":"tag","category":"size",{anna}"#),
            format!(r#""id":"u","kind":"untag","category":"size",{anna}"#),
            format!(r#""id":"t3","kind":"tag","category":"late","automatic":true,{anna}"#),
            format!(r#""id":"n","kind":"message","text":"note","visibility":"private",{anna}"#),
            format!(
                r#""id":"e","kind":"edit","target":"n","text":"note 2","visibility":"private",{anna}"#
            ),
            format!(r#""id":"r","kind":"resolve",{anna}"#),
            format!(r#""id":"x","kind":"retract","target":"m",{carl}"#),
            r#""id":"h","kind":"hold","text":"bank","sender":{"id":"operator","role":"human"}"#
                .to_string(),
        ];
        let records: Vec<Record> = (0..)
            .zip(&events)
            .map(|(offset, event)| record(offset, format!(r#"{{"conversation":"c",{event}}}"#)))
            .collect();
        let all: Vec<&Record> = records.iter().collect();
        let summary = Summary::of(&all);
        assert_eq!(summary.orders, ["FL1", "FL2"]);
        let tag = |category: &str, automatic| Tag { category: category.to_string(), automatic };
        assert_eq!(summary.tags, [tag("refund", false), tag("late", true)]);
        assert_eq!(summary.status.en, "resolved");
        assert_eq!((summary.messages, summary.seqs, summary.offsets.1), (2, (1, 11), Offset(10)));
        assert_eq!(summary.agents[0].in_full(), "Anna (anna)");
        // Neither a part of the chat nor its end.
        assert_eq!(summary.agents.len(), 1);
        assert_eq!(summary.span.unwrap().1, all[9].occurred_at());
        let last = summary.last_words.unwrap();
        assert!(last.is_private && last.text == "note 2", "{last:?}");
        // A sentence that was taken back must not look as if it stood.
        let retracted = [all[1], all[9]];
        let last = Summary::of(&retracted).last_words.unwrap();
        assert!(last.is_retracted && last.text == "broken", "{last:?}");
        assert_eq!(Summary::of(&[]).status.en, "never opened or resolved");
    }
}
