//! The source of a pack: a bundle, of which it shows what the evidence copy discloses. So whatever a pack
//! says is in the bundle, and nothing else is.
//!
//! It does not verify the bundle: `verbatim evidence verify` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek};

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::excerpt::seen_records;
use super::{Conversation, MessageId, Named, PackError, PackRequest, Source};
use crate::evidence::names::{
    ATTACHMENTS_FOLDER, BAG_INFO, COMPLETENESS, CUSTODY, MANIFEST, MESSAGES, SEAL, TAG_MANIFEST,
};
use crate::model::{
    Event, FieldError, Kind, LeafHash, Micros, Offset, Origin, PublicRecord, Record, Seq,
    parse_time,
};
use crate::relay::media_type_of;
use crate::search::{Marks, Mode};
use crate::transcript::{Entry, transcript};

/// The line of the custody file that says who made the bundle, and when.
const EXPORTED: &str = "exported";
/// What travels inside a document, most important first: what the names of files begin with.
const EMBEDDED: &[&str] =
    &[MESSAGES, "proofs/", SEAL, TAG_MANIFEST, MANIFEST, BAG_INFO, "custody/"];

/// What a bundle has for a pack.
#[derive(Clone, Debug, Default)]
pub struct BundleRead {
    /// SHA-256 of the bundle, in hex.
    pub sha256: String,
    /// None where no record says.
    pub shop: Option<String>,
    pub conversations: Vec<Conversation>,
    pub files: Vec<Named>,
    /// Pictures by the hash of their bytes.
    pub attachments: BTreeMap<String, Vec<u8>>,
    /// The case it was made for, and the zone in which it shows times, as it says.
    pub case: Option<String>,
    pub zone: Option<Tz>,
    /// When the bundle was made, and by whom, as it says.
    pub made_at: Micros,
    pub made_by: String,
    /// Why the body of a message is not in the bundle.
    pub withheld: BTreeMap<(String, String), String>,
}

/// A line of the evidence copy.
#[derive(Deserialize)]
struct Row {
    kind: u8,
    leaf: LeafHash,
    received_at_us: i64,
    seq: u32,
    parts: Parts,
}

#[derive(Deserialize)]
struct Parts {
    sender: Part,
    body: Part,
    meta: Part,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Disclosed {
        canonical: String,
    },
    Withheld {
        #[serde(default)]
        role: Option<String>,
        why: String,
    },
}

/// Reads the bundle in `file`: its evidence copy, and what else a pack takes of it, of up to `bytes_max`
/// bytes each.
pub fn read_bundle(file: File, bytes_max: u64) -> Result<BundleRead, PackError> {
    let bad = |reason: String| PackError::BadBundle { reason };
    let mut file = BufReader::new(file);
    let sha256 = sha256_of(&mut file).map_err(|error| bad(error.to_string()))?;
    let mut zip = ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
    let mut read = BundleRead { sha256, ..BundleRead::default() };
    let names = zip.file_names().map(|name| name.map(|name| name.to_string()));
    let names: BTreeSet<String> =
        names.collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    let mut left = bytes_max;
    for name in names {
        // All lies in one folder.
        let Some((_, inner)) = name.split_once('/') else { continue };
        let (is_file, is_picture) =
            (place_of(inner).is_some(), inner.starts_with(ATTACHMENTS_FOLDER));
        if !is_file && !is_picture {
            continue;
        }
        let max = if inner == MESSAGES { bytes_max } else { left };
        let entry = zip.by_name(&name).map_err(|error| bad(error.to_string()))?;
        let size = entry.size();
        if size > max && is_picture {
            // It is named all the same, with its hash.
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(max).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
        if bytes.len() as u64 != size {
            return Err(bad(format!("`{inner}` has more than {max} bytes")));
        }
        if inner != MESSAGES {
            left -= size;
        }
        if is_file {
            let (name, media_type) = (inner.to_string(), media_type_by_name(inner).to_string());
            read.files.push(Named { name, media_type, bytes });
        } else if media_type_of(&bytes).starts_with("image/") {
            read.attachments.insert(hex::encode(Sha256::digest(&bytes)), bytes);
        }
    }
    read.files.sort_by(|left, right| {
        (place_of(&left.name), &left.name).cmp(&(place_of(&right.name), &right.name))
    });
    let messages = read.files.iter().find(|file| file.name == MESSAGES);
    let messages = messages.ok_or_else(|| bad(format!("it has no `{MESSAGES}`")))?;
    let text = String::from_utf8(messages.bytes.clone());
    let text = text.map_err(|_| bad(format!("`{MESSAGES}` is no text")))?;
    for (number, line) in (1..).zip(text.lines()) {
        let added = read.add(line);
        added.map_err(|error| bad(format!("`{MESSAGES}` line {number}: {error}")))?;
    }
    read.note_maker();
    read.note_case();
    Ok(read)
}

impl BundleRead {
    /// The messages with these ids, each of which may be preceded by its conversation and a slash.
    pub fn named(&self, names: &[String]) -> Result<BTreeSet<MessageId>, PackError> {
        let mut named = BTreeSet::new();
        for name in names {
            let before = named.len();
            for conversation in &self.conversations {
                let of = format!("{}/", conversation.id);
                let id = name.strip_prefix(&of).unwrap_or(name);
                if conversation.records.iter().any(|record| record.event.id == id) {
                    named.insert((conversation.id.clone(), id.to_string()));
                }
            }
            match named.len() - before {
                1 => {}
                0 => return Err(PackError::NotThere { missing: format!("`{name}`") }),
                _ => {
                    let rule = "name one message: write CONVERSATION/ID";
                    return Err(FieldError::new("messages", name, rule).into());
                }
            }
        }
        Ok(named)
    }

    /// The messages of which some version has these words, as search reads them; of those that a pack shows.
    pub fn with_words(&self, words: &str) -> BTreeSet<MessageId> {
        let marks = Marks::of(words, Mode::default());
        let has = |record: &PublicRecord<'_>| {
            record.event.text.as_ref().is_some_and(|text| !marks.spans(text).is_empty())
        };
        let mut found = BTreeSet::new();
        for conversation in &self.conversations {
            for entry in transcript(&seen_records(conversation)) {
                if let Entry::Message(message) = entry
                    && message.versions().any(has)
                {
                    found.insert((conversation.id.clone(), message.sent.event.id.clone()));
                }
            }
        }
        found
    }

    /// What a pack shows of this bundle, in the bundle's own zone where no other is asked for.
    pub fn source(self, request: &PackRequest, zone: Option<Tz>) -> Result<Source, PackError> {
        let mut chosen = self.named(&request.messages)?;
        if let Some(words) = &request.words {
            let found = self.with_words(words);
            if found.is_empty() {
                return Err(PackError::NoWords { words: words.clone() });
            }
            chosen.extend(found);
        }
        let mut records = self.conversations.iter().flat_map(|of| &of.records);
        Ok(Source {
            shop: self.shop.unwrap_or_default(),
            case: self.case.unwrap_or_default(),
            order: records.find_map(|record| record.event.order.clone()),
            conversations: self.conversations,
            chosen,
            context: request.context,
            zone: zone.or(self.zone).unwrap_or(Tz::UTC),
            made_at: self.made_at,
            made_by: self.made_by,
            bundle_sha256: self.sha256,
            files: self.files,
            withheld: self.withheld,
            attachments: self.attachments,
        })
    }

    /// The text of a file; empty where it is not there.
    fn text(&self, name: &str) -> String {
        let file = self.files.iter().find(|file| file.name == name);
        file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
    }

    fn note_case(&mut self) {
        let said: Value = serde_json::from_str(&self.text(COMPLETENESS)).unwrap_or_default();
        self.case = said["case"].as_str().map(str::to_string);
        self.zone = said["zone"].as_str().and_then(|zone| zone.parse().ok());
    }

    fn note_maker(&mut self) {
        for line in self.text(CUSTODY).lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else { continue };
            if said["what"] == EXPORTED {
                self.made_at = said["from"].as_str().and_then(parse_time).unwrap_or_default();
                self.made_by = said["who"].as_str().unwrap_or_default().to_string();
            }
        }
    }

    /// Adds a record, as far as it is disclosed. One whose meta is withheld names neither conversation nor
    /// id: nothing of it can be shown.
    fn add(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let row: Row = serde_json::from_str(line)?;
        let Part::Disclosed { canonical } = &row.parts.meta else { return Ok(()) };
        let mut fields: Map<String, Value> = serde_json::from_str(canonical)?;
        let mut taken = |name: &str| fields.remove(name);
        let shop = taken("shop").and_then(|shop| shop.as_str().map(str::to_string));
        let origin = taken("origin").map(serde_json::from_value::<Origin>).transpose()?;
        let by = taken("by").map(serde_json::from_value).transpose()?;
        // It is in the evidence copy, to the byte; no page shows it.
        taken("data");
        let sender = match &row.parts.sender {
            Part::Disclosed { canonical } => serde_json::from_str(canonical)?,
            Part::Withheld { role, why } => serde_json::json!({
                "id": format!("withheld: {why}"),
                "role": role.as_deref().unwrap_or("system"),
            }),
        };
        fields.insert("sender".to_string(), sender);
        let withheld = match &row.parts.body {
            Part::Disclosed { canonical } => {
                fields.extend(serde_json::from_str::<Map<String, Value>>(canonical)?);
                None
            }
            Part::Withheld { why, .. } => Some(why.clone()),
        };
        let event: Event = serde_json::from_value(Value::Object(fields))?;
        if Kind::from_repr(row.kind) != Some(event.kind) {
            let rule = format!("its kind is {}, not `{}`", row.kind, event.kind.as_str());
            return Err(serde::de::Error::custom(rule));
        }
        if let Some(why) = withheld {
            self.withheld.insert((event.conversation.clone(), event.id.clone()), why);
        }
        let shop = shop.unwrap_or_default();
        self.shop.get_or_insert_with(|| shop.clone());
        let record = Record {
            // Of the log, which no bundle names.
            offset: Offset(0),
            seq: Seq(row.seq),
            received_at: Micros(row.received_at_us),
            origin: origin.unwrap_or(Origin::Live),
            shop,
            by,
            leaf: row.leaf,
            salt: None,
            erased: None,
            event,
        };
        let id = &record.event.conversation;
        match self.conversations.iter_mut().find(|known| known.id == *id) {
            Some(conversation) => conversation.records.push(record),
            None => {
                let id = id.clone();
                self.conversations.push(Conversation { id, records: vec![record] });
            }
        }
        Ok(())
    }
}

/// Where among those that travel inside a document a file stands; `None` where it does not.
fn place_of(name: &str) -> Option<usize> {
    EMBEDDED.iter().position(|begin| name.starts_with(begin))
}

fn media_type_by_name(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "jsonl")) => "application/jsonl",
        Some((_, "pem")) => "application/x-pem-file",
        _ => "text/plain",
    }
}

fn sha256_of(file: &mut (impl Read + Seek)) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(file, &mut hash)?;
    file.rewind()?;
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_evidence_copy_is_a_record_as_far_as_it_is_disclosed() {
        let leaf = "ab".repeat(32);
        let part = |canonical: Value| serde_json::json!({"canonical": canonical.to_string(), "salt": "00"});
        let withheld =
            |why: &str| serde_json::json!({"commitment": leaf, "why": why, "role": "human"});
        let meta = |id: &str| serde_json::json!({"automatic": false, "conversation": "c", "data": "[1]", "id": id, "kind": "message", "origin": "live", "shop": "s", "visibility": "public"});
        let line = |meta: Value, body: Value, sender: Value| {
            serde_json::json!({"kind": 2, "leaf": leaf, "received_at_us": 5, "seq": 1, "parts": {"meta": meta, "body": body, "sender": sender}}).to_string()
        };
        let sender = serde_json::json!({"id": "u", "role": "customer"});
        let body = serde_json::json!({"text": "退款"});
        let mut read = BundleRead::default();
        read.add(&line(part(meta("m1")), part(body.clone()), part(sender))).unwrap();
        read.add(&line(part(meta("m2")), withheld("redacted"), withheld("redacted"))).unwrap();
        read.add(&line(withheld("private"), withheld("private"), withheld("private"))).unwrap();
        let records = &read.conversations[0].records;
        assert_eq!((read.conversations.len(), records.len()), (1, 2));
        assert_eq!(records[0].event.text.as_deref(), Some("退款"));
        assert_eq!((records[0].received_at, read.shop.as_deref()), (Micros(5), Some("s")));
        assert_eq!(records[1].event.sender.id, "withheld: redacted");
        let why = read.withheld.get(&("c".to_string(), "m2".to_string()));
        assert_eq!(why.map(String::as_str), Some("redacted"));
        let other = line(part(meta("m3")), part(body), withheld("redacted"))
            .replace("\"kind\":2", "\"kind\":3");
        assert!(read.add(&other).unwrap_err().to_string().contains("its kind is 3"));
    }
}
