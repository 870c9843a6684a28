//! What a source gives, piece by piece: events, what was refused in their place, files that came
//! along, and counts of what has no place here.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::files::Files;
use super::json::details;
use super::{InputError, Notes, Settings};
use crate::model::fields::ID_CHARS_MAX;
use crate::model::{Attachment, Event, FieldError, Kind, Micros, Role, Sender};

/// Largest file that comes along: what a server takes. Of larger ones the message says the hash.
pub(super) const CARRIED_BYTES_MAX: u64 = 64 * 1024 * 1024;
const HASHED_BYTES: usize = 256 * 1024;
/// How much of an id an error repeats.
const ID_SHOWN_CHARS: usize = 60;

/// An event, or why there is none, in its place.
pub type Found = Result<Event, Refused>;

/// What was refused, and how far it got.
#[derive(Debug)]
pub struct Refused {
    pub error: FieldError,
    /// The event that breaks the rule, where it became one.
    pub event: Option<Box<Event>>,
}

impl From<FieldError> for Refused {
    fn from(error: FieldError) -> Refused {
        Refused { error, event: None }
    }
}

/// A file that came with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    pub sha256: String,
    /// Its name in the source.
    pub(super) name: String,
}

/// A part of a source: a line, a ticket, a day of a channel.
#[derive(Debug, Default)]
pub struct Piece {
    /// Where it stands, for messages: `FILE:LINE`.
    pub place: String,
    pub events: Vec<Found>,
    /// To be kept before the events that name them.
    pub files: Vec<Carried>,
    /// What can be mended and imported again: one line of the source's format; empty where a part of it
    /// means nothing alone.
    pub original: Vec<u8>,
    /// Ids of its events that are not the source's own: what has another body under one of them is
    /// another event, and not another state of the same.
    pub made_ids: HashSet<String>,
}

/// Reads a format. One that is new is a file with this and a line in `Format`.
pub(super) trait Reader {
    /// Looks at what must be known before the first piece.
    fn begin(&mut self, _files: &Files, _settings: &Settings) -> Result<(), InputError> {
        Ok(())
    }

    /// The next piece; `None` at the end.
    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError>;

    /// Where the files lie that the last piece brought along.
    fn within<'a>(&'a self, files: &'a Files) -> &'a Files {
        files
    }
}

/// What becomes of one piece.
pub(super) struct Out<'a> {
    pub(super) settings: &'a Settings,
    pub(super) notes: &'a mut Notes,
    pub(super) events: Vec<Found>,
    pub(super) files: Vec<Carried>,
    made_ids: HashSet<String>,
}

impl<'a> Out<'a> {
    pub(super) fn new(settings: &'a Settings, notes: &'a mut Notes) -> Out<'a> {
        let (events, files, made_ids) = (Vec::new(), Vec::new(), HashSet::new());
        Out { settings, notes, events, files, made_ids }
    }

    /// An event, if it keeps the rules.
    pub(super) fn send(&mut self, event: Event) {
        self.events.push(match event.check() {
            Ok(()) => Ok(event),
            Err(error) => {
                let id: String = event.id.chars().take(ID_SHOWN_CHARS).collect();
                let error = FieldError { field: format!("{id}.{}", error.field), ..error };
                Err(Refused { error, event: Some(Box::new(event)) })
            }
        });
    }

    /// The same of one whose id was made here.
    pub(super) fn send_made(&mut self, event: Event) {
        self.made_ids.insert(event.id.clone());
        self.send(event);
    }

    /// Events in the order of their times.
    pub(super) fn send_by_time(&mut self, events: Vec<Event>) {
        by_time(events, |event| event).for_each(|event| self.send(event));
    }

    pub(super) fn refuse(&mut self, error: FieldError) {
        self.events.push(Err(error.into()));
    }

    /// Counts what has no place here.
    pub(super) fn left(&mut self, kind: impl AsRef<str>) {
        self.notes.add(kind);
    }

    /// What a message says of files whose bytes the source does not hold.
    pub(super) fn files_elsewhere(&mut self, files: Vec<Value>) -> Option<Box<RawValue>> {
        files.iter().for_each(|_| self.left("files that the source names and does not hold"));
        if files.is_empty() { None } else { self.details(&json!({ "files": files })) }
    }

    /// Details for which events have no field, as far as they are not too long.
    pub(super) fn details(&mut self, value: &Value) -> Option<Box<RawValue>> {
        let details = details(value);
        if details.is_none() {
            self.left("details too long for `data`");
        }
        details
    }

    /// Somebody, called as the source calls them.
    pub(super) fn sender(&mut self, id: &str, role: Role, name: Option<&str>) -> Sender {
        let name = name.map(|name| self.fitted(name)).filter(|name| !name.is_empty());
        Sender { id: id.to_string(), role, name: name.filter(|name| name != id) }
    }

    /// A name that fits a label: one line, cut where it is too long.
    pub(super) fn fitted(&mut self, name: &str) -> String {
        let name: String =
            name.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        if name.chars().count() <= ID_CHARS_MAX {
            return name;
        }
        self.left("ends of names that are too long");
        // The ending says what a file is.
        let ending: Vec<char> = name.chars().rev().take(12).collect();
        let begin = name.chars().take(ID_CHARS_MAX - ending.len() - 1);
        begin.chain(['…']).chain(ending.into_iter().rev()).collect()
    }

    /// A file of the source as an attachment called `shown`; its bytes come along.
    pub(super) fn attach(
        &mut self,
        files: &Files,
        name: &str,
        shown: &str,
    ) -> Result<Attachment, FieldError> {
        let shown = self.fitted(shown);
        let (sha256, bytes) = hashed(files, name).map_err(|error| {
            FieldError::new("attachments", name, format!("be a file that can be read: {error}"))
        })?;
        if bytes <= CARRIED_BYTES_MAX {
            self.files.push(Carried { sha256: sha256.clone(), name: name.to_string() });
        } else {
            self.left("files of more than 64 MiB");
        }
        let media_type = media_type(&shown).to_string();
        Ok(Attachment { sha256, name: shown, media_type, bytes })
    }

    pub(super) fn into_piece(self, place: String) -> Piece {
        let Out { events, files, made_ids, .. } = self;
        Piece { place, events, files, made_ids, original: Vec::new() }
    }
}

/// Events in the order of their times. What is of one instant, and what has no time, keeps its place behind
/// the one before; a change comes after what it changes, whatever its clock said.
pub(super) fn by_time<T>(
    items: Vec<T>,
    event_of: impl Fn(&T) -> &Event,
) -> impl Iterator<Item = T> {
    let mut last = None;
    let mut times: HashMap<(String, String), Option<Micros>> = HashMap::new();
    let mut timed: Vec<(Option<Micros>, T)> = Vec::with_capacity(items.len());
    for item in items {
        let event = event_of(&item);
        last = event.sent_time().or(last);
        let key = |id: &String| (event.conversation.clone(), id.clone());
        let changed = event.target.as_ref().and_then(|id| times.get(&key(id))).copied().flatten();
        let at = last.max(changed);
        if event.kind == Kind::Message {
            times.insert(key(&event.id), at);
        }
        timed.push((at, item));
    }
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, item)| item)
}

/// An event of `conversation` at a time.
pub(super) fn event(
    conversation: &str,
    id: impl Into<String>,
    kind: Kind,
    sender: &Sender,
    at: Option<String>,
) -> Event {
    let event = Event::new(id.into(), conversation.to_string(), kind, sender.clone());
    Event { sent_at: at, ..event }
}

/// What takes back the message `of`. Where the source does not name who did, or names a program that may
/// not, it was somebody of the shop.
pub(super) fn retraction(of: &Event, id: String, by: Option<Sender>, at: Option<String>) -> Event {
    let is_of_customer = of.sender.role == Role::Customer;
    let may = |by: &Sender| {
        let is_own = by.id == of.sender.id && by.role == of.sender.role;
        is_own || by.role == Role::Human || !(is_of_customer || by.role == Role::Customer)
    };
    let unnamed = Sender { id: "agent".to_string(), role: Role::Human, name: None };
    let by = by.filter(may).unwrap_or(unnamed);
    let retract = event(&of.conversation, id, Kind::Retract, &by, at);
    Event { target: Some(of.id.clone()), visibility: of.visibility, ..retract }
}

/// The version of a message that its source has kept.
pub(super) fn edit(of: &Event, id: String, by: &Sender, at: Option<String>, text: &str) -> Event {
    let edit = event(&of.conversation, id, Kind::Edit, by, at);
    let text = Some(text.to_string());
    Event { target: Some(of.id.clone()), text, visibility: of.visibility, ..edit }
}

/// Stands between the parts of a conversation's name: hardly any source has it in its own names.
const BETWEEN: &str = "~";

/// What a conversation is called: by its system, and by what names it there. Whatever would be too long,
/// or could be read as other parts, is called by a hash of them: no two conversations become one.
pub(super) fn conversation_name(system: &str, parts: &[&str]) -> String {
    let name = format!("{system}-{}", parts.join(BETWEEN));
    let is_plain = !parts.iter().any(|part| part.contains(BETWEEN));
    if is_plain && name.chars().count() <= ID_CHARS_MAX {
        return name;
    }
    format!("{system}-{}", short_hash(parts))
}

/// A short name for what is too long or too odd to be one.
pub(super) fn short_hash(parts: &[&str]) -> String {
    let mut sha256 = Sha256::new();
    for part in parts {
        sha256.update((part.len() as u64).to_be_bytes());
        sha256.update(part);
    }
    hex::encode(&sha256.finalize()[..6])
}

fn hashed(files: &Files, name: &str) -> Result<(String, u64), InputError> {
    let mut reader = files.raw(name)?;
    let (mut sha256, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; HASHED_BYTES]);
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|source| InputError::Read { path: files.path_of(name), source })?;
        if count == 0 {
            return Ok((hex::encode(sha256.finalize()), bytes));
        }
        sha256.update(&buffer[..count]);
        bytes += count as u64;
    }
}

/// What a file is, by the ending of its name.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "opus" | "ogg" => "audio/ogg",
        "m4a" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "aac" => "audio/aac",
        "amr" => "audio/amr",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "vcf" => "text/vcard",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_keep_their_ending() {
        let (settings, mut notes) = (Settings::default(), Notes::default());
        let mut out = Out::new(&settings, &mut notes);
        assert_eq!(out.fitted(" a\nb.png "), "a b.png");
        let long = out.fitted(&format!("{}.jpeg", "林".repeat(200)));
        assert_eq!(long.chars().count(), ID_CHARS_MAX);
        assert!(long.ends_with("林.jpeg"), "{long}");
        assert_eq!(notes.iter().collect::<Vec<_>>(), [("ends of names that are too long", 1)]);
        assert_eq!(
            (media_type("x.JPG"), media_type("x")),
            ("image/jpeg", "application/octet-stream")
        );
    }

    #[test]
    fn no_two_conversations_have_one_name() {
        assert_eq!(conversation_name("x", &["a-b", "c"]), "x-a-b~c");
        assert_ne!(conversation_name("x", &["a-b", "c"]), conversation_name("x", &["a", "b-c"]));
        assert_ne!(conversation_name("x", &["a~b", "c"]), conversation_name("x", &["a", "b~c"]));
        assert_ne!(conversation_name("x", &["a~b"]), conversation_name("x", &["a", "b"]));
        let longest = "林".repeat(ID_CHARS_MAX - 2);
        assert_eq!(conversation_name("x", &[&longest]), format!("x-{longest}"));
        let long = format!("{longest}林");
        assert_eq!(conversation_name("x", &[&long]), format!("x-{}", short_hash(&[&long])));
    }

    #[test]
    fn events_go_by_their_times_and_untimed_ones_keep_their_place() {
        let (settings, mut notes) = (Settings::default(), Notes::default());
        let mut out = Out::new(&settings, &mut notes);
        let sender = out.sender("a", Role::Human, None);
        let of = |id: &str, at: Option<&str>| {
            event("c", id, Kind::Open, &sender, at.map(str::to_string))
        };
        out.send_by_time(vec![
            of("1", Some("2026-01-03T00:00:00Z")),
            of("2", None),
            of("0", Some("2026-01-02T00:00:00Z")),
        ]);
        let ids: Vec<_> = out.events.drain(..).map(|found| found.unwrap().id).collect();
        assert_eq!(ids, ["0", "1", "2"]);
        // A clock that ran backwards changes nothing before it was said.
        let said =
            event("c", "3", Kind::Message, &sender, Some("2026-01-05T00:00:00Z".to_string()));
        let said = Event { text: Some("x".to_string()), ..said };
        let before = Some("2026-01-04T00:00:00Z".to_string());
        let edited = edit(&said, "4".to_string(), &sender, before, "y");
        out.send_by_time(vec![said, edited]);
        let ids: Vec<_> = out.events.into_iter().map(|found| found.unwrap().id).collect();
        assert_eq!(ids, ["3", "4"]);
    }
}
