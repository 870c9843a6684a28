//! One entry of a transcript as the page shows it: a message with its versions, or a line.
//!
//! Invariant: who spoke, whether the customer saw it and whether it still stands are said in words,
//! not by colour alone.

use std::collections::HashMap;

use chrono_tz::Tz;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{Attachment, Event, Offset, Origin, PublicRecord, Role, Sender, Visibility};
use crate::records::{Entry, Line, Message};
use crate::web::days::{full_utc, local};
use crate::web::figures::bytes;
use crate::web::shown::Shown;

/// Media types of the attachments that are there, as their own bytes show, by message and hash.
pub(in crate::web) type Files = HashMap<(String, String), &'static str>;

/// One row of the page.
pub(in crate::web) enum Row {
    Day(String),
    Message(Box<Bubble>),
    Line(Box<LineView>),
}

pub(in crate::web) struct Bubble {
    pub stamp: Stamp,
    pub sender: SenderView,
    pub language: String,
    pub private: bool,
    pub automatic: bool,
    pub reply: Option<Reply>,
    /// The message as sent and each edit, oldest first; the last one stands.
    pub versions: Vec<Version>,
    /// Retractions and reads, oldest first.
    pub acts: Vec<Act>,
    pub retracted: bool,
    pub data: Shown,
}

pub(in crate::web) struct LineView {
    pub stamp: Stamp,
    pub sender: SenderView,
    /// What happened, in a few words.
    pub summary: Shown,
    pub private: bool,
    /// Text and files that came with it.
    pub text: Shown,
    pub files: Vec<FileView>,
    pub data: Shown,
}

/// When and where a record stands: its receipt.
pub(in crate::web) struct Stamp {
    pub offset: Offset,
    pub seq: u32,
    pub time: String,
    /// Every clock there is, in full.
    pub title: String,
    pub leaf_short: String,
    pub leaf: String,
}

pub(in crate::web) struct SenderView {
    pub name: Shown,
    pub role: &'static str,
    /// The role as readers call it; empty where the sender's name says it already.
    pub role_name: &'static str,
}

pub(in crate::web) struct Version {
    pub text: Shown,
    pub files: Vec<FileView>,
    pub stamp: Stamp,
    /// Who edited; `None` on the message as sent.
    pub edited_by: Option<Shown>,
}

/// Something done to a message besides editing it.
pub(in crate::web) struct Act {
    pub what: &'static str,
    pub retracts: bool,
    pub stamp: Stamp,
    pub by: Shown,
    /// What was written with it; often nothing.
    pub reason: Shown,
}

pub(in crate::web) struct Reply {
    pub sender: Shown,
    pub excerpt: Shown,
    pub id: Shown,
    /// Empty when the answered message is not here.
    pub address: String,
}

pub(in crate::web) struct FileView {
    pub name: Shown,
    pub kind: FileKind,
    pub address: String,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum FileKind {
    Picture,
    Audio,
    Video,
    Download,
    Missing,
}

/// What all rows of a page share.
pub(in crate::web) struct Context<'a> {
    pub conversation: &'a str,
    pub language: &'a str,
    pub zone: Tz,
    pub files: &'a Files,
}

/// What is encoded in a step of a path. A dot too: `.` and `..` alone would be taken for steps up.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A conversation's address, or that of one record in it.
pub(in crate::web) fn address(conversation: &str, offset: Option<Offset>) -> String {
    let address = format!("/conversations/{}", utf8_percent_encode(conversation, IN_PATH));
    match offset {
        Some(offset) => format!("{address}?at={offset}#m-{offset}"),
        None => address,
    }
}

impl Context<'_> {
    /// Entries as rows, with a separator where a new day begins.
    pub(in crate::web) fn rows(&self, entries: &[Entry<'_>]) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut day = None;
        for entry in entries {
            let record = match entry {
                Entry::Message(message) => &message.sent,
                Entry::Line(line) => &line.record,
            };
            let own = local(record.occurred_at, self.zone).date_naive();
            if is_timed(record) && day != Some(own) {
                day = Some(own);
                rows.push(Row::Day(own.format("%A, %-d %B %Y").to_string()));
            }
            rows.push(match entry {
                Entry::Message(message) => Row::Message(Box::new(self.bubble(message))),
                Entry::Line(line) => Row::Line(Box::new(self.line(line))),
            });
        }
        rows
    }

    fn bubble(&self, message: &Message<'_>) -> Bubble {
        let event = message.sent.event;
        let version = |record: &PublicRecord<'_>| Version {
            text: shown(record.event.text.as_deref()),
            files: self.files(record.event),
            stamp: self.stamp(record),
            edited_by: (record.offset != message.sent.offset)
                .then(|| sender_view(&record.event.sender).name),
        };
        let all_text: String =
            message.versions().filter_map(|version| version.event.text.as_deref()).collect();
        Bubble {
            stamp: self.stamp(&message.sent),
            sender: sender_view(&event.sender),
            language: language_of(&all_text, event.language.as_deref(), self.language),
            private: event.visibility == Visibility::Private,
            automatic: event.automatic,
            reply: message.reply_to.as_ref().map(|quote| Reply {
                sender: Shown::plain(&quote.sender),
                excerpt: Shown::plain(&quote.excerpt),
                id: Shown::plain(&quote.id),
                address: quote
                    .offset
                    .map(|offset| address(self.conversation, Some(offset)))
                    .unwrap_or_default(),
            }),
            versions: message.versions().map(version).collect(),
            acts: self.acts(message),
            retracted: !message.retractions.is_empty(),
            data: shown(event.data.as_ref().map(|data| data.get())),
        }
    }

    fn line(&self, line: &Line<'_>) -> LineView {
        let event = line.record.event;
        LineView {
            stamp: self.stamp(&line.record),
            sender: sender_view(&event.sender),
            summary: Shown::plain(&line.words),
            private: event.visibility == Visibility::Private,
            text: shown(event.text.as_deref()),
            files: self.files(event),
            data: shown(event.data.as_ref().map(|data| data.get())),
        }
    }

    fn acts(&self, message: &Message<'_>) -> Vec<Act> {
        let act = |record: &PublicRecord<'_>, what, retracts| Act {
            what,
            retracts,
            stamp: self.stamp(record),
            by: sender_view(&record.event.sender).name,
            reason: shown(record.event.text.as_deref()),
        };
        let retractions = message.retractions.iter().map(|record| act(record, "Retracted", true));
        let reads = message.reads.iter().map(|record| act(record, "Read", false));
        let mut acts: Vec<Act> = retractions.chain(reads).collect();
        acts.sort_by_key(|act| act.stamp.offset);
        acts
    }

    fn stamp(&self, record: &PublicRecord<'_>) -> Stamp {
        let time = if is_timed(record) {
            local(record.occurred_at, self.zone).format("%H:%M:%S").to_string()
        } else {
            "time not known".to_string()
        };
        let sent_at = record.event.sent_at.as_deref().unwrap_or("not said");
        let title = match record.origin {
            Origin::Live => {
                format!("{}; by the sender's clock: {sent_at}", full_utc(record.received_at))
            }
            Origin::Imported => format!(
                "imported; time as told: {sent_at}; received {}",
                full_utc(record.received_at)
            ),
        };
        let leaf = record.leaf.to_string();
        Stamp {
            offset: record.offset,
            seq: record.seq.0,
            time,
            title,
            leaf_short: leaf.chars().take(10).collect(),
            leaf,
        }
    }

    fn files(&self, event: &Event) -> Vec<FileView> {
        event.attachments.iter().map(|attachment| self.file(event, attachment)).collect()
    }

    fn file(&self, event: &Event, attachment: &Attachment) -> FileView {
        let kind = match self.files.get(&(event.id.clone(), attachment.sha256.clone())) {
            None => FileKind::Missing,
            Some(media_type) if media_type.starts_with("image/") => FileKind::Picture,
            Some(media_type) if media_type.starts_with("audio/") => FileKind::Audio,
            Some(media_type) if media_type.starts_with("video/") => FileKind::Video,
            Some(_) => FileKind::Download,
        };
        FileView {
            name: Shown::plain(&attachment.name),
            kind,
            address: format!(
                "/v1/conversations/{}/events/{}/attachments/{}",
                utf8_percent_encode(&event.conversation, IN_PATH),
                utf8_percent_encode(&event.id, IN_PATH),
                // A SHA-256 in hex, checked when the event was taken in.
                attachment.sha256
            ),
            note: format!("{}, {}", attachment.media_type, bytes(attachment.bytes)),
        }
    }
}

/// Whether it is known when this was said: not so in old transcripts without times.
fn is_timed(record: &PublicRecord<'_>) -> bool {
    record.origin == Origin::Live || record.event.sent_at.is_some()
}

fn shown(text: Option<&str>) -> Shown {
    text.map(Shown::plain).unwrap_or_default()
}

/// A role as readers call it.
pub(in crate::web) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Human => "agent",
        role => role.as_str(),
    }
}

fn sender_view(sender: &Sender) -> SenderView {
    let name = sender.name.as_ref().unwrap_or(&sender.id);
    let role_name = Some(role_name(sender.role)).filter(|role_name| role_name != name);
    SenderView {
        name: Shown::plain(name),
        role: sender.role.as_str(),
        role_name: role_name.unwrap_or_default(),
    }
}

/// The language a message is in, as far as it is known: its own, or the conversation's where the
/// letters are not such that any language may use them.
fn language_of(text: &str, own: Option<&str>, conversation: &str) -> String {
    match own {
        Some(own) => own.to_string(),
        None if text.is_ascii() => String::new(),
        None => conversation.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_conversation_whatever_the_name() {
        let cases = [
            ("c-1_a~Z", "/conversations/c-1_a~Z"),
            ("..", "/conversations/%2E%2E"),
            ("a/b?\"c", "/conversations/a%2Fb%3F%22c"),
            ("退 款%", "/conversations/%E9%80%80%20%E6%AC%BE%25"),
        ];
        for (conversation, expected) in cases {
            assert_eq!(address(conversation, None), expected);
        }
        assert_eq!(address("c", Some(Offset(7))), "/conversations/c?at=7#m-7");
    }
}
