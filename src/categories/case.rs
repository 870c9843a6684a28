//! A conversation as its issue is told by it: what its customer said, and what it was tagged with. Folded from its
//! records in order; pure.
//!
//! What counts of a message is its last edit; what was retracted or erased counts no more. Notes, bots, agents and
//! automatic texts say what the shop thinks, not what the customer wants.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::ops::Range;

use serde::Deserialize;

use super::questions::{Ended, Said};
use super::terms::TEXT_BYTES_MAX;
use crate::erasure::VERBATIM;
use crate::model::{Kind, Offset, Role, Visibility};

/// Bytes of one conversation's messages and their ids that are held: 64 times what counts of an episode.
const MESSAGES_BYTES_MAX: usize = 64 * TEXT_BYTES_MAX;

/// One conversation.
#[derive(Clone, Debug, Default)]
pub struct Case {
    messages: Vec<Message>,
    bytes: usize,
    /// Which message an id is of: its own, or that of an edit of it.
    versions: HashMap<String, usize>,
    /// Categories that people gave and did not take off, each with where.
    by_people: BTreeMap<String, Offset>,
    /// Categories that a person took off, and none gave since.
    pub(super) taken_off: BTreeSet<String>,
    /// What verbatim itself last gave and did not take off.
    pub(super) automatic: Option<Automatic>,
    /// Where verbatim last gave or took off anything.
    pub(super) last_automatic: Option<Offset>,
    /// Something of it was asked to be erased.
    pub(super) is_erased: bool,
}

#[derive(Clone, Debug)]
struct Message {
    offset: Offset,
    text: String,
}

/// An automatic category as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Automatic {
    pub(super) category: String,
    /// `name@version`
    pub(super) model: String,
    pub(super) episode: u32,
}

/// `data` of an automatic tag.
#[derive(Deserialize)]
struct Data {
    model: String,
    version: String,
    #[serde(default)]
    episode: u32,
}

impl Case {
    /// Takes the next record of the conversation.
    pub fn add(&mut self, said: Said) {
        match said.kind {
            Kind::Message => self.message(said),
            Kind::Edit | Kind::Retract => self.change(said),
            Kind::Tag => self.tag(said),
            Kind::Untag => self.untag(said),
            Kind::Erase => self.is_erased = true,
            _ => {}
        }
    }

    fn message(&mut self, said: Said) {
        let is_of_the_customer = said.sender_role == Role::Customer
            && said.visibility == Visibility::Public
            && !said.automatic;
        let Some(text) = said.text.filter(|_| is_of_the_customer && !said.is_erased) else {
            return;
        };
        let bytes = self.bytes + said.id.len() + text.len();
        if bytes <= MESSAGES_BYTES_MAX {
            self.bytes = bytes;
            self.versions.insert(said.id, self.messages.len());
            self.messages.push(Message { offset: said.offset, text });
        }
    }

    fn change(&mut self, said: Said) {
        let Some(number) = said.target.and_then(|target| self.versions.get(&target).copied())
        else {
            return;
        };
        let Some(message) = self.messages.get_mut(number) else { return };
        // What it said before counts no more, even where there is no room for what it says now.
        let before = mem::replace(&mut message.text, said.text.unwrap_or_default()).len();
        let bytes = self.bytes - before + said.id.len() + message.text.len();
        if bytes <= MESSAGES_BYTES_MAX {
            self.bytes = bytes;
            self.versions.insert(said.id, number);
        } else {
            self.bytes -= before;
            message.text.clear();
        }
    }

    fn tag(&mut self, said: Said) {
        let Some(category) = said.category else { return };
        if !said.automatic {
            self.taken_off.remove(&category);
            self.by_people.insert(category, said.offset);
            return;
        }
        if said.sender_id == VERBATIM && said.sender_role == Role::System {
            let data =
                said.data.as_deref().and_then(|data| serde_json::from_str::<Data>(data).ok());
            let (model, episode) = data.map_or((String::new(), 0), |data| {
                (format!("{}@{}", data.model, data.version), data.episode)
            });
            self.automatic = Some(Automatic { category, model, episode });
            self.last_automatic = Some(said.offset);
        }
    }

    fn untag(&mut self, said: Said) {
        let Some(category) = said.category else { return };
        let stood = |automatic: &Automatic| automatic.category == category;
        if self.automatic.as_ref().is_some_and(stood) {
            self.automatic = None;
        }
        if !said.automatic {
            self.by_people.remove(&category);
            self.taken_off.insert(category);
        } else if said.sender_id == VERBATIM {
            self.last_automatic = Some(said.offset);
        }
    }

    /// Whether anybody has said what it is about.
    pub(super) fn is_tagged_by_people(&self) -> bool {
        !self.by_people.is_empty()
    }

    /// What the customer said from one offset to another, as far as it counts; empty where nothing.
    pub(super) fn text(&self, offsets: Range<Offset>) -> String {
        let mut text = String::new();
        for message in self.messages.iter().filter(|said| offsets.contains(&said.offset)) {
            if text.len() >= TEXT_BYTES_MAX {
                break;
            }
            text.push_str(&message.text);
            text.push('\n');
        }
        text
    }

    /// What the customer said in an episode, to learn from; `None` where nothing, and where anything of the
    /// conversation was asked to be erased.
    pub fn learnable_text(&self, ended: &Ended) -> Option<String> {
        let text = self.text(ended.started_offset..ended.closed_offset.next());
        (!self.is_erased && !text.trim().is_empty()).then_some(text)
    }

    /// What people said that an episode was about: at any time from its beginning on, since tags may come late.
    pub fn category_of(&self, ended: &Ended) -> Option<&str> {
        self.category_by_people(ended.started_offset..Offset(u64::MAX))
    }

    /// The category that people gave last at these offsets and did not take off: what it came to be about.
    fn category_by_people(&self, offsets: Range<Offset>) -> Option<&str> {
        let given = self.by_people.iter().filter(|(_, at)| offsets.contains(at));
        given.max_by_key(|(_, at)| **at).map(|(category, _)| category.as_str())
    }
}

/// Some conversations, by their names.
#[derive(Default)]
pub struct Cases {
    cases: BTreeMap<String, Case>,
    nothing_said: Case,
}

impl Cases {
    /// Takes the next record of one of them.
    pub fn add(&mut self, said: Said) {
        self.cases.entry(said.conversation.clone()).or_default().add(said);
    }

    /// One of them: one in which nothing was said, where no record came of it.
    pub fn of(&self, conversation: &str) -> &Case {
        self.cases.get(conversation).unwrap_or(&self.nothing_said)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record: its kind, and fields as JSON.
    pub(crate) fn said(offset: u64, kind: &str, fields: &str) -> Said {
        let customer = matches!(kind, "message" | "edit" | "retract");
        let role = if customer { "customer" } else { "human" };
        let mut record = serde_json::json!({
            "conversation": "c", "offset": offset, "id": format!("m{offset}"), "kind": kind,
            "sender_id": "u", "sender_role": role, "visibility": "public", "automatic": false,
            "is_erased": false,
        });
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(fields).unwrap();
        record.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(record).unwrap()
    }

    /// An automatic tag of verbatim's own.
    pub(crate) fn own(
        offset: u64,
        kind: &str,
        category: &str,
        version: &str,
        episode: u32,
    ) -> Said {
        let data = serde_json::json!({"model": "issues", "version": version, "episode": episode});
        let fields = serde_json::json!({"category": category, "automatic": true,
            "sender_id": VERBATIM, "sender_role": "system", "data": data.to_string()});
        said(offset, kind, &fields.to_string())
    }

    pub(crate) fn case(records: impl IntoIterator<Item = Said>) -> Case {
        let mut case = Case::default();
        records.into_iter().for_each(|record| case.add(record));
        case
    }

    const ALL: Range<Offset> = Offset(0)..Offset(100);

    #[test]
    fn what_counts_is_what_the_customer_said_as_last_edited() {
        let case = case([
            said(1, "message", r#"{"text": "one"}"#),
            said(2, "message", r#"{"text": "two"}"#),
            said(3, "edit", r#"{"text": "2", "target": "m2"}"#),
            said(4, "edit", r#"{"text": "zwei", "target": "m3"}"#),
            said(5, "message", r#"{"text": "three"}"#),
            said(6, "retract", r#"{"target": "m5"}"#),
            said(7, "message", r#"{"text": "bot", "sender_role": "bot"}"#),
            said(8, "message", r#"{"text": "note", "visibility": "private"}"#),
            said(9, "message", r#"{"text": "hello!", "automatic": true}"#),
            said(10, "message", r#"{"text": null, "is_erased": true}"#),
        ]);
        assert_eq!(case.text(ALL).split_whitespace().collect::<Vec<_>>(), ["one", "zwei"]);
        assert_eq!(case.text(Offset(2)..Offset(3)), "zwei\n");
        assert_eq!(case.text(Offset(50)..Offset(60)), "");
    }

    /// Edits took what memory there was.
    #[test]
    fn edits_take_no_more_room_than_messages() {
        let text = "x".repeat(MESSAGES_BYTES_MAX - 100);
        let edit = |offset: u64, text: &str| {
            said(offset, "edit", &serde_json::json!({"text": text, "target": "m1"}).to_string())
        };
        let mut case = case([said(1, "message", r#"{"text": "one"}"#)]);
        for offset in 2..5 {
            case.add(edit(offset, &text));
            assert!(case.bytes <= MESSAGES_BYTES_MAX && case.text(ALL).starts_with("xxx"));
        }
        case.add(edit(5, &text.repeat(2)));
        assert_eq!(case.text(ALL), "\n", "what it said before is not what it says");
        case.add(edit(6, "six"));
        assert_eq!(case.text(ALL), "six\n");
    }

    #[test]
    fn a_person_takes_off_what_a_model_gave_and_a_model_never_what_a_person_gave() {
        let tags = [
            own(1, "tag", "refund", "aa", 1),
            said(2, "tag", r#"{"category": "late"}"#),
            own(3, "untag", "late", "aa", 1),
        ];
        let both = case(tags.clone());
        assert!(both.is_tagged_by_people());
        assert_eq!(both.automatic.as_ref().unwrap().category, "refund");
        assert_eq!(both.last_automatic, Some(Offset(3)));
        let off = case(tags.into_iter().chain([said(4, "untag", r#"{"category": "refund"}"#)]));
        assert_eq!(off.automatic, None);
        assert!(off.taken_off.contains("refund"));
    }

    /// A rule of the shop's own helpdesk may set `automatic` too.
    #[test]
    fn only_what_verbatim_gave_is_its_own() {
        let tag = r#"{"category": "vip", "automatic": true, "sender_role": "bot"}"#;
        let case = case([said(1, "tag", tag)]);
        assert_eq!((case.automatic, case.last_automatic), (None, None));
    }

    #[test]
    fn the_last_of_several_categories_is_the_one_and_erasures_are_seen() {
        let case = case([
            said(1, "tag", r#"{"category": "a"}"#),
            said(2, "tag", r#"{"category": "b"}"#),
            said(3, "tag", r#"{"category": "c"}"#),
            said(4, "untag", r#"{"category": "c"}"#),
            said(9, "erase", "{}"),
        ]);
        assert_eq!(case.category_by_people(ALL), Some("b"));
        assert_eq!(case.category_by_people(Offset(0)..Offset(2)), Some("a"));
        assert_eq!(case.category_by_people(Offset(5)..Offset(9)), None);
        assert!(case.is_erased);
    }
}
