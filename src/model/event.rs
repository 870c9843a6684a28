//! An event: what a client sent. Stored exactly as received; checked, never repaired.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Kind, Micros, Role, Visibility, parse_time};

/// Who sent an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    pub id: String,
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A file sent with a message; its bytes live in `attachments/`, named by their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// SHA-256 of the bytes, 64 lower-case hex digits.
    pub sha256: String,
    /// The name the sender's device gave it. Outside text: never used as a path.
    pub name: String,
    pub media_type: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// What a client sent. [`super::fields::FIELDS`] describes each field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub id: String,
    pub conversation: String,
    pub kind: Kind,
    pub sender: Sender,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The client's clock as it wrote it, an RFC 3339 string kept character for character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default = "public", skip_serializing_if = "is_public")]
    pub visibility: Visibility,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    /// Any JSON, kept byte for byte: `null` is a value like any other.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

/// What stands there, where serde would take `null` for nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

fn public() -> Visibility {
    Visibility::Public
}

fn is_public(visibility: &Visibility) -> bool {
    *visibility == Visibility::Public
}

impl Event {
    /// Bytes in memory: itself and what its strings hold. Every field is named, so that a new one is not
    /// forgotten.
    pub fn bytes(&self) -> usize {
        let Event {
            id,
            conversation,
            kind: _,
            sender: Sender { id: sender, name, role: _ },
            customer,
            sent_at,
            text,
            attachments,
            reply_to,
            target,
            order,
            channel,
            language,
            visibility: _,
            automatic: _,
            assignee,
            category,
            rating: _,
            data,
        } = self;
        let strings = [id, conversation, sender].map(String::len);
        let optional = [
            name, customer, sent_at, text, reply_to, target, order, channel, language, assignee,
            category,
        ];
        let optional = optional.map(|string| string.as_ref().map_or(0, String::len));
        let attachments = attachments.iter().map(|file| {
            size_of_val(file) + file.sha256.len() + file.name.len() + file.media_type.len()
        });
        size_of::<Event>()
            + strings.iter().chain(&optional).sum::<usize>()
            + data.as_ref().map_or(0, |data| data.get().len())
            + attachments.sum::<usize>()
    }

    /// An event with nothing but what every event has: public, typed by somebody, all else left
    /// out.
    pub fn new(id: String, conversation: String, kind: Kind, sender: Sender) -> Event {
        Event {
            id,
            conversation,
            kind,
            sender,
            customer: None,
            sent_at: None,
            text: None,
            attachments: Vec::new(),
            reply_to: None,
            target: None,
            order: None,
            channel: None,
            language: None,
            visibility: Visibility::Public,
            automatic: false,
            assignee: None,
            category: None,
            rating: None,
            data: None,
        }
    }

    /// Whether this is about the chat and no part of it: what the shop's administration says, and what a model says
    /// once it is over. It shows no life in its conversation and moves no time of it.
    pub fn is_aside(&self) -> bool {
        self.kind.is_aside(self.automatic)
    }

    /// The client's clock as an instant; `None` when it gave none.
    pub fn sent_time(&self) -> Option<Micros> {
        self.sent_at.as_deref().and_then(parse_time)
    }
}
