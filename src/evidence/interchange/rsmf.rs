//! RSMF 2.0.0, the Relativity Short Message Format: a mail (RFC 5322) with a text for people and indexes and one
//! attachment, `rsmf.zip`, which holds `rsmf_manifest.json` and the files that it names. The format and its schema are
//! Relativity's (`RSMFManifestSchema/rsmf_schema_2_0_0.json` of its validator's samples).
//!
//! ```text
//! one file a day of a conversation, of at most EVENTS_MAX events; eventcollectionid joins them
//! the first event is a disclaimer, which says what this is and what is withheld, with the evidence copy of these rows;
//! then an event a row. A message has its newest text, with its edits, retraction and receipts wherever they stand;
//! each of these is an event of its own as well, on its own day. What has no place in the format is in `custom`.
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Serialize;

use super::InterchangeError;
use super::conversation::{Conversation, Told};
use super::mail::{Mail, MailFile};
use super::naming::{by_hash, date, hash_of};
use super::out::{Out, evidence_copy, load};
use super::plain;
use super::source::{Bytes, Kept};
use crate::evidence::zip::{Crc, Entry, write_end};
use crate::model::Kind;

const VERSION: &str = "2.0.0";
/// Events of one file: what Relativity advises at most.
pub(super) const EVENTS_MAX: usize = 10_000;
const MANIFEST: &str = "rsmf_manifest.json";
const ZIP: &str = "rsmf.zip";
/// The evidence copy of the rows of a file.
const COPY: &str = "messages.jsonl";
/// The platform, where no row says by which channel it went.
const PLATFORM: &str = "chat";

#[derive(Serialize)]
struct Manifest<'a> {
    version: &'static str,
    participants: Vec<Participant<'a>>,
    conversations: [ConversationTold<'a>; 1],
    events: Vec<Event<'a>>,
    eventcollectionid: String,
}

#[derive(Serialize)]
struct Participant<'a> {
    id: &'a str,
    display: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    custom: Vec<Custom>,
}

#[derive(Serialize)]
struct ConversationTold<'a> {
    id: &'a str,
    display: &'a str,
    platform: &'a str,
    r#type: &'static str,
    participants: Vec<&'a str>,
    custom: Vec<Custom>,
}

#[derive(Default, Serialize)]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<&'a str>,
    conversation: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edits: Vec<Edit<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read_receipts: Vec<Receipt<'a>>,
    custom: Vec<Custom>,
}

#[derive(Serialize)]
struct Attachment {
    id: String,
    display: String,
    size: u64,
}

#[derive(Serialize)]
struct Edit<'a> {
    participant: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'a str>,
}

#[derive(Serialize)]
struct Receipt<'a> {
    participant: &'a str,
    timestamp: String,
    action: &'static str,
}

#[derive(Serialize)]
struct Custom {
    name: String,
    value: String,
}

/// A day of a conversation, or a part of one that is long.
struct Day<'a> {
    conversation: &'a Conversation<'a>,
    told: &'a [&'a Told<'a>],
    zone: Tz,
    /// Ids of its events.
    ids: HashSet<&'a str>,
    /// What each of its files is called first, by its hash.
    names: HashMap<&'a str, &'a str>,
}

/// Writes the files of a conversation, whose names begin with `stem`.
pub(super) fn write(
    conversation: &Conversation<'_>,
    zone: Tz,
    stem: &str,
    bytes: &mut impl Bytes,
    out: &mut Out<'_>,
) -> Result<(), InterchangeError> {
    let mut days: BTreeMap<NaiveDate, Vec<&Told<'_>>> = BTreeMap::new();
    for told in &conversation.told {
        let day = told.occurred_at().datetime().with_timezone(&zone).date_naive();
        days.entry(day).or_default().push(told);
    }
    for (day, told) in days {
        // The disclaimer is one more.
        for (number, part) in (1..).zip(told.chunks(EVENTS_MAX - 1)) {
            let is_whole = told.len() < EVENTS_MAX;
            let part_of = if is_whole { String::new() } else { format!("-{number:03}") };
            let name = format!("{stem}-{day}{part_of}.rsmf");
            Day::of(conversation, part, zone).write(&name, bytes, out)?;
        }
    }
    Ok(())
}

impl<'a> Day<'a> {
    fn of(conversation: &'a Conversation<'a>, told: &'a [&'a Told<'a>], zone: Tz) -> Day<'a> {
        let mut names = HashMap::new();
        for file in told.iter().flat_map(|told| &told.files) {
            names.entry(file.sha256).or_insert(file.name);
        }
        let ids = told.iter().filter_map(|told| told.id()).collect();
        Day { conversation, told, zone, ids, names }
    }

    fn write(
        &self,
        name: &str,
        bytes: &mut impl Bytes,
        out: &mut Out<'_>,
    ) -> Result<(), InterchangeError> {
        let copy = evidence_copy(self.told.iter().copied());
        let manifest = self.manifest(copy.len() as u64);
        let events = manifest.events.len();
        let manifest = serde_json::to_vec(&manifest)?;
        let mut files =
            vec![(MANIFEST.to_string(), manifest), (COPY.to_string(), copy.into_bytes())];
        let loaded = load(name, self.told.iter().copied(), bytes, out)?;
        files.extend(loaded.into_iter().map(|(sha256, bytes)| (self.place_of(&sha256), bytes)));
        let mail = self.mail(events, zip_of(files)?);
        Ok(out.add(name, |out| mail.write(out))?)
    }

    fn mail(&self, events: usize, zip: Vec<u8>) -> Mail<'a> {
        let conversation = self.conversation;
        let times = || self.told.iter().map(|told| told.occurred_at());
        let (begin, end) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        let people: Vec<&str> =
            conversation.people.list.iter().map(|person| person.name.as_str()).collect();
        let files = self.told.iter().map(|told| told.files.len()).sum::<usize>();
        let headers = vec![
            ("X-RSMF-Version", VERSION.to_string()),
            ("X-RSMF-Generator", format!("verbatim {}", env!("CARGO_PKG_VERSION"))),
            ("X-RSMF-BeginDate", date(begin)),
            ("X-RSMF-EndDate", date(end)),
            ("X-RSMF-EventCount", events.to_string()),
            ("X-RSMF-EventCollectionID", self.collection()),
            ("X-RSMF-Application", self.platform().to_string()),
            ("X-RSMF-Participants", people.join("; ")),
            ("X-RSMF-AttachmentCount", files.to_string()),
        ];
        let text = plain::text(conversation, self.zone, self.told);
        let id = hash_of("rsmf", &[text.as_bytes(), &zip]);
        let file =
            MailFile { name: ZIP.to_string(), media_type: "application/zip", bytes: zip.into() };
        let day = begin.datetime().with_timezone(&self.zone).date_naive();
        let subject = format!("Conversation {}, {day}", conversation.name);
        Mail { conversation, subject, at: begin, id, headers, text, files: vec![file] }
    }

    fn manifest(&self, copy_bytes: u64) -> Manifest<'a> {
        let conversation = self.conversation;
        let people = &conversation.people.list;
        let mut told = vec![
            custom("shop", &conversation.shop),
            custom("thread", &conversation.thread),
            custom("records", &conversation.told.len().to_string()),
            custom("zone", self.zone.name()),
            custom("withheld", &conversation.withheld_words()),
        ];
        told.retain(|custom| !custom.value.is_empty());
        let mut events = vec![self.disclaimer(copy_bytes)];
        events.extend(self.told.iter().map(|told| self.event(told)));
        Manifest {
            version: VERSION,
            participants: people
                .iter()
                .map(|person| Participant {
                    id: &person.key,
                    display: &person.name,
                    account_id: person.id.as_deref(),
                    custom: vec![custom("role", &person.role)],
                })
                .collect(),
            conversations: [ConversationTold {
                id: &conversation.name,
                display: &conversation.name,
                platform: self.platform(),
                r#type: "channel",
                participants: people.iter().map(|person| person.key.as_str()).collect(),
                custom: told,
            }],
            events,
            eventcollectionid: self.collection(),
        }
    }

    /// What stands before the events: what this is, and what is withheld.
    fn disclaimer(&self, copy_bytes: u64) -> Event<'a> {
        let at = self.told.iter().map(|told| told.occurred_at()).min().unwrap_or_default();
        Event {
            r#type: "disclaimer",
            body: plain::head(self.conversation, self.zone, self.told.len()).join("\n"),
            conversation: &self.conversation.name,
            timestamp: date(at),
            attachments: vec![Attachment {
                id: COPY.to_string(),
                display: COPY.to_string(),
                size: copy_bytes,
            }],
            ..Event::default()
        }
    }

    fn event(&self, told: &'a Told<'a>) -> Event<'a> {
        let kind = told.row.kind;
        let people = &self.conversation.people.list;
        let body = match (kind, told.text()) {
            (Kind::Message, text) => self.newest(told).or(text).unwrap_or_default().to_string(),
            (_, Some(text)) => format!("{}:\n{text}", told.words()),
            (_, None) => told.words(),
        };
        // What it says itself, where the body is another version or has words of ours before it.
        let is_body = kind == Kind::Message && told.edits.is_empty();
        let own = told.text().filter(|text| !is_body && !text.is_empty());
        let mut customs = self.custom(told);
        customs.extend(own.map(|text| custom("text", text)));
        Event {
            id: told.id(),
            r#type: match kind {
                Kind::Message => "message",
                Kind::Join => "join",
                Kind::Leave => "leave",
                _ => "unknown",
            },
            parent: self.parent(told),
            body,
            participant: told.sender.map(|sender| people[sender].key.as_str()),
            conversation: &self.conversation.name,
            timestamp: date(told.occurred_at()),
            deleted: !told.retractions.is_empty(),
            attachments: self.attachments(told),
            edits: self.edits(told),
            read_receipts: self.receipts(told),
            custom: customs,
        }
    }

    /// What has no other place in an event, or another form there.
    fn custom(&self, told: &Told<'_>) -> Vec<Custom> {
        let mut customs: Vec<Custom> =
            told.fields().iter().map(|(name, value)| custom(name, value)).collect();
        for (number, file) in (1..).zip(&told.files) {
            customs.push(custom(&format!("file_{number}"), &file.words()));
        }
        let changes =
            [("edited", &told.edits), ("retracted", &told.retractions), ("read", &told.reads)];
        for (what, places) in changes {
            for (number, words) in (1..).zip(self.conversation.changes(places)) {
                customs.push(custom(&format!("{what}_{number}"), &words));
            }
        }
        customs
    }

    fn attachments(&self, told: &Told<'_>) -> Vec<Attachment> {
        let within = told.files.iter().filter_map(|file| match file.kept {
            Kept::Within { bytes, .. } => Some(Attachment {
                id: self.place_of(file.sha256),
                display: file.name.to_string(),
                size: *bytes,
            }),
            Kept::Lacking(_) => None,
        });
        within.collect()
    }

    /// The versions of a message after its first, each with the one before.
    fn edits(&self, told: &'a Told<'a>) -> Vec<Edit<'a>> {
        let (mut edits, mut previous) = (Vec::new(), told.text());
        for (participant, edit) in self.senders_of(&told.edits) {
            let (timestamp, new) = (date(edit.occurred_at()), edit.text());
            edits.push(Edit { participant, timestamp, previous, new });
            previous = new;
        }
        edits
    }

    fn receipts(&self, told: &'a Told<'a>) -> Vec<Receipt<'a>> {
        let reads = self.senders_of(&told.reads);
        let receipt = |(participant, read): (&'a str, &Told<'_>)| Receipt {
            participant,
            timestamp: date(read.occurred_at()),
            action: "read",
        };
        reads.map(receipt).collect()
    }

    /// The newest text of a message that was edited.
    fn newest(&self, told: &Told<'_>) -> Option<&'a str> {
        let rows = &self.conversation.told;
        told.edits.iter().rev().find_map(|place| rows[*place].text())
    }

    /// These rows, with who sent each: the format takes no change of nobody.
    fn senders_of(&self, places: &'a [usize]) -> impl Iterator<Item = (&'a str, &'a Told<'a>)> {
        let Conversation { people, told, .. } = self.conversation;
        let rows = places.iter().map(|place| &told[*place]);
        rows.filter_map(|told| Some((people.list[told.sender?].key.as_str(), told)))
    }

    /// What it answers or changes, where that is in the same file: a parent must be.
    fn parent(&self, told: &Told<'a>) -> Option<&'a str> {
        let about = told.answered().or(told.target())?;
        self.ids.contains(about).then_some(about)
    }

    /// What a file is called in the zip: by its hash, and as it is first called.
    fn place_of(&self, sha256: &str) -> String {
        by_hash(sha256, self.names.get(sha256).copied().unwrap_or_default())
    }

    fn platform(&self) -> &'a str {
        let mut channels = self.conversation.told.iter().filter_map(|told| told.channel());
        channels.next().unwrap_or(PLATFORM)
    }

    /// The same in all files of the conversation.
    fn collection(&self) -> String {
        format!("verbatim-{}", self.conversation.thread)
    }
}

fn custom(name: &str, value: &str) -> Custom {
    Custom { name: name.to_string(), value: value.to_string() }
}

/// A zip of these files, in this order, as they are: the same files make the same bytes.
fn zip_of(files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, InterchangeError> {
    let (mut zip, mut entries) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::default();
        crc.add(&bytes);
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let length = u32::try_from(bytes.len()).map_err(too_large)?;
        let entry = Entry { name, crc: crc.value(), bytes: length };
        zip.extend(entry.local());
        zip.extend(bytes);
        entries.push(entry);
    }
    write_end(&entries, &mut zip)?;
    Ok(zip)
}
