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

use super::excerpt::seen;
use super::{Conversation, MessageId, Named, PackError, PackRequest, Place, Source};
use crate::evidence::names::{
    ATTACHMENTS_FOLDER, BAG_INFO, COMPLETENESS, CUSTODY, MANIFEST, MESSAGES, SEAL, TAG_MANIFEST,
};
use crate::evidence::row::Why;
use crate::model::{
    Event, FieldError, Kind, LeafHash, Micros, Offset, Origin, Record, Sender, Seq, parse_time,
};
use crate::relay::media_type_of;
use crate::search::RecordQuery;
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
    /// When records were erased, by their leaves in hex, as it says.
    erased_at: BTreeMap<String, Micros>,
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

impl Part {
    fn is_private(&self) -> bool {
        matches!(self, Part::Withheld { why, .. } if why == Why::Private.as_str())
    }
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
    read.note_case();
    for (number, line) in (1..).zip(text.lines()) {
        let added = read.add(line);
        added.map_err(|error| bad(format!("`{MESSAGES}` line {number}: {error}")))?;
    }
    read.note_maker();
    Ok(read)
}

impl BundleRead {
    /// The messages with these ids, each of which may be preceded by its conversation and a slash.
    pub fn named(&self, names: &[String]) -> Result<BTreeSet<MessageId>, PackError> {
        let mut named = BTreeSet::new();
        for name in names {
            let before = named.len();
            for conversation in &self.conversations {
                let Some(of) = &conversation.id else { continue };
                let id = name.strip_prefix(of).and_then(|id| id.strip_prefix('/')).unwrap_or(name);
                if conversation.records.iter().any(|record| record.event.id == id) {
                    named.insert((of.clone(), id.to_string()));
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

    /// The messages of which some record is a hit, as a search would find it; of those that a pack shows.
    fn with_words(&self, query: &RecordQuery) -> Result<BTreeSet<MessageId>, PackError> {
        let mut found = BTreeSet::new();
        for conversation in self.conversations.iter().map(seen) {
            let hits = query.hits(&conversation.records)?;
            let hits: BTreeSet<Seq> = hits.into_iter().map(|record| record.seq).collect();
            let (Some(of), entries) = (&conversation.id, transcript(&conversation.records)) else {
                continue;
            };
            for entry in entries {
                let Entry::Message(message) = entry else { continue };
                let mut records = message.versions().chain(&message.retractions);
                if records.any(|record| hits.contains(&record.seq)) {
                    found.insert((of.clone(), message.sent.event.id.clone()));
                }
            }
        }
        Ok(found)
    }

    /// What a pack shows of this bundle, in the bundle's own zone where no other is asked for.
    pub fn source(self, request: &PackRequest, zone: Option<Tz>) -> Result<Source, PackError> {
        request.check()?;
        let zone = zone.or(self.zone).unwrap_or(Tz::UTC);
        let mut chosen = self.named(&request.messages)?;
        // Days before now count from when the bundle was made: the same bundle makes the same pack.
        if let Some(query) = request.query(zone, self.made_at)? {
            let found = self.with_words(&query)?;
            if found.is_empty() {
                return Err(PackError::NoWords {
                    words: request.words.clone().unwrap_or_default(),
                });
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
            zone,
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
        let erased = said["erased"].as_array().into_iter().flatten();
        let erased = erased.filter_map(|of| Some((of["leaf"].as_str()?, of["at"].as_str()?)));
        let at = |(leaf, at): (&str, &str)| Some((leaf.to_string(), parse_time(at)?));
        self.erased_at = erased.filter_map(at).collect();
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
    /// id: it has its place among those it stands with, since a bundle has one conversation after the other.
    fn add(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let row: Row = serde_json::from_str(line)?;
        if row.seq == 1 || self.conversations.is_empty() {
            self.conversations.push(Conversation::default());
        }
        let canonical = match &row.parts.meta {
            Part::Disclosed { canonical } => canonical,
            Part::Withheld { why, .. } => return self.add_place(&row, why),
        };
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
        self.conversation_called(&record.event.conversation).records.push(record);
        Ok(())
    }

    /// The place of a record whose meta is withheld; none of what the shop keeps to itself, which is so in all parts.
    fn add_place(&mut self, row: &Row, why: &str) -> Result<(), serde_json::Error> {
        let kind = Kind::from_repr(row.kind);
        let kind = kind.ok_or_else(|| serde::de::Error::custom("its kind is unknown"))?;
        let Parts { sender, body, meta } = &row.parts;
        if [sender, body, meta].iter().all(|part| part.is_private()) {
            return Ok(());
        }
        let role = match sender {
            Part::Disclosed { canonical } => {
                let sender: Sender = serde_json::from_str(canonical)?;
                Some(sender.role.as_str().to_string())
            }
            Part::Withheld { role, .. } => role.as_ref().map(|role| format!("{role}?")),
        };
        let place = Place {
            seq: Seq(row.seq),
            kind,
            role,
            received_at: Micros(row.received_at_us),
            leaf: row.leaf,
            why: why.to_string(),
            erased_at: self.erased_at.get(&row.leaf.to_string()).copied(),
        };
        if let Some(conversation) = self.conversations.last_mut() {
            conversation.places.push(place);
        }
        Ok(())
    }

    /// The conversation that is being read, which is called so.
    fn conversation_called(&mut self, name: &str) -> &mut Conversation {
        let is_it = |of: &Conversation| of.id.as_deref().is_none_or(|id| id == name);
        if !self.conversations.last().is_some_and(is_it) {
            self.conversations.push(Conversation::default());
        }
        let last = self.conversations.len() - 1;
        let conversation = &mut self.conversations[last];
        conversation.id.get_or_insert_with(|| name.to_string());
        conversation
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
        let line = |seq: u32, meta: Value, body: Value, sender: Value| {
            serde_json::json!({"kind": 2, "leaf": leaf, "received_at_us": 5, "seq": seq, "parts": {"meta": meta, "body": body, "sender": sender}}).to_string()
        };
        let sender = serde_json::json!({"id": "u", "role": "customer"});
        let body = serde_json::json!({"text": "退款"});
        let mut read = BundleRead::default();
        read.add(&line(1, part(meta("m1")), part(body.clone()), part(sender))).unwrap();
        read.add(&line(2, part(meta("m2")), withheld("redacted"), withheld("redacted"))).unwrap();
        let all = |seq: u32, why: &str| line(seq, withheld(why), withheld(why), withheld(why));
        read.add(&all(3, "private")).unwrap();
        read.add(&all(4, "erased")).unwrap();
        read.add(&all(1, "range")).unwrap();
        let records = &read.conversations[0].records;
        assert_eq!((read.conversations.len(), records.len()), (2, 2));
        let place = |of: &Conversation| {
            let at = of.places.iter().map(|place| (place.seq.0, place.why.clone()));
            (of.id.clone(), at.collect::<Vec<_>>())
        };
        assert_eq!(
            read.conversations.iter().map(place).collect::<Vec<_>>(),
            [
                (Some("c".to_string()), vec![(4, "erased".to_string())]),
                (None, vec![(1, "range".to_string())]),
            ]
        );
        assert_eq!(read.conversations[0].places[0].role.as_deref(), Some("human?"));
        assert_eq!(records[0].event.text.as_deref(), Some("退款"));
        assert_eq!((records[0].received_at, read.shop.as_deref()), (Micros(5), Some("s")));
        assert_eq!(records[1].event.sender.id, "withheld: redacted");
        let why = read.withheld.get(&("c".to_string(), "m2".to_string()));
        assert_eq!(why.map(String::as_str), Some("redacted"));
        let other = line(5, part(meta("m3")), part(body), withheld("redacted"))
            .replace("\"kind\":2", "\"kind\":3");
        assert!(read.add(&other).unwrap_err().to_string().contains("its kind is 3"));
    }
}
