//! One conversation as programs are told of it: each row with its sender, its times, what it says and what was done to it
//! later.
//!
//! Invariant: what [`Told::fields`] names, with the text and the files, is all that a row discloses.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::people::{People, text_of};
use super::source::{Files, Kept};
use crate::evidence::json::{self, Json};
use crate::evidence::row::{ParsedRow, Part};
use crate::model::{Event, Kind, LeafHash, Micros, parse_time};
use crate::transcript::words_of;

/// What every row has of its conversation: it is said once, for all.
const OF_CONVERSATION: [&str; 2] = ["conversation", "shop"];

/// A conversation of a bundle.
pub(super) struct Conversation<'a> {
    /// Its name; the beginning of its thread's hash where no row discloses it.
    pub(super) name: String,
    pub(super) shop: String,
    /// The first order that a row names.
    pub(super) order: Option<&'a str>,
    /// The hash by which its leaves name it, in hex.
    pub(super) thread: String,
    pub(super) people: People,
    pub(super) told: Vec<Told<'a>>,
    /// How many parts of rows are withheld, by why.
    pub(super) withheld: BTreeMap<&'a str, u64>,
}

/// A row.
pub(super) struct Told<'a> {
    pub(super) row: &'a ParsedRow,
    /// Where its sender stands among the people.
    pub(super) sender: Option<usize>,
    pub(super) files: Vec<FileTold<'a>>,
    /// Of a message, where what was done to it stands among the rows, in order.
    pub(super) edits: Vec<usize>,
    pub(super) retractions: Vec<usize>,
    pub(super) reads: Vec<usize>,
}

/// A file that a row names.
pub(super) struct FileTold<'a> {
    pub(super) name: &'a str,
    pub(super) media_type: &'a str,
    pub(super) bytes: u64,
    pub(super) sha256: &'a str,
    pub(super) kept: &'a Kept,
}

impl<'a> Conversation<'a> {
    /// The rows of one conversation, which are not none, in order.
    pub(super) fn of(rows: &'a [ParsedRow], files: &'a Files) -> Conversation<'a> {
        let first_said = |name: &str| rows.iter().find_map(|row| text_of(&row.meta, name));
        // The first row is the thread, and names none.
        let of_first = |row: &ParsedRow| hex::encode(&row.row.leaf.0[..16]);
        let thread = match rows.first() {
            Some(row) if row.row.seq > 1 => hex::encode(row.row.thread.0),
            first => first.map(of_first).unwrap_or_default(),
        };
        let mut conversation = Conversation {
            name: first_said("conversation").map_or(thread.clone(), str::to_string),
            shop: first_said("shop").unwrap_or_default().to_string(),
            order: first_said("order"),
            thread,
            people: People::default(),
            told: Vec::with_capacity(rows.len()),
            withheld: BTreeMap::new(),
        };
        // Where the message stands that an id is about: its own, or that of a change of it.
        let mut messages: HashMap<&str, usize> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            let sender = conversation.people.add(row);
            conversation.told.push(Told::of(row, sender, files));
            for (_, why) in row.withheld() {
                *conversation.withheld.entry(why).or_default() += 1;
            }
            let Some(id) = text_of(&row.meta, "id") else { continue };
            if row.kind == Kind::Message {
                messages.insert(id, place);
            }
            let target = text_of(&row.meta, "target").and_then(|target| messages.get(target));
            let Some(&changed) = target else { continue };
            let message = &mut conversation.told[changed];
            match row.kind {
                Kind::Edit => message.edits.push(place),
                Kind::Retract => message.retractions.push(place),
                Kind::Read => message.reads.push(place),
                _ => {}
            }
            // The next change may name this one instead of the message.
            if matches!(row.kind, Kind::Edit | Kind::Retract) {
                messages.insert(id, changed);
            }
        }
        conversation
    }

    /// In a few words, what is withheld; empty where nothing is.
    pub(super) fn withheld_words(&self) -> String {
        let counted = self.withheld.iter().map(|(why, count)| format!("{count} {why}"));
        counted.collect::<Vec<_>>().join(", ")
    }

    /// The sender of a row, as a line names them.
    pub(super) fn sender_words(&self, told: &Told<'_>) -> String {
        let person = told.sender.and_then(|sender| self.people.list.get(sender));
        person.map_or("somebody (withheld)".to_string(), |person| person.in_full())
    }

    /// Who changed a message when, for each of these changes: `2026-01-03T02:13:20Z by Bo (human), seq 7, leaf …`.
    pub(super) fn changes<'b>(&'b self, places: &'b [usize]) -> impl Iterator<Item = String> + 'b {
        places.iter().filter_map(|place| self.told.get(*place)).map(|change| {
            let (at, by) = (change.occurred_at(), self.sender_words(change));
            format!("{at} by {by}, seq {}, leaf {}", change.row.row.seq, change.leaf())
        })
    }
}

impl<'a> Told<'a> {
    fn of(row: &'a ParsedRow, sender: Option<usize>, files: &'a Files) -> Told<'a> {
        let named = row.body.get("attachments").and_then(Json::list).unwrap_or_default();
        let files = named.iter().filter_map(|file| FileTold::of(file, files)).collect();
        let (edits, retractions, reads) = (Vec::new(), Vec::new(), Vec::new());
        Told { row, sender, files, edits, retractions, reads }
    }

    pub(super) fn id(&self) -> Option<&'a str> {
        text_of(&self.row.meta, "id")
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        text_of(&self.row.body, "text")
    }

    /// The id of what it answers.
    pub(super) fn answered(&self) -> Option<&'a str> {
        text_of(&self.row.meta, "reply_to")
    }

    pub(super) fn channel(&self) -> Option<&'a str> {
        text_of(&self.row.meta, "channel")
    }

    pub(super) fn target(&self) -> Option<&'a str> {
        text_of(&self.row.meta, "target")
    }

    pub(super) fn leaf(&self) -> LeafHash {
        LeafHash(self.row.row.leaf.0)
    }

    pub(super) fn received_at(&self) -> Micros {
        // Below 2^53: rows with more are none.
        Micros(self.row.row.received_at_us as i64)
    }

    /// When it happened: of old transcripts that were brought in what they say, where they say it and that is disclosed.
    pub(super) fn occurred_at(&self) -> Micros {
        let said = text_of(&self.row.meta, "sent_at").and_then(parse_time);
        let is_imported = text_of(&self.row.meta, "origin") == Some("imported");
        said.filter(|_| is_imported).unwrap_or(self.received_at())
    }

    /// Why this part is withheld, where it is.
    pub(super) fn withheld(&self, part: &str) -> Option<&str> {
        self.row.withheld().find(|(name, _)| *name == part).map(|(_, why)| why)
    }

    /// Names of the parts that are withheld, and why: `body: redacted, meta: private`.
    pub(super) fn withheld_words(&self) -> String {
        let withheld = self.row.withheld().map(|(name, why)| format!("{name}: {why}"));
        withheld.collect::<Vec<_>>().join(", ")
    }

    /// What happened, to be read after the sender's name; of a message nothing but that it is one.
    pub(super) fn words(&self) -> String {
        let named = |words: &str| match self.target() {
            Some(target) => format!("{words} `{target}`"),
            None => format!("{words} a message"),
        };
        match (self.row.kind, self.event()) {
            (Kind::Edit, _) => named("edited"),
            (Kind::Retract, _) => named("retracted"),
            (_, Some(event)) => words_of(&event),
            (kind, None) => format!("{} (withheld)", kind.as_str()),
        }
    }

    /// All that is known of it but for its text and its files, by name. No name or value is empty.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let row = &self.row.row;
        let mut fields = vec![
            ("seq".to_string(), row.seq.to_string()),
            ("kind".to_string(), self.row.kind.as_str().to_string()),
            ("received_at".to_string(), self.received_at().to_string()),
            ("leaf".to_string(), self.leaf().to_string()),
            ("prev".to_string(), hex::encode(row.prev.0)),
        ];
        let of_sender =
            self.row.sender.iter().map(|(name, value)| (format!("sender_{name}"), value));
        let of_event = self.row.meta.iter().map(|(name, value)| (name.clone(), value));
        let of_event = of_event
            .filter(|(name, _)| name != "kind" && !OF_CONVERSATION.contains(&name.as_str()));
        fields.extend(of_sender.chain(of_event).map(|(name, value)| (name, written(value))));
        if let Part::Withheld { role: Some(role), .. } = &row.parts.sender {
            fields.push(("sender_role".to_string(), format!("{role}?")));
        }
        let withheld = self.withheld_words();
        if !withheld.is_empty() {
            fields.push(("withheld".to_string(), withheld));
        }
        fields
    }

    /// The event, as far as it is disclosed; `None` where even what it is about is not.
    fn event(&self) -> Option<Event> {
        let mut fields = self.row.meta.clone();
        for of_record in ["by", "origin", "shop"] {
            fields.remove(of_record);
        }
        let data = fields.remove("data");
        fields.extend(self.row.body.clone());
        let sender = if self.row.sender.is_empty() {
            json::object([("id", "withheld".into()), ("role", "system".into())])
        } else {
            self.row.sender.clone()
        };
        fields.insert("sender".to_string(), Json::Object(sender));
        let mut event: Event = serde_json::from_str(&json::written(&fields)).ok()?;
        event.data = data.and_then(|data| RawValue::from_string(data.text()?.to_string()).ok());
        Some(event)
    }
}

impl<'a> FileTold<'a> {
    fn of(file: &'a Json, files: &'a Files) -> Option<FileTold<'a>> {
        let object = file.object()?;
        let said = |name: &str| text_of(object, name).unwrap_or_default();
        let bytes = match object.get("bytes") {
            Some(Json::Integer(bytes)) => *bytes,
            _ => 0,
        };
        let sha256 = text_of(object, "sha256")?;
        let kept = files.get(sha256).unwrap_or(&NOT_LISTED);
        Some(FileTold { name: said("name"), media_type: said("media_type"), bytes, sha256, kept })
    }

    /// In a line: `b.png; image/png; 5 bytes; sha256 …; missing`.
    pub(super) fn words(&self) -> String {
        let FileTold { name, media_type, bytes, sha256, kept } = self;
        let lacking = match kept {
            Kept::Within { .. } => String::new(),
            Kept::Lacking(why) => format!("; {why}"),
        };
        format!("{name}; {media_type}; {bytes} bytes; sha256 {sha256}{lacking}")
    }
}

/// A file that a row names and the bundle's list does not.
static NOT_LISTED: Kept = Kept::Lacking(String::new());

/// A value as text: texts as they are, all else, and what would not be seen, as JSON.
fn written(value: &Json) -> String {
    match value.text() {
        Some(text) if !text.is_empty() => text.to_string(),
        _ => json::written(value),
    }
}
