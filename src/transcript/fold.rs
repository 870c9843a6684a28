//! One conversation's records folded into what a reader sees: each message with all its versions,
//! and a short neutral line for everything else that happened.
//!
//! Invariants: every record appears in exactly one entry, as the entry itself or inside the message
//! it edits, retracts or reads; entries are in log order; no text is shortened or changed (only a
//! quote is an excerpt).
//! It does not hide anything, decide who may read, or format times: its readers do.

use std::collections::HashMap;

use serde::Serialize;

use crate::model::{Event, Kind, Offset, PublicRecord, Record, is_receipt};

/// How much of an answered message is quoted above the answer.
const EXCERPT_CHARS: usize = 90;

/// One step of a conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
pub enum Entry<'a> {
    Message(Message<'a>),
    Line(Line<'a>),
}

/// A message with everything that was later done to it.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    /// The message as first sent.
    pub sent: PublicRecord<'a>,
    /// Later versions, oldest first, each with its writer and time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<PublicRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retractions: Vec<PublicRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<PublicRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Quote>,
}

/// Anything that is not a message: who did what.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    pub record: PublicRecord<'a>,
    /// What happened, to be read after the sender's name: `tagged wrong_size`.
    pub words: String,
}

/// What an answer answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quote {
    pub id: String,
    /// Where the answered message stands; `None` when it is not among the records.
    pub offset: Option<Offset>,
    /// Name, or else id, of its sender.
    pub sender: String,
    /// Beginning of its text as it stood when it was answered.
    pub excerpt: String,
}

/// Folds one conversation's records, which must be in order.
pub fn transcript<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Entry<'a>> {
    let mut fold = Fold::default();
    for record in records {
        fold.add(record);
    }
    fold.entries
}

#[derive(Default)]
struct Fold<'a> {
    entries: Vec<Entry<'a>>,
    /// Which entry the message with an id became.
    messages: HashMap<&'a str, usize>,
}

impl<'a> Fold<'a> {
    fn add(&mut self, record: &'a Record) {
        let event = &record.event;
        match event.kind {
            Kind::Message => self.add_message(record),
            Kind::Edit | Kind::Retract | Kind::Read => match self.target(event) {
                Some(message) => message.add_later(record),
                None => self.add_line(record),
            },
            _ => self.add_line(record),
        }
    }

    fn add_message(&mut self, record: &'a Record) {
        let reply_to = record.event.reply_to.as_deref().map(|id| self.quote(id));
        self.messages.insert(&record.event.id, self.entries.len());
        let sent = record.public();
        let message = Message {
            sent,
            edits: Vec::new(),
            retractions: Vec::new(),
            reads: Vec::new(),
            reply_to,
        };
        self.entries.push(Entry::Message(message));
    }

    fn add_line(&mut self, record: &'a Record) {
        let words = words_of(&record.event);
        self.entries.push(Entry::Line(Line { record: record.public(), words }));
    }

    /// The message that an edit, a retraction or a read is about. The next one may name this edit
    /// instead of the message.
    fn target(&mut self, event: &'a Event) -> Option<&mut Message<'a>> {
        let place = *self.messages.get(event.target.as_deref()?)?;
        if event.kind != Kind::Read {
            self.messages.insert(&event.id, place);
        }
        match self.entries.get_mut(place) {
            Some(Entry::Message(message)) => Some(message),
            _ => None,
        }
    }

    fn quote(&self, id: &str) -> Quote {
        let message = self.messages.get(id).and_then(|place| self.entries.get(*place));
        match message {
            Some(Entry::Message(message)) => message.quote(),
            _ => Quote {
                id: id.to_string(),
                offset: None,
                sender: String::new(),
                excerpt: String::new(),
            },
        }
    }
}

impl<'a> Message<'a> {
    /// The message as sent, then each edit of it.
    pub fn versions(&self) -> impl Iterator<Item = &PublicRecord<'a>> {
        std::iter::once(&self.sent).chain(&self.edits)
    }

    fn add_later(&mut self, record: &'a Record) {
        let later = match record.event.kind {
            Kind::Edit => &mut self.edits,
            Kind::Retract => &mut self.retractions,
            _ => &mut self.reads,
        };
        later.push(record.public());
    }

    fn quote(&self) -> Quote {
        let newest = self.edits.last().unwrap_or(&self.sent).event;
        let text = match &newest.text {
            Some(text) => text.clone(),
            None => newest
                .attachments
                .iter()
                .map(|file| file.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let sender = &self.sent.event.sender;
        Quote {
            id: self.sent.event.id.clone(),
            offset: Some(self.sent.offset),
            sender: sender.name.as_ref().unwrap_or(&sender.id).clone(),
            excerpt: excerpt(&text),
        }
    }
}

pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// What happened, to be read after the sender's name. It takes no side.
pub fn words_of(event: &Event) -> String {
    let assignee = event.assignee.as_deref();
    let category = event.category.as_deref().unwrap_or_default();
    let target = event.target.as_deref().unwrap_or_default();
    match event.kind {
        Kind::Open => match &event.customer {
            Some(customer) => format!("opened the conversation with {customer}"),
            None => "opened the conversation".to_string(),
        },
        Kind::Message => "sent a message".to_string(),
        Kind::Edit => format!("edited `{target}`, which is not a message shown here"),
        Kind::Retract => format!("retracted `{target}`, which is not a message shown here"),
        Kind::Read => format!("read up to `{target}`"),
        Kind::Assign => format!("assigned the conversation to {}", assignee.unwrap_or("nobody")),
        Kind::Handoff => match assignee {
            Some(assignee) => format!("handed over to {assignee}"),
            None => "handed over".to_string(),
        },
        Kind::Queue => "put the conversation in the queue".to_string(),
        Kind::Pause => "paused".to_string(),
        Kind::Resume => "resumed".to_string(),
        Kind::Resolve => "resolved the conversation".to_string(),
        Kind::Reopen => "reopened the conversation".to_string(),
        Kind::Tag if event.automatic => format!("tagged {category} automatically"),
        Kind::Tag => format!("tagged {category}"),
        Kind::Untag if event.automatic => format!("took the tag {category} away automatically"),
        Kind::Untag => format!("took the tag {category} away"),
        Kind::RateRequest => "asked for a rating".to_string(),
        Kind::Rate => format!("rated {} of 5", event.rating.unwrap_or_default()),
        Kind::Join => match &event.customer {
            Some(customer) => format!("let {customer} take part"),
            None => "joined".to_string(),
        },
        Kind::Leave => "left".to_string(),
        Kind::Call => call_words(event),
        Kind::Rules => "set rules".to_string(),
        Kind::Hold => "put the conversation on hold: nothing of it is erased".to_string(),
        Kind::Release => "released the hold".to_string(),
        Kind::Erase if is_receipt(event) => "erased what was asked for".to_string(),
        Kind::Erase => match &event.target {
            Some(target) => format!("asked to erase `{target}`"),
            None => "asked to erase what was said".to_string(),
        },
        Kind::Access => "looked at evidence".to_string(),
    }
}

fn call_words(event: &Event) -> String {
    #[derive(serde::Deserialize)]
    struct Call {
        seconds: u64,
    }
    let data = event.data.as_ref().and_then(|data| serde_json::from_str::<Call>(data.get()).ok());
    match data {
        Some(Call { seconds }) => format!("called: {} min {:02} s", seconds / 60, seconds % 60),
        None => "called".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantNames;

    use super::*;
    use crate::model::testing::{Position, fitted, record_at};
    use crate::model::{Micros, Origin, Seq};

    fn records(events: &[&str]) -> Vec<Record> {
        let numbered = (0_u32..).zip(events);
        numbered
            .map(|(index, event)| {
                let position = Position {
                    offset: Offset(u64::from(index) * 10),
                    seq: Seq(index + 1),
                    received_at: Micros(i64::from(index) * 1_000_000),
                };
                let sender = r#""sender":{"id":"u","role":"customer","name":"Ann"}"#;
                let json = format!(r#"{{"conversation":"c",{sender},{event}}}"#);
                record_at(position, "s", Origin::Live, json)
            })
            .collect()
    }

    fn count(entries: &[Entry<'_>]) -> usize {
        let of = |entry: &Entry<'_>| match entry {
            Entry::Line(_) => 1,
            Entry::Message(message) => {
                1 + message.edits.len() + message.retractions.len() + message.reads.len()
            }
        };
        entries.iter().map(of).sum()
    }

    fn message<'e, 'a>(entries: &'e [Entry<'a>], index: usize) -> &'e Message<'a> {
        match &entries[index] {
            Entry::Message(message) => message,
            Entry::Line(line) => panic!("{line:?} is a line"),
        }
    }

    #[test]
    fn edits_retractions_and_reads_join_their_message_and_keep_every_version() {
        let records = records(&[
            r#""id":"a","kind":"message","text":"refund 236""#,
            r#""id":"b","kind":"edit","target":"a","text":"refund 263""#,
            r#""id":"c","kind":"read","target":"a""#,
            r#""id":"d","kind":"retract","target":"a""#,
        ]);
        let entries = transcript(&records);
        assert_eq!((entries.len(), count(&entries)), (1, records.len()));
        let message = message(&entries, 0);
        let texts: Vec<_> =
            message.versions().map(|version| version.event.text.as_deref().unwrap()).collect();
        assert_eq!(texts, ["refund 236", "refund 263"]);
        assert_eq!(message.retractions[0].offset, Offset(30));
        assert_eq!(message.reads[0].offset, Offset(20));
    }

    /// An edit of an edit was taken, and then changed nothing that anybody was shown.
    #[test]
    fn an_edit_of_an_edit_is_one_of_the_message() {
        let records = records(&[
            r#""id":"a","kind":"message","text":"refund 236""#,
            r#""id":"b","kind":"edit","target":"a","text":"refund 263""#,
            r#""id":"c","kind":"edit","target":"b","text":"refund 326""#,
            r#""id":"d","kind":"retract","target":"c""#,
        ]);
        let entries = transcript(&records);
        assert_eq!(entries.len(), 1);
        let message = message(&entries, 0);
        assert_eq!((message.versions().count(), message.retractions.len()), (3, 1));
    }

    #[test]
    fn a_reply_quotes_its_message_as_it_stood_then() {
        let long = format!(r#""id":"a","kind":"message","text":"{}""#, "字".repeat(200));
        let records = records(&[
            &long,
            r#""id":"b","kind":"message","text":"yes","reply_to":"a""#,
            r#""id":"c","kind":"edit","target":"a","text":"short""#,
            r#""id":"d","kind":"message","text":"no","reply_to":"a""#,
            r#""id":"e","kind":"message","text":"what?","reply_to":"elsewhere""#,
        ]);
        let entries = transcript(&records);
        let quotes: Vec<_> =
            (1..4).map(|index| message(&entries, index).reply_to.clone().unwrap()).collect();
        assert_eq!(quotes[0].excerpt.chars().count(), EXCERPT_CHARS + 1);
        assert_eq!((quotes[1].excerpt.as_str(), quotes[1].sender.as_str()), ("short", "Ann"));
        assert_eq!(quotes[1].offset, Some(Offset(0)));
        assert_eq!((quotes[2].id.as_str(), quotes[2].offset), ("elsewhere", None));
    }

    #[test]
    fn nothing_is_dropped_whatever_its_kind_or_target() {
        let of_a_chat =
            |kind: &&&str| kind.parse::<Kind>().unwrap().reserved_conversation().is_none();
        let kinds: Vec<&&str> = Kind::VARIANTS.iter().filter(of_a_chat).collect();
        let events: Vec<String> = (0..)
            .zip(&kinds)
            .map(|(index, kind)| {
                let event = fitted(
                    serde_json::json!({"id": format!("m{index}"), "kind": kind, "text": "x",
                    "target": "nowhere", "assignee": "bo", "category": "size", "rating": 3}),
                );
                let text = event.to_string();
                text[1..text.len() - 1].to_string()
            })
            .collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let records = records(&events);
        let entries = transcript(&records);
        assert_eq!(count(&entries), kinds.len());
        for entry in &entries {
            if let Entry::Line(line) = entry {
                assert!(!line.words.is_empty());
            }
        }
    }

    #[test]
    fn as_json_it_shows_data_as_sent_and_never_the_secret() {
        let records = records(&[
            r#""id":"a","kind":"message","text":"hi","data":{"b": 1,"a":2.50}"#,
            r#""id":"b","kind":"call","data":{"seconds":92}"#,
        ]);
        let json = serde_json::to_string(&transcript(&records)).unwrap();
        assert!(
            json.contains(r#""entry":"message""#) && json.contains(r#"{"b": 1,"a":2.50}"#),
            "{json}"
        );
        assert!(json.contains("called: 1 min 32 s"));
        assert!(!json.contains("secret") && !json.contains(&"07".repeat(32)));
    }
}
