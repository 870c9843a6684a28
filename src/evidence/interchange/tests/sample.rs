//! A chat in which everything happens that a form has to show, and bundles of it: as far as files are made of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::evidence::interchange::{Bounds, Form, InterchangeError, Signer, interchange};
use crate::evidence::names::{ATTACHMENTS, COMPLETENESS, MESSAGES};
use crate::evidence::row::{Disclosure, ParsedRow, Row};
use crate::evidence::seal::attachment_name;
use crate::evidence::zip::{Crc, Entry, write_end};
use crate::evidence::{Redaction, Zipped};
use crate::model::{Authority, By, CanonicalEvent, Chain, Event, Micros, Offset, Origin, Record};
use crate::relay::DiskSpace;

pub(super) const SHOP: &str = "shop";
/// 2026-01-03 02:13:05.25 in Shanghai.
const AT: i64 = 1_767_377_585_250_000;

/// Chats, with the files that are kept of them.
pub(super) struct Chats {
    pub(super) records: BTreeMap<String, Vec<Record>>,
    /// Bytes of files, by their hashes.
    pub(super) kept: BTreeMap<String, Vec<u8>>,
    pub(super) folder: tempfile::TempDir,
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub(super) fn event(id: &str, kind: &str, role: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "kind": kind,
        "sender": {"id": format!("{role}-1"), "role": role, "name": format!("Ann {role}")}});
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// As its sender describes it, who may say any length.
pub(super) fn file(bytes: &[u8], name: &str, media_type: &str) -> Value {
    json!({"sha256": sha256(bytes), "name": name, "media_type": media_type, "bytes": 1})
}

/// What happens in it: every kind, every field.
pub(super) fn chat() -> Vec<Value> {
    let photo = file(b"photo", "broken cup.png", "image/png");
    let page = file(b"<html>", "page.html", "text/html");
    let lost = file(b"lost", "lost.mp4", "video/mp4");
    vec![
        event("o", "open", "customer", json!({"order": "A-1", "channel": "app", "language": "zh"})),
        event("m1", "message", "bot", json!({"text": "Welcome 您好", "automatic": true})),
        event("m2", "message", "customer", json!({"text": "see", "attachments": [photo, page]})),
        event(
            "m3",
            "message",
            "customer",
            json!({"attachments": [photo, lost], "sent_at": "2026-01-03T02:13:05+08:00"}),
        ),
        event("h", "handoff", "bot", json!({"assignee": "human-1"})),
        event("q", "queue", "system", json!({})),
        event("a", "assign", "system", json!({"assignee": "human-1"})),
        event("j", "join", "human", json!({})),
        event(
            "n",
            "message",
            "human",
            json!({"text": "careful with this one", "visibility": "private"}),
        ),
        event(
            "m4",
            "message",
            "human",
            json!({"text": "we refund 236", "reply_to": "m2", "data": {"b": 1.10}}),
        ),
        event("e1", "edit", "human", json!({"target": "m4", "text": "we refund 263"})),
        event("e2", "edit", "human", json!({"target": "e1", "text": "we refund 623 元"})),
        event("r1", "read", "customer", json!({"target": "e2"})),
        event("x", "retract", "human", json!({"target": "m4"})),
        event("p", "pause", "human", json!({})),
        event("c", "resume", "human", json!({})),
        event("t", "tag", "human", json!({"category": "refund"})),
        event("u", "untag", "human", json!({"category": "refund"})),
        event("k", "call", "human", json!({"data": {"seconds": 92}})),
        event("f", "resolve", "human", json!({})),
        event("g", "reopen", "customer", json!({})),
        event("rr", "rate_request", "system", json!({})),
        event("ra", "rate", "customer", json!({"rating": 2, "text": "slow\nbut kind"})),
        event("m5", "message", "customer", json!({"text": "said"})),
        event("e3", "edit", "customer", json!({"target": "m5", "text": "unsaid"})),
        event("e4", "edit", "customer", json!({"target": "m5", "text": "said"})),
        event("e5", "edit", "customer", json!({"target": "m3", "text": "a photo"})),
        event("l", "leave", "human", json!({})),
        event("ho", "hold", "human", json!({"data": {"case": "dispute-7"}})),
        event("re", "release", "human", json!({"data": {"case": "dispute-7"}})),
    ]
}

impl Chats {
    /// The chat of [`chat`] in two conversations, and one old transcript that was brought in.
    pub(super) fn new() -> Chats {
        let mut chats = Chats::of(BTreeMap::from([("c-1", chat()), ("c-2", chat())]));
        let old = |id: &str, text: &str, day: u32| {
            let event = event(
                id,
                "message",
                "customer",
                json!({"text": text, "sent_at": format!("2025-03-{day:02}T23:30:00+01:00")}),
            );
            let by = Some(By { sub: "desk".to_string(), role: Authority::Importer });
            (event, by, Origin::Imported)
        };
        chats
            .add("old", vec![old("i1", "first", 7), old("i2", "second", 7), old("i3", "third", 9)]);
        for bytes in [&b"photo"[..], b"<html>"] {
            chats.kept.insert(sha256(bytes), bytes.to_vec());
        }
        chats
    }

    /// These conversations, of live events.
    pub(super) fn of(conversations: BTreeMap<&str, Vec<Value>>) -> Chats {
        let folder = tempfile::tempdir().unwrap();
        let mut chats = Chats { records: BTreeMap::new(), kept: BTreeMap::new(), folder };
        for (name, events) in conversations {
            let live = |event| (event, None, Origin::Live);
            chats.add(name, events.into_iter().map(live).collect());
        }
        chats
    }

    fn add(&mut self, name: &str, events: Vec<(Value, Option<By>, Origin)>) {
        let (mut chain, mut records) = (Chain::default(), Vec::new());
        for (index, (mut event, by, origin)) in (0_u32..).zip(events) {
            event["conversation"] = name.into();
            let event = Event::parse(event.to_string().as_bytes())
                .unwrap_or_else(|error| panic!("{event}: {error}"));
            let event = CanonicalEvent::new(SHOP, origin, by, event);
            // Every hour: the chat lasts two days.
            let at = Micros(AT + i64::from(index) * 3_600_000_003);
            let record = Record::new(Offset(u64::from(index)), at, &chain, event);
            chain.add(record.leaf);
            records.push(record);
        }
        self.records.insert(name.to_string(), records);
    }

    /// The same, said within seconds.
    pub(super) fn on_one_day(&mut self) {
        for records in self.records.values_mut() {
            let mut chain = Chain::default();
            for (index, record) in (0..).zip(records) {
                record.received_at = Micros(AT + index);
                record.leaf = record.leaf_behind(&chain).unwrap();
                chain.add(record.leaf);
            }
        }
    }

    /// The evidence copy of a bundle that discloses this.
    pub(super) fn copy(&self, disclosure: &Disclosure<'_>) -> String {
        let mut copy = String::new();
        for records in self.records.values() {
            let (mut chain, mut reader) = (Chain::default(), disclosure.reader());
            for record in records {
                let why_not = disclosure.why_not(record, &mut reader);
                let commitments = record.commitments().unwrap();
                let row = Row::of(record, &chain, &commitments, why_not, "+08:00".to_string());
                copy.push_str(&(row.unwrap().line() + "\n"));
                chain.add(record.leaf);
            }
        }
        copy
    }

    /// A bundle that discloses this: the files of it that matter here.
    pub(super) fn bundle(&self, disclosure: &Disclosure<'_>) -> PathBuf {
        let copy = self.copy(disclosure);
        let mut listed = String::new();
        let names: BTreeMap<&String, String> =
            self.kept.keys().zip(0..).map(|(sum, index)| (sum, attachment_name(index))).collect();
        for row in copy.lines().map(|line| ParsedRow::parse(line).unwrap()) {
            let files = row.body.get("attachments").and_then(|files| files.list());
            for file in files.unwrap_or_default() {
                let mut file = serde_json::to_value(file).unwrap();
                let sum = file["sha256"].as_str().unwrap().to_string();
                file["file"] = names.get(&sum).map_or("missing", |name| name.as_str()).into();
                listed.push_str(&format!("{file}\n"));
            }
        }
        let mut files = vec![
            (COMPLETENESS.to_string(), br#"{"zone":"Asia/Shanghai"}"#.to_vec()),
            (MESSAGES.to_string(), copy.into_bytes()),
            (ATTACHMENTS.to_string(), listed.into_bytes()),
        ];
        files.extend(self.kept.iter().map(|(sum, bytes)| (names[sum].clone(), bytes.clone())));
        let path = self.folder.path().join("bundle.zip");
        let mut zip = File::create(&path).unwrap();
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let mut crc = Crc::default();
            crc.add(&bytes);
            let (name, length) = (format!("case/{name}"), bytes.len().try_into().unwrap());
            let entry = Entry { name, crc: crc.value(), bytes: length };
            zip.write_all(&entry.local()).unwrap();
            zip.write_all(&bytes).unwrap();
            entries.push(entry);
        }
        write_end(&entries, &mut zip).unwrap();
        path
    }

    pub(super) fn made_within(
        &self,
        form: Form,
        disclosure: &Disclosure<'_>,
        signer: Option<&dyn Signer>,
        bounds: Bounds<'_>,
    ) -> Result<Zipped, InterchangeError> {
        let spool = DiskSpace::of(self.folder.path().to_path_buf(), 0);
        let bundle = File::open(self.bundle(disclosure)).unwrap();
        interchange(bundle, form, signer, bounds, &spool)
    }

    /// The zip of a form.
    pub(super) fn made(&self, form: Form, disclosure: &Disclosure<'_>) -> Vec<u8> {
        let zipped = self.made_within(form, disclosure, Some(&Stamp), usual()).unwrap();
        let mut bytes = Vec::new();
        zipped.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, zipped.bytes());
        bytes
    }
}

pub(super) fn usual() -> Bounds<'static> {
    Bounds { records_bytes_max: 64 << 20, files_bytes_max: 64 << 20, is_wanted: &|| true }
}

pub(super) fn all() -> Disclosure<'static> {
    Disclosure { from: None, to: None, with_private: true, redactions: &[] }
}

pub(super) fn for_the_other_side(redactions: &[Redaction]) -> Disclosure<'_> {
    Disclosure { from: None, to: None, with_private: false, redactions }
}

/// A signature that everybody can make: a hash.
pub(super) struct Stamp;

impl Signer for Stamp {
    fn chain(&self) -> Vec<Vec<u8>> {
        vec![b"certificate".to_vec(), b"of an authority".to_vec()]
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        Ok(Sha256::digest(text).to_vec())
    }
}
