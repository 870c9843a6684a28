//! RSMF, Relativity's short message format: a mail with `rsmf.zip` in it, or that zip, or what was in it; or a folder or an
//! archive of such mails.
//!
//! Format: <https://help.relativity.com/RelativityOne/Content/System_Guides/Relativity_Short_Message_Format/Relativity_Short_Message_Format.htm>.
//! `rsmf_manifest.json` lists participants, conversations and events; files lie beside it. It does not
//! say who is the shop: `--agent` does.

use std::collections::{BTreeSet, HashMap, VecDeque};

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};

use super::files::{Files, folder_of};
use super::items::ITEM_BYTES_MAX;
use super::json::Node;
use super::out::{Out, Piece, Reader, conversation_name, edit, event, retraction, short_hash};
use super::{InputError, Notes, Settings};
use crate::model::{Event, FieldError, Kind, Role, Sender};

const MANIFEST: &str = "rsmf_manifest.json";
const ZIP: &str = "rsmf.zip";
const SYSTEM: &str = "rsmf";
/// Longest mail with its zip: such files are made of 10,000 events at most.
const MAIL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Longer names of a collection, which tools make of hashes, are hashed for names that can be read.
const COLLECTION_CHARS_MAX: usize = 24;
/// Events of one piece.
const PIECE_EVENTS: usize = 1_000;

/// Whether a folder or an archive of these files is one.
pub(super) fn has_names(names: &[String]) -> bool {
    folder_of(names, MANIFEST).is_some()
}

/// Whether a file that begins so is a mail that says it is one.
pub(super) fn is_message(head: &[u8]) -> bool {
    let header = String::from_utf8_lossy(head).to_lowercase();
    let header = header.split("\n\n").next().unwrap_or_default();
    let header = header.split("\r\n\r\n").next().unwrap_or_default();
    header.lines().any(|line| line.starts_with("x-rsmf-version:"))
}

/// Whether a file of a folder or an archive is such a mail. What a Mac puts beside one is hidden.
pub(super) fn is_mail(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.to_lowercase().ends_with(".rsmf") && !name.starts_with('.')
}

/// What reads these files: one manifest and what lies beside it, or mails.
pub(super) fn reader(files: &Files) -> Box<dyn Reader> {
    if !files.is_one() && has_names(&files.names()) {
        Box::new(Rsmf::default())
    } else {
        Box::new(Mails::default())
    }
}

/// The files that a mail has in its zip.
fn within(files: &Files, name: &str) -> Result<Files, InputError> {
    let path = files.path_of(name);
    let mail = files.whole(name, MAIL_BYTES_MAX)?;
    let message = MessageParser::default().parse(&mail);
    let zip = message.as_ref().and_then(|message| {
        let is_zip = |part: &&mail_parser::MessagePart<'_>| {
            part.attachment_name().is_some_and(|name| name.eq_ignore_ascii_case(ZIP))
        };
        message.attachments().find(is_zip).map(|part| part.contents())
    });
    let Some(zip) = zip else {
        let reason = format!("the mail must have `{ZIP}` attached");
        return Err(InputError::NotOfFormat { path, format: SYSTEM, reason });
    };
    Files::of_archive(&path, zip)
}

/// One mail, or several one after another.
#[derive(Default)]
struct Mails {
    names: VecDeque<String>,
    /// Files that are none.
    others: u64,
    open: Option<(Files, Rsmf)>,
}

impl Reader for Mails {
    /// Looks into all of them. In one of several there may be nobody of the shop: it holds a day.
    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let is_ours = |name: &String| files.is_one() || is_mail(name);
        let (mails, others): (Vec<String>, Vec<String>) =
            files.names().into_iter().partition(is_ours);
        if mails.is_empty() {
            let path = files.path().to_path_buf();
            let reason = format!("there is no `{MANIFEST}`, and no `.rsmf` file");
            return Err(InputError::NotOfFormat { path, format: SYSTEM, reason });
        }
        let (mut there, mut has_shop) = (Vec::new(), false);
        for name in &mails {
            let (within, mut rsmf) = (within(files, name)?, Rsmf::default());
            there.extend(rsmf.read(&within, settings)?);
            has_shop |= rsmf.has_shop();
            self.open = Some((within, rsmf));
        }
        if !has_shop {
            return Err(InputError::who_is_the_shop(files.path(), &there));
        }
        self.others = others.len() as u64;
        // A mail that is all stays open: it may have come through a pipe.
        if mails.len() > 1 {
            (self.names, self.open) = (mails.into(), None);
        }
        Ok(())
    }

    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        notes.add_many("files that are not read (no .rsmf)", std::mem::take(&mut self.others));
        loop {
            if let Some((within, rsmf)) = &mut self.open
                && let Some(piece) = rsmf.next(within, settings, notes)?
            {
                return Ok(Some(piece));
            }
            let Some(name) = self.names.pop_front() else { return Ok(None) };
            // A conversation is opened once, however many mails it goes through.
            let known = self.open.take().map(|(_, before)| before.known).unwrap_or_default();
            let (within, mut rsmf) = (within(files, &name)?, Rsmf { known, ..Rsmf::default() });
            rsmf.read(&within, settings)?;
            self.open = Some((within, rsmf));
        }
    }

    fn within<'a>(&'a self, files: &'a Files) -> &'a Files {
        self.open.as_ref().map_or(files, |(within, _)| within)
    }
}

#[derive(Default)]
struct Rsmf {
    manifest: Value,
    /// Places in the list of events.
    waiting: VecDeque<usize>,
    people: HashMap<String, Person>,
    root: String,
    /// What joins the files of one collection, within which alone ids are distinct.
    collection: Option<String>,
    known: BTreeSet<String>,
    /// How often an event came that has no id and is the same as others.
    counts: HashMap<String, u32>,
}

struct Person {
    name: Option<String>,
    email: Option<String>,
    role: Role,
}

impl Reader for Rsmf {
    fn begin(&mut self, files: &Files, settings: &Settings) -> Result<(), InputError> {
        let there = self.read(files, settings)?;
        if !self.has_shop() {
            return Err(InputError::who_is_the_shop(files.path(), &there));
        }
        Ok(())
    }

    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let mut out = Out::new(settings, notes);
        let manifest = std::mem::take(&mut self.manifest);
        let node = Node::new(&manifest);
        // That it is a list was seen when its entries were counted.
        let events = node.list("events").unwrap_or_default();
        let count = self.waiting.len().min(PIECE_EVENTS);
        for index in self.waiting.drain(..count).collect::<Vec<_>>() {
            let Some(happened) = events.get(index) else { continue };
            if let Err(error) = self.happened(happened, &node, files, &mut out) {
                out.refuse(error);
            }
        }
        self.manifest = manifest;
        let name = format!("{}{MANIFEST}", self.root);
        Ok(Some(out.into_piece(files.place(&name, 1))))
    }
}

impl Rsmf {
    /// Reads the manifest; gives the names of those who are there.
    fn read(&mut self, files: &Files, settings: &Settings) -> Result<Vec<String>, InputError> {
        let path = || files.path().to_path_buf();
        let Some(root) = folder_of(&files.names(), MANIFEST) else {
            let reason = format!("there is no `{MANIFEST}`");
            return Err(InputError::NotOfFormat { path: path(), format: SYSTEM, reason });
        };
        let name = format!("{root}{MANIFEST}");
        let bytes = files.whole(&name, ITEM_BYTES_MAX)?;
        let damaged =
            |error: String| InputError::Archive { path: files.path_of(&name), reason: error };
        let manifest: Value = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("must be JSON: {error}")))?;
        let read = self.read_people(&Node::new(&manifest), settings);
        let there = read.map_err(|error| damaged(format!("is damaged: {error}")))?;
        let events = manifest["events"].as_array().map_or(0, Vec::len);
        self.waiting = (0..events).collect();
        (self.manifest, self.root) = (manifest, root);
        Ok(there)
    }

    fn has_shop(&self) -> bool {
        self.people.values().any(|person| person.role == Role::Human)
    }

    /// Remembers who is there; gives their names.
    fn read_people(
        &mut self,
        manifest: &Node<'_>,
        settings: &Settings,
    ) -> Result<Vec<String>, FieldError> {
        let mut there = Vec::new();
        manifest.list("events")?;
        let collection = manifest.id("eventcollectionid")?;
        self.collection = collection.map(|id| match id.chars().count() {
            0..=COLLECTION_CHARS_MAX => id,
            _ => short_hash(&[&id]),
        });
        for person in manifest.list("participants")? {
            let id = person.id_needed("id")?;
            let (name, email) = (person.words("display")?, person.words("email")?);
            let account = person.id("account_id")?.unwrap_or_default();
            let called = [&id, name.unwrap_or_default(), email.unwrap_or_default(), &account];
            let is_agent = settings.agents.has(&called);
            there.push(name.unwrap_or(&id).to_string());
            let role = if is_agent { Role::Human } else { Role::Customer };
            let (name, email) = (name.map(str::to_string), email.map(str::to_string));
            self.people.insert(id, Person { name, email, role });
        }
        Ok(there)
    }

    fn sender(&self, id: Option<&str>, out: &mut Out<'_>) -> Sender {
        let Some(id) = id else { return out.sender(SYSTEM, Role::System, None) };
        match self.people.get(id) {
            Some(person) => {
                let name = person.name.as_deref().or(person.email.as_deref());
                out.sender(id, person.role, name)
            }
            None => out.sender(id, Role::Customer, None),
        }
    }

    fn happened(
        &mut self,
        node: &Node<'_>,
        manifest: &Node<'_>,
        files: &Files,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let type_name = node.text("type")?.unwrap_or("message");
        let kind = match type_name {
            "message" | "disclaimer" => Kind::Message,
            "join" => Kind::Join,
            "leave" => Kind::Leave,
            other => {
                out.left(format!("events of type `{other}`"));
                return Ok(());
            }
        };
        let id_there = node.id_needed("conversation")?;
        let parts = self.collection.as_deref().into_iter().chain([id_there.as_str()]);
        let conversation = conversation_name(SYSTEM, &parts.collect::<Vec<_>>());
        let at = node.time("timestamp", out.settings)?;
        let is_disclaimer = type_name == "disclaimer";
        let participant = node.id("participant")?.filter(|_| !is_disclaimer);
        let edits = node.list("edits")?;
        let last = node.text("body")?.unwrap_or_default();
        let first = match edits.first() {
            Some(edit) => edit.text("previous")?.unwrap_or(last),
            None => last,
        };
        let own_id = node.id("id")?;
        // Within one file they are distinct, and only a collection says which files belong together.
        let is_made = own_id.is_none() || self.collection.is_none();
        let id = own_id.unwrap_or_else(|| {
            let (by, at) = (participant.as_deref(), at.as_deref());
            let said = [by.unwrap_or_default(), at.unwrap_or_default(), type_name, first];
            // By its place it would be another event in each slice of the conversation.
            let hash = short_hash(&[&[conversation.as_str()], &said[..]].concat());
            let count = self.counts.entry(hash.clone()).or_default();
            *count += 1;
            format!("event-{hash}-{count}")
        });
        if participant.is_none() && kind != Kind::Message {
            return Err(node.field_must("participant", "be present"));
        }
        let sender = self.sender(participant.as_deref(), out);
        if self.known.insert(conversation.clone()) {
            self.open(&conversation, node, manifest, out)?;
        }
        let happened = event(&conversation, &id, kind, &sender, at);
        let send = if is_made { Out::send_made } else { Out::send };
        if kind != Kind::Message {
            send(out, happened);
            return Ok(());
        }
        let (mut attachments, mut elsewhere) = (Vec::new(), Vec::new());
        for file in node.list("attachments")? {
            let id = file.id_needed("id")?;
            let shown = file.words("display")?.unwrap_or(&id);
            let place = format!("{}{id}", self.root);
            if files.has(&place) {
                attachments.push(out.attach(files, &place, shown)?);
            } else {
                elsewhere
                    .push(json!({"name": shown, "bytes": file.get("size").map(|size| size.value)}));
            }
        }
        for (name, kind) in [("reactions", "reactions"), ("custom", "custom fields of events")] {
            node.list(name)?.iter().for_each(|_| out.left(kind));
        }
        if node.has("importance") {
            out.left("importance of events");
        }
        let said = Event {
            text: Some(first.to_string()),
            data: out.files_elsewhere(elsewhere),
            attachments,
            reply_to: node.id("parent")?.filter(|parent| *parent != id),
            automatic: is_disclaimer || participant.is_none(),
            ..happened
        };
        let mut after = Vec::new();
        for (number, change) in edits.iter().enumerate() {
            let by = match change.id("participant")? {
                Some(by) => self.sender(Some(&by), out),
                None => sender.clone(),
            };
            let at = change.time("timestamp", out.settings)?;
            let text = change.text("new")?.unwrap_or(last);
            after.push(edit(&said, format!("{id}.edit-{}", number + 1), &by, at, text));
        }
        for receipt in node.list("read_receipts")? {
            let reader = receipt.id_needed("participant")?;
            if receipt.text("action")?.is_some_and(|action| action != "read") {
                out.left("receipts that say no reading");
                continue;
            }
            let by = self.sender(Some(&reader), out);
            let at = receipt.time("timestamp", out.settings)?;
            let id_of_read = format!("{id}.read-{}", short_hash(&[&reader]));
            let read = event(&conversation, id_of_read, Kind::Read, &by, at);
            after.push(Event { target: Some(id.clone()), ..read });
        }
        if node.flag("deleted")? {
            after.push(retraction(&said, format!("{id}.deleted"), Some(sender), None));
        }
        send(out, said);
        after.into_iter().for_each(|event| out.send(event));
        Ok(())
    }

    /// What is said of a conversation as a whole, before its first event.
    fn open(
        &self,
        conversation: &str,
        first: &Node<'_>,
        manifest: &Node<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), FieldError> {
        let id = first.id("conversation")?.unwrap_or_default();
        let listed = manifest.list("conversations")?;
        let Some(node) = listed.iter().find(|node| node.id("id") == Ok(Some(id.clone()))) else {
            return Ok(());
        };
        let mut customers = Vec::new();
        for member in node.list("participants")? {
            let id = member.value.as_str().unwrap_or_default();
            if self.people.get(id).is_some_and(|person| person.role == Role::Customer) {
                customers.push(id.to_string());
            }
        }
        let customer = customers.pop().filter(|_| customers.is_empty());
        let at = first.time("timestamp", out.settings)?;
        let subject = node.words("display")?;
        let data = subject.and_then(|subject| out.details(&json!({ "subject": subject })));
        let system = out.sender(SYSTEM, Role::System, None);
        let open = event(conversation, "open", Kind::Open, &system, at);
        let channel = node.words("platform")?.map(str::to_string);
        out.send(Event { customer, channel, data, ..open });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Agents;
    use super::super::testing::{Read, read, zip_of};
    use super::*;

    fn settings() -> Settings {
        Settings { agents: Agents::new(&["lin@shop.example".to_string()]), ..Settings::default() }
    }

    fn manifest() -> Value {
        json!({
            "version": "2.0.0",
            "participants": [
                {"id": "p1", "display": "Lin", "email": "lin@shop.example"},
                {"id": "p2", "display": "Visitor 1"},
            ],
            "conversations": [{"id": "k1", "platform": "sms", "type": "direct", "display": "About a cup", "participants": ["p1", "p2"]}],
            "events": [
                {"id": "e1", "type": "message", "participant": "p2", "conversation": "k1", "body": "It broke!", "timestamp": "2026-01-03T02:13:05+08:00",
                 "attachments": [{"id": "cup.png", "display": "my cup.png", "size": 7}, {"id": "far.png"}],
                 "edits": [{"participant": "p2", "timestamp": "2026-01-03T02:13:30+08:00", "previous": "It brok", "new": "It broke"},
                           {"participant": "p2", "timestamp": "2026-01-03T02:13:40+08:00", "previous": "It broke", "new": "It broke!"}],
                 "reactions": [{"value": "x", "count": 1}],
                 "read_receipts": [{"participant": "p1", "timestamp": "2026-01-03T02:14:00+08:00", "action": "read"}]},
                {"type": "message", "participant": "p1", "conversation": "k1", "body": "We refund", "timestamp": "2026-01-03T02:15:00+08:00", "parent": "e1", "deleted": true},
                {"id": "e3", "type": "disclaimer", "conversation": "k1", "body": "Recorded", "timestamp": "2026-01-03T02:16:00+08:00"},
                {"id": "e4", "type": "leave", "participant": "p2", "conversation": "k1", "timestamp": "2026-01-03T02:17:00+08:00"},
                {"id": "e5", "type": "history", "conversation": "k1", "body": "x", "timestamp": "2026-01-03T02:17:00+08:00"},
            ],
        })
    }

    fn zip(manifest: &Value) -> Vec<u8> {
        let manifest = manifest.to_string();
        zip_of(&[("rsmf_manifest.json", manifest.as_bytes()), ("cup.png", b"picture")])
    }

    fn mail(zip: &[u8]) -> Vec<u8> {
        let hex = |bytes: &[u8]| {
            // Base64 by hand: no other test needs it.
            const DIGITS: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut text = String::new();
            for chunk in bytes.chunks(3) {
                let mut word = [0; 3];
                word[..chunk.len()].copy_from_slice(chunk);
                let number = u32::from_be_bytes([0, word[0], word[1], word[2]]);
                for place in 0..4 {
                    let digit = (number >> (18 - 6 * place)) & 63;
                    text.push(if place <= chunk.len() {
                        char::from(DIGITS[digit as usize])
                    } else {
                        '='
                    });
                }
            }
            text.as_bytes()
                .chunks(76)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect::<Vec<_>>()
                .join("\r\n")
        };
        format!(
            "From: a@x.example\r\nX-RSMF-Version: 2.0.0\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"rsmf.zip\"\r\n\r\n{}\r\n--b--\r\n",
            hex(zip)
        )
        .into_bytes()
    }

    fn of(manifest: &Value) -> Read {
        read("chat.zip", &zip(manifest), &settings()).unwrap()
    }

    #[test]
    fn events_become_what_was_said_and_done() {
        let read = of(&manifest());
        assert_eq!(read.refused, Vec::<String>::new());
        let said = ["rsmf-k1", "p1", "2026-01-03T02:15:00+08:00", "message", "We refund"];
        let refund = format!("event-{}-1", short_hash(&said));
        assert_eq!(
            read.lines(),
            [
                "open open system:rsmf customer=p2 channel=sms at=2026-01-03T02:13:05+08:00",
                "message e1 customer:p2 at=2026-01-03T02:13:05+08:00 files=my cup.png text=It brok",
                "edit e1.edit-1 customer:p2 target=e1 at=2026-01-03T02:13:30+08:00 text=It broke",
                "edit e1.edit-2 customer:p2 target=e1 at=2026-01-03T02:13:40+08:00 text=It broke!",
                &format!(
                    "read e1.read-{} human:p1 target=e1 at=2026-01-03T02:14:00+08:00",
                    short_hash(&["p1"])
                ),
                &format!(
                    "message {refund} human:p1 reply_to=e1 at=2026-01-03T02:15:00+08:00 text=We refund"
                ),
                &format!("retract {refund}.deleted human:p1 target={refund}"),
                "message e3 system:rsmf at=2026-01-03T02:16:00+08:00 text=Recorded",
                "leave e4 customer:p2 at=2026-01-03T02:17:00+08:00",
            ]
        );
        assert!(read.events[0].data.as_ref().unwrap().get().contains("About a cup"));
        assert!(read.events.iter().all(|event| event.conversation == "rsmf-k1"));
        assert_eq!(read.carried.len(), 1);
        let expected = [
            ("events of type `history`", 1),
            ("files that the source names and does not hold", 1),
            ("reactions", 1),
        ];
        assert_eq!(read.left(), expected.map(|(kind, count)| (kind.to_string(), count)));
    }

    #[test]
    fn a_mail_is_the_same_as_its_zip_and_a_later_one_adds_what_is_new() {
        let before = of(&manifest()).bodies();
        let mailed = read("chat.rsmf", &mail(&zip(&manifest())), &settings()).unwrap();
        assert_eq!(mailed.bodies(), before);
        let mut newer = manifest();
        newer["events"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": "e6", "participant": "p2", "conversation": "k1",
            "body": "Thanks", "timestamp": "2026-01-04T00:00:00Z"}));
        let after = of(&newer).bodies();
        assert_eq!(after.iter().filter(|body| !before.contains(body)).count(), 1);
    }

    /// An export of several days came back file by file only.
    #[test]
    fn mails_of_an_archive_are_read_one_after_another() {
        let mut next_day = manifest();
        next_day["participants"] = json!([{"id": "p2", "display": "Visitor 1"}]);
        next_day["events"] = json!([{"id": "e6", "participant": "p2", "conversation": "k1",
            "body": "Thanks", "timestamp": "2026-01-04T00:00:00Z", "attachments": [{"id": "cup.png"}]}]);
        let (first, next) = (mail(&zip(&manifest())), mail(&zip(&next_day)));
        let archive = zip_of(&[
            ("1-rsmf/000001-k1.rsmf", &first),
            ("1-rsmf/000002-k1.rsmf", &next),
            ("1-rsmf/._000002-k1.rsmf", b"x"),
        ]);
        let all = read("export.zip", &archive, &settings()).unwrap();
        assert_eq!(all.refused, Vec::<String>::new());
        let alone = of(&manifest()).bodies();
        assert_eq!(all.bodies()[..alone.len()], alone);
        let last = "message e6 customer:p2 at=2026-01-04T00:00:00Z files=cup.png text=Thanks";
        assert_eq!(all.lines().last().unwrap(), last);
        // Bytes of both came along.
        assert_eq!(all.carried.len(), 2);
        assert!(all.left().contains(&("files that are not read (no .rsmf)".to_string(), 1)));
        // In none of them is anybody of the shop.
        let error = read("export.zip", &archive, &Settings::default()).unwrap_err();
        assert!(error.contains("--agent") && error.contains("Lin, Visitor 1"), "{error}");
        let from = Some(super::super::Format::Rsmf);
        let error = read("x.zip", &zip_of(&[("a", b"")]), &Settings { from, ..settings() });
        assert!(error.unwrap_err().contains("no `.rsmf` file"));
    }

    /// By its place in its file an event was another one in each slice, and another matter's `k1` the same.
    #[test]
    fn slices_of_a_conversation_are_one_and_collections_are_apart() {
        let slice = |collection: &str, texts: [&str; 2]| {
            let event = |text: &str| {
                json!({"participant": "p2", "conversation": "k1", "body": text,
                    "timestamp": "2026-01-03T02:13:05Z"})
            };
            let mut slice = manifest();
            slice["eventcollectionid"] = json!(collection);
            slice["events"] = texts.iter().map(|text| event(text)).collect();
            let read = of(&slice);
            let said = read.events.iter().filter(|event| event.kind == Kind::Message);
            said.map(|event| (event.conversation.clone(), event.id.clone())).collect::<Vec<_>>()
        };
        let first = slice("m-1", ["Hi", "Hi"]);
        assert_eq!(first[0].0, "rsmf-m-1~k1");
        assert_ne!(first[0].1, first[1].1);
        // The second slice begins with what was said again.
        let second = slice("m-1", ["Hi", "It broke"]);
        assert_eq!(first[0], second[0]);
        assert!(!first.contains(&second[1]));
        let other = slice("m-2", ["Hi", "It broke"]);
        assert!(!first.contains(&other[0]) && !second.contains(&other[1]));
        let long = "5".repeat(COLLECTION_CHARS_MAX + 1);
        let hashed = slice(&long, ["Hi", "Hi"]);
        assert_eq!(hashed[0].0, format!("rsmf-{}~k1", short_hash(&[&long])));
    }

    #[test]
    fn who_is_the_shop_must_be_said() {
        let error = read("x.zip", &zip(&manifest()), &Settings::default()).unwrap_err();
        assert!(error.contains("--agent") && error.contains("Lin, Visitor 1"), "{error}");
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let mut bad = manifest();
        bad["events"][0]["timestamp"] = json!("2026-01-03 02:13:05");
        bad["events"][1]["conversation"] = json!(null);
        let read = of(&bad);
        assert_eq!(read.refused.len(), 2, "{:?}", read.refused);
        assert!(
            read.refused[0]
                .contains("events[0].timestamp `2026-01-03 02:13:05` must name its zone")
        );
        assert!(read.refused[1].contains("events[1].conversation"));
        assert_eq!(read.events.len(), 3);
        let refused = |name: &str, bytes: &[u8]| {
            super::super::testing::read(name, bytes, &settings()).unwrap_err()
        };
        assert!(
            refused("x.zip", &zip(&json!({"events": 5}))).contains("events `5` must be a list")
        );
        let no_zip = b"X-RSMF-Version: 2.0.0\r\nSubject: x\r\n\r\nwords";
        assert!(refused("x.rsmf", no_zip).contains("rsmf.zip"));
        let damaged = mail(&zip(&manifest())[40..]);
        assert!(refused("x.rsmf", &damaged).contains("zip archive"));
    }
}
