//! The canonical form of what a client sent: RFC 8785 JSON in three parts, so that one part can be
//! disclosed without the others.
//!
//! The structs below list their fields in sorted order and hold only strings, integers, booleans
//! and lists. For those, serde_json's compact output is RFC 8785 already; a test holds it against
//! an independent implementation.

use serde::Serialize;
use serde_json::value::RawValue;

use super::leaf::sha256;
use super::{
    Attachment, By, Commitments, ConversationKey, Event, Origin, Record, Role, Salt, Sender,
};

/// Salt and canonical form of one part: most are shorter, and longer ones grow.
const PART_BYTES: usize = 512;

/// An event of a shop with the commitments to it: made together, once, so that neither can be another
/// event's, and before the event stands in line, so that many threads share the work.
#[derive(Clone, Debug)]
pub struct CanonicalEvent {
    pub(super) shop: String,
    pub(super) origin: Origin,
    pub(super) by: Option<By>,
    pub(super) event: Event,
    pub(super) salt: Salt,
    pub(super) commitments: Commitments,
}

/// The three canonical parts of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalParts {
    /// `{id, name, role}`
    pub sender: String,
    /// `{attachments, text}`
    pub body: String,
    /// Every other client field, with shop, origin and by.
    pub meta: String,
}

/// The three parts as they are serialized.
struct Parts<'a> {
    sender: SenderPart<'a>,
    body: BodyPart<'a>,
    meta: MetaPart<'a>,
}

#[derive(Serialize)]
struct SenderPart<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    role: Role,
}

#[derive(Serialize)]
struct AttachmentPart<'a> {
    bytes: u64,
    media_type: &'a str,
    name: &'a str,
    sha256: &'a str,
}

impl SenderPart<'_> {
    fn of(sender: &Sender) -> SenderPart<'_> {
        let Sender { id, role, name } = sender;
        SenderPart { id, name: name.as_deref(), role: *role }
    }
}

impl AttachmentPart<'_> {
    fn of(attachment: &Attachment) -> AttachmentPart<'_> {
        let Attachment { sha256, name, media_type, bytes } = attachment;
        AttachmentPart { bytes: *bytes, media_type, name, sha256 }
    }
}

#[derive(Serialize)]
struct BodyPart<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct MetaPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<&'a str>,
    automatic: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a By>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    conversation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<&'a str>,
    shop: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    visibility: &'a str,
}

impl CanonicalEvent {
    pub fn new(shop: &str, origin: Origin, by: Option<By>, event: Event) -> CanonicalEvent {
        CanonicalEvent::salted(shop, origin, by, event, Salt::random())
    }

    /// With a salt that is known: for tests.
    pub(super) fn salted(
        shop: &str,
        origin: Origin,
        by: Option<By>,
        event: Event,
        salt: Salt,
    ) -> CanonicalEvent {
        let commitments = Commitments::of(shop, origin, by.as_ref(), &event, &salt);
        CanonicalEvent { shop: shop.to_string(), origin, by, event, salt, commitments }
    }

    pub fn shop(&self) -> &str {
        &self.shop
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The conversation it is sent to.
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.event.conversation)
    }

    /// Whether `record`, which has its id, was made from an event that said the same, whoever sent
    /// it.
    pub fn says_the_same_as(&self, record: &Record) -> bool {
        let parts = |shop, origin, event| CanonicalParts::of(shop, origin, None, event);
        parts(&self.shop, self.origin, &self.event)
            == parts(&record.shop, record.origin, &record.event)
    }
}

impl CanonicalParts {
    /// The canonical parts of `event`, sent to `shop`.
    pub fn of(shop: &str, origin: Origin, by: Option<&By>, event: &Event) -> CanonicalParts {
        let Parts { sender, body, meta } = Parts::of(shop, origin, by, event);
        CanonicalParts { sender: to_json(&sender), body: to_json(&body), meta: to_json(&meta) }
    }
}

impl Commitments {
    /// The commitments to `event`, sent to `shop`.
    pub fn of(
        shop: &str,
        origin: Origin,
        by: Option<&By>,
        event: &Event,
        salt: &Salt,
    ) -> Commitments {
        let Parts { sender, body, meta } = Parts::of(shop, origin, by, event);
        let mut bytes = Vec::with_capacity(PART_BYTES);
        Commitments([
            commitment(salt, "sender", &sender, &mut bytes),
            commitment(salt, "body", &body, &mut bytes),
            commitment(salt, "meta", &meta, &mut bytes),
        ])
    }
}

/// The commitment to one part, made in `bytes`, which are used again for the next.
fn commitment(salt: &Salt, name: &str, part: &impl Serialize, bytes: &mut Vec<u8>) -> [u8; 32] {
    bytes.clear();
    bytes.extend_from_slice(&salt.of_part(name));
    write_json(part, bytes);
    sha256(bytes)
}

impl<'a> Parts<'a> {
    /// Nothing of an event is left out: it is taken apart whole, so that a field that is not
    /// committed to does not compile.
    fn of(shop: &'a str, origin: Origin, by: Option<&'a By>, event: &'a Event) -> Parts<'a> {
        let Event {
            id,
            conversation,
            kind,
            sender,
            customer,
            sent_at,
            text,
            attachments,
            reply_to,
            target,
            order,
            channel,
            language,
            visibility,
            automatic,
            assignee,
            category,
            rating,
            data,
        } = event;
        let meta = MetaPart {
            assignee: assignee.as_deref(),
            automatic: *automatic,
            by,
            category: category.as_deref(),
            channel: channel.as_deref(),
            conversation,
            customer: customer.as_deref(),
            data: data.as_deref().map(RawValue::get),
            id,
            kind: kind.as_str(),
            language: language.as_deref(),
            order: order.as_deref(),
            origin: origin.as_str(),
            rating: *rating,
            reply_to: reply_to.as_deref(),
            sent_at: sent_at.as_deref(),
            shop,
            target: target.as_deref(),
            visibility: visibility.as_str(),
        };
        let attachments = attachments.iter().map(AttachmentPart::of).collect();
        let body = BodyPart { attachments, text: text.as_deref() };
        Parts { sender: SenderPart::of(sender), body, meta }
    }
}

fn to_json(part: &impl Serialize) -> String {
    let mut json = Vec::new();
    write_json(part, &mut json);
    // serde_json writes UTF-8.
    String::from_utf8(json).unwrap_or_default()
}

fn write_json(part: &impl Serialize, to: &mut Vec<u8>) {
    // Strings, numbers and lists into memory: serde_json has no error to give here.
    let _ = serde_json::to_writer(to, part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Authority, Chain, Micros, Offset};

    fn check_against_rfc_8785(json: &str) {
        let value: serde_json::Value = serde_json::from_str(json).expect("canonical form is JSON");
        let independent = serde_json_canonicalizer::to_string(&value).expect("canonicalizes");
        assert_eq!(json, independent);
    }

    #[test]
    fn canonical_parts_are_rfc_8785() {
        let json = serde_json::json!({
            "id": "m\"1", "conversation": "c/1", "kind": "message",
            "sender": {"id": "u1", "role": "customer", "name": "林晓\u{200b}"},
            "sent_at": "2026-01-03T02:13:05+08:00",
            "text": "line\nbreak\ttab\u{7f}\u{1}\u{8}\u{c} </script> \u{2028} é 😀 \\",
            "attachments": [{"sha256": "0".repeat(64), "name": "a b.png", "media_type": "image/png", "bytes": 9007199254740991u64}],
            "order": "A1", "automatic": true, "language": "zh", "data": {"z": 1, "a": "\u{e9}"},
        });
        let event = Event::parse(json.to_string().as_bytes()).expect("valid");
        let canonical = CanonicalParts::of("shop", Origin::Live, None, &event);
        for part in [&canonical.sender, &canonical.body, &canonical.meta] {
            check_against_rfc_8785(part);
        }
        assert_eq!(
            canonical.sender,
            "{\"id\":\"u1\",\"name\":\"林晓\u{200b}\",\"role\":\"customer\"}"
        );
    }

    #[test]
    fn an_event_says_the_same_whoever_repeats_it_and_no_more_when_a_word_changes() {
        let event = |text: &str, sub: Option<&str>| {
            let json = serde_json::json!({"id": "m", "conversation": "c", "kind": "message",
                "sender": {"id": "u", "role": "customer"}, "text": text});
            let event = Event::parse(json.to_string().as_bytes()).expect("valid");
            let by = sub.map(|sub| By { role: Authority::Importer, sub: sub.to_string() });
            CanonicalEvent::new("shop", Origin::Live, by, event)
        };
        let kept = event("refund", Some("desk-1"));
        let record = Record::new(Offset(0), Micros(1), &Chain::default(), kept);
        assert!(event("refund", None).says_the_same_as(&record));
        assert!(event("refund", Some("desk-2")).says_the_same_as(&record));
        assert!(!event("refund ", Some("desk-1")).says_the_same_as(&record));
    }
}
