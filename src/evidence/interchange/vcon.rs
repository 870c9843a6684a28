//! vCon, the conversation container of the IETF (draft-ietf-vcon-vcon-core): JSON with parties, dialog and attachments,
//! and the same as a signed JWS where there is a key.
//!
//! ```text
//! dialog        each message and each edit, with its own text
//! attachments   the files of the chat; a JSON object for each row that is no message and no edit; the evidence copy
//! verbatim      on parties, dialog and attachments: what the draft has no parameter for. A compatible extension
//! uuid          version 8: the time of the last row and a hash of all that the vCon says, so that the same has the same
//! ```
//! It has no `redacted`: that names a vCon with more in it, and there is none. What is withheld is counted in `verbatim`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::InterchangeError;
use super::conversation::{Conversation, FileTold, Told};
use super::jws::{Signer, signed};
use super::naming::{date, hash_of, media_type, saved_as};
use super::out::{Out, evidence_copy, load};
use super::people::Person;
use super::source::{Bytes, Kept};
use crate::model::{Kind, Micros, Role};

/// What is added to the draft's parameters, and the name of that in `extensions`.
const EXTENSION: &str = "verbatim";

/// A vCon that is made.
struct Making<'a> {
    conversation: &'a Conversation<'a>,
    zone: Tz,
    /// Bytes of its files, by their hash.
    loaded: BTreeMap<String, Vec<u8>>,
    parties: Vec<Value>,
    dialog: Vec<Map<String, Value>>,
    attachments: Vec<Value>,
    /// Which party is whoever is not said.
    nobody: usize,
}

/// Writes the vCon of a conversation, and the signed one.
pub(super) fn write(
    conversation: &Conversation<'_>,
    zone: Tz,
    stem: &str,
    bytes: &mut impl Bytes,
    signer: Option<&dyn Signer>,
    out: &mut Out<'_>,
) -> Result<(), InterchangeError> {
    let loaded = load(stem, &conversation.told, bytes, out)?;
    let vcon = Making::of(conversation, zone, loaded).vcon()?;
    let uuid = vcon["uuid"].as_str().unwrap_or_default().to_string();
    let text = serde_json::to_vec(&vcon)?;
    drop(vcon);
    if let Some(signer) = signer {
        let signed = signed(&text, &uuid, signer).map_err(InterchangeError::Signature)?;
        let signed = serde_json::to_vec(&signed)?;
        out.add(&format!("{stem}.signed.vcon"), |out| out.write_all(&signed))?;
    }
    Ok(out.add(&format!("{stem}.vcon"), |out| out.write_all(&text))?)
}

impl<'a> Making<'a> {
    fn of(
        conversation: &'a Conversation<'a>,
        zone: Tz,
        loaded: BTreeMap<String, Vec<u8>>,
    ) -> Making<'a> {
        let people = &conversation.people.list;
        let mut parties: Vec<Value> = people.iter().map(party_of).collect();
        let nobody = parties.len();
        // Whoever sent what is withheld whole, and the shop, which adds the evidence copy.
        parties.push(json!({"name": "anonymous"}));
        parties.push(
            json!({"name": conversation.shop, "org": conversation.shop, "type": "organization"}),
        );
        let (dialog, attachments) = (Vec::new(), Vec::new());
        let mut making =
            Making { conversation, zone, loaded, parties, dialog, attachments, nobody };
        making.dialog.extend(making.first());
        for told in &conversation.told {
            making.add(told);
        }
        making.add_copy();
        making
    }

    /// Every attachment belongs to a dialog: where nothing was said, one that says so.
    fn first(&self) -> Option<Map<String, Value>> {
        let told = &self.conversation.told;
        if told.iter().any(|told| is_said(told.row.kind)) {
            return None;
        }
        let start = date(told.first().map(|told| told.occurred_at()).unwrap_or_default());
        let nothing = json!({"type": "incomplete", "start": start, "disposition": "hung-up"});
        nothing.as_object().cloned()
    }

    fn add(&mut self, told: &Told<'_>) {
        let party = told.sender.unwrap_or(self.nobody);
        let start = date(told.occurred_at());
        if is_said(told.row.kind) {
            self.add_said(told, party, &start);
        } else {
            let mut body = self.extension(told);
            if let (Some(body), Some(text)) = (body.as_object_mut(), told.text()) {
                body.insert("text".to_string(), text.into());
            }
            let purpose = format!("record: {}", told.words());
            self.attachments.push(json!({
                "purpose": purpose, "start": start, "party": party, "dialog": self.newest(),
                "mediatype": "application/json", "encoding": "json", "body": body,
            }));
            self.note_presence(told, party, &start);
        }
        for file in &told.files {
            self.add_file(file, told, party, &start);
        }
    }

    fn add_said(&mut self, told: &Told<'_>, party: usize, start: &str) {
        let said = json!({
            "type": "text", "start": start, "parties": [party],
            "application": told.channel(), "message_id": told.id(),
            EXTENSION: self.extension(told),
        });
        let mut said = said.as_object().cloned().unwrap_or_default();
        said.retain(|_, value| !value.is_null());
        // Absent where it is withheld; a message of files alone has an empty one.
        let is_disclosed = told.withheld("body").is_none();
        if let Some(text) = told.text().or(is_disclosed.then_some("")) {
            said.insert("mediatype".to_string(), "text/plain".into());
            said.insert("encoding".to_string(), "none".into());
            said.insert("body".to_string(), text.into());
        }
        self.dialog.push(said);
    }

    fn add_file(&mut self, file: &FileTold<'_>, told: &Told<'_>, party: usize, start: &str) {
        let FileTold { name, media_type: said, bytes, sha256, kept } = file;
        let mut extension = json!({
            "name": name, "media_type": said, "bytes": bytes, "sha256": sha256,
            "seq": told.row.row.seq, "leaf": told.leaf().to_string(),
        });
        let mut attachment = json!({
            "purpose": "file of the chat", "start": start, "party": party, "dialog": self.newest(),
            "mediatype": media_type(said), "filename": saved_as(name),
        });
        match (kept, self.loaded.get(*sha256)) {
            (Kept::Within { .. }, Some(loaded)) => {
                attachment["encoding"] = "base64url".into();
                attachment["body"] = URL_SAFE_NO_PAD.encode(loaded).into();
                attachment["content_hash"] = content_hash(loaded).into();
            }
            (Kept::Lacking(why), _) => extension["lacking"] = why.as_str().into(),
            (Kept::Within { .. }, None) => extension["lacking"] = "missing".into(),
        }
        attachment[EXTENSION] = extension;
        self.attachments.push(attachment);
    }

    /// Who came and went, of the dialog that it was in.
    fn note_presence(&mut self, told: &Told<'_>, party: usize, start: &str) {
        let event = match told.row.kind {
            Kind::Join => "join",
            Kind::Leave => "drop",
            _ => return,
        };
        let (newest, is_known) = (self.newest(), told.sender.is_some());
        if let Some(dialog) = self.dialog.get_mut(newest).filter(|_| is_known) {
            let history = dialog.entry("party_history").or_insert_with(|| json!([]));
            if let Some(history) = history.as_array_mut() {
                history.push(json!({"party": party, "time": start, "event": event}));
            }
        }
    }

    fn add_copy(&mut self) {
        let copy = evidence_copy(&self.conversation.told);
        let start = date(self.last());
        self.attachments.push(json!({
            "purpose": "evidence copy: each record with what its leaf is made of",
            "start": start, "party": self.parties.len() - 1, "dialog": 0,
            "mediatype": "application/jsonl", "filename": "messages.jsonl", "encoding": "none",
            "content_hash": content_hash(copy.as_bytes()), "body": copy,
        }));
    }

    /// The dialog that was added last.
    fn newest(&self) -> usize {
        self.dialog.len().saturating_sub(1)
    }

    /// When the newest row was received.
    fn last(&self) -> Micros {
        self.conversation.told.iter().map(|told| told.received_at()).max().unwrap_or_default()
    }

    /// What the draft has no parameter for.
    fn extension(&self, told: &Told<'_>) -> Value {
        let row = &told.row.row;
        let withheld: Map<String, Value> =
            told.row.withheld().map(|(name, why)| (name.to_string(), why.into())).collect();
        let mut extension = json!({
            "seq": row.seq, "kind": told.row.kind.as_str(), "leaf": told.leaf().to_string(),
            "prev": hex::encode(row.prev.0), "received_at": told.received_at().to_string(),
            "sender": told.row.sender, "meta": told.row.meta,
        });
        if !withheld.is_empty() {
            extension["withheld"] = Value::Object(withheld);
        }
        for (what, places) in [("edited", &told.edits), ("retracted", &told.retractions)] {
            let changes: Vec<String> = self.conversation.changes(places).collect();
            if !changes.is_empty() {
                extension[what] = changes.into();
            }
        }
        extension
    }

    fn vcon(self) -> serde_json::Result<Value> {
        let conversation = self.conversation;
        let created_at = self.last();
        let mut subject = format!("Conversation {}", conversation.name);
        if let Some(order) = conversation.order {
            subject.push_str(&format!(", order {order}"));
        }
        let mut vcon = json!({
            "created_at": date(created_at),
            "extensions": [EXTENSION],
            "subject": subject,
            "parties": self.parties,
            "dialog": self.dialog,
            "attachments": self.attachments,
            EXTENSION: {
                "shop": conversation.shop, "conversation": conversation.name,
                "thread": conversation.thread, "records": conversation.told.len(),
                "zone": self.zone.name(), "withheld": conversation.withheld,
                "generator": format!("verbatim {}", env!("CARGO_PKG_VERSION")),
            },
        });
        let mut said = Sha256::new();
        serde_json::to_writer(&mut said, &vcon)?;
        vcon["uuid"] = uuid(created_at, hash_of("vcon", &[&said.finalize()])).into();
        Ok(vcon)
    }
}

/// A message or an edit: what the draft calls text of one of the parties.
fn is_said(kind: Kind) -> bool {
    matches!(kind, Kind::Message | Kind::Edit)
}

fn party_of(person: &Person) -> Value {
    let kind = match person.role.as_str() {
        role if role == Role::Customer.as_str() || role == Role::Human.as_str() => "person",
        _ => "bot",
    };
    match &person.id {
        Some(id) => json!({
            "name": person.name, "type": kind,
            EXTENSION: {"id": id, "role": person.role},
        }),
        None => json!({"name": "anonymous", EXTENSION: {"role": format!("{}?", person.role)}}),
    }
}

/// As the draft writes the hash of a file.
fn content_hash(bytes: &[u8]) -> String {
    format!("sha512-{}", URL_SAFE_NO_PAD.encode(Sha512::digest(bytes)))
}

/// A UUID of version 8 (RFC 9562): the milliseconds where version 7 has them, then bits of the hash.
fn uuid(at: Micros, hash: [u8; 32]) -> String {
    let ms = u64::try_from(at.0 / 1_000).unwrap_or_default() & 0xffff_ffff_ffff;
    let [a, b, variant, c, d, e, f, g, h, i, ..] = hash;
    let digits = hex::encode([0x80 | a & 0x0f, b, 0x80 | variant & 0x3f, c, d, e, f, g, h, i]);
    let ms = format!("{ms:012x}");
    format!("{}-{}-{}-{}-{}", &ms[..8], &ms[8..], &digits[..4], &digits[4..8], &digits[8..20])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_its_time() {
        let uuid = uuid(Micros(1_767_377_585_250_000), [0xff; 32]);
        assert_eq!(uuid, "019b7fe9-c462-8fff-bfff-ffffffffffff");
    }
}
