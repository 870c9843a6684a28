//! The one table of fields: name, who sets it, shape, whether it must be there, how it is indexed,
//! what it means. The JSON Schemas in `schemas/`, the tantivy schema of the index and the answers
//! to a broken event are made from it.
//!
//! How a field is read from a record is declared where it is read: the columns of `events` in the
//! archive, documents in the index, the commitment beside this file. Tests hold that the columns
//! and this table name the same; the others take an event apart whole, so that a new field does not
//! compile until it is dealt with.

use strum::VariantNames;

use super::{Kind, Origin, Visibility};

/// Longest id, name or label, in Unicode characters.
pub const ID_CHARS_MAX: usize = 128;
/// Longest text, in UTF-8 bytes.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Longest `data`, in bytes of JSON.
pub const DATA_BYTES_MAX: usize = 16 * 1024;
/// Most attachments on one event.
pub const ATTACHMENTS_MAX: usize = 32;
/// Longest file an attachment may say it is: the largest integer that RFC 8785 prints exactly, 2^53 − 1.
pub const ATTACHMENT_BYTES_SAID_MAX: u64 = (1 << 53) - 1;
/// Highest rating; the lowest is 1.
pub const RATING_MAX: u8 = 5;

/// Who sets a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    Relay,
    Token,
    Client,
}

/// What a field holds. One variant per shape, so that each schema is one `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 64-bit position.
    Position,
    /// 32-bit position.
    ShortPosition,
    /// Microseconds since the epoch, UTC; RFC 3339 in JSON.
    Time,
    /// SHA-256 in lower-case hex.
    Hash,
    /// String of at most [`ID_CHARS_MAX`].
    Label,
    /// An RFC 3339 time kept as the string the client wrote.
    TimeText,
    /// String of at most [`TEXT_BYTES_MAX`] bytes.
    Text,
    /// One of these labels.
    Enum(&'static [&'static str]),
    /// `{id, role, name?}`; three columns in tables.
    Sender,
    /// `{role, sub}`; two columns in tables.
    By,
    /// List of `{sha256, name, media_type, bytes}`.
    Attachments,
    /// 1 to [`RATING_MAX`].
    Rating,
    /// `{at, ground}`; two columns in tables.
    Erased,
    /// True or false, false when absent.
    Flag,
    /// Any JSON, byte for byte; a string in tables.
    Json,
}

/// How the index keeps a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// Not in the index.
    No,
    /// Fetched with a hit; nothing is found by it alone.
    Shown,
    /// Found as an order, a customer or an agent.
    KnownAs,
    /// Number or time: filter, sort and fetch.
    Value,
    /// Exact label: filter.
    Exact,
    /// Searched by substring.
    FullText,
}

/// One field of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub set_by: SetBy,
    pub shape: Shape,
    pub required: bool,
    pub kinds: Kinds,
    pub indexed: Indexed,
    pub meaning: &'static str,
}

/// The kinds of events that may have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    Every,
    Only(&'static [Kind]),
}

impl Kinds {
    /// Whether an event of this kind may have the field.
    pub fn contains(self, kind: Kind) -> bool {
        match self {
            Kinds::Every => true,
            Kinds::Only(kinds) => kinds.contains(&kind),
        }
    }
}

const fn field(
    name: &'static str,
    set_by: SetBy,
    shape: Shape,
    required: bool,
    indexed: Indexed,
    meaning: &'static str,
) -> Field {
    Field { name, set_by, shape, required, kinds: Kinds::Every, indexed, meaning }
}

impl Field {
    /// The field, on events of these kinds only.
    const fn only_on(self, kinds: &'static [Kind]) -> Field {
        Field { kinds: Kinds::Only(kinds), ..self }
    }
}

/// What has words: what was said, or why it was done.
const WITH_TEXT: &[Kind] = &[
    Kind::Message,
    Kind::Edit,
    Kind::Retract,
    Kind::Assign,
    Kind::Handoff,
    Kind::Pause,
    Kind::Resolve,
    Kind::Reopen,
    Kind::RateRequest,
    Kind::Rate,
    Kind::Leave,
    Kind::Call,
    Kind::Hold,
    Kind::Release,
    Kind::Erase,
];

/// Every field of a record, in the order of the columns.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("offset", SetBy::Relay, Shape::Position, true, Indexed::Value, "dense position in the log, from 0: the one total order"),
    field("seq", SetBy::Relay, Shape::ShortPosition, true, Indexed::Shown, "dense position in the conversation, from 1"),
    field("received_at", SetBy::Relay, Shape::Time, true, Indexed::Shown, "when the relay received it; never runs backwards"),
    field("occurred_at", SetBy::Relay, Shape::Time, true, Indexed::Value, "live: received_at; imported: sent_at, or received_at where the transcript has no times"),
    field("origin", SetBy::Relay, Shape::Enum(Origin::VARIANTS), true, Indexed::Shown, "live chat, or an imported transcript"),
    field("leaf", SetBy::Relay, Shape::Hash, true, Indexed::Shown, "hash of the leaf that commits to this record: the receipt"),
    field("shop", SetBy::Token, Shape::Label, true, Indexed::Exact, "the tenant"),
    field("conversation", SetBy::Client, Shape::Label, true, Indexed::Exact, "the conversation it is part of"),
    field("id", SetBy::Client, Shape::Label, true, Indexed::Shown, "idempotency key, unique in the conversation"),
    field("kind", SetBy::Client, Shape::Enum(Kind::VARIANTS), true, Indexed::Exact, "what happened"),
    field("sender", SetBy::Client, Shape::Sender, true, Indexed::Exact, "who: id, role (customer, human, bot, system) and a name for people"),
    field("by", SetBy::Token, Shape::By, false, Indexed::No, "who sent it, where that is not the sender it names: an importer, an administrator"),
    field("customer", SetBy::Client, Shape::Label, false, Indexed::KnownAs, "whom the conversation is with, said by the shop's side before that customer has written").only_on(&[Kind::Open, Kind::Join]),
    field("sent_at", SetBy::Client, Shape::TimeText, false, Indexed::No, "the client's clock, kept as said; never used for order"),
    field("text", SetBy::Client, Shape::Text, false, Indexed::FullText, "what was said, or why something was done, exactly as received").only_on(WITH_TEXT),
    field("attachments", SetBy::Client, Shape::Attachments, false, Indexed::Shown, "pictures, voice, video, files; their bytes are kept by hash").only_on(&[Kind::Message]),
    field("reply_to", SetBy::Client, Shape::Label, false, Indexed::No, "id of the message answered").only_on(&[Kind::Message]),
    field("target", SetBy::Client, Shape::Label, false, Indexed::Shown, "id of the message edited, retracted, read or erased; on the receipt of an erasure, of the event that asked for it").only_on(&[Kind::Edit, Kind::Retract, Kind::Read, Kind::Erase]),
    field("order", SetBy::Client, Shape::Label, false, Indexed::KnownAs, "order number"),
    field("channel", SetBy::Client, Shape::Label, false, Indexed::No, "app, web, mini-program, …"),
    field("language", SetBy::Client, Shape::Label, false, Indexed::No, "BCP 47 tag"),
    field("visibility", SetBy::Client, Shape::Enum(Visibility::VARIANTS), false, Indexed::Shown, "public, or a private note of the shop's side; public when absent"),
    field("automatic", SetBy::Client, Shape::Flag, false, Indexed::Shown, "a greeting, an away text, a survey: nobody typed it"),
    field("assignee", SetBy::Client, Shape::Label, false, Indexed::KnownAs, "who is to answer, on assign and handoff").only_on(&[Kind::Assign, Kind::Handoff]),
    field("category", SetBy::Client, Shape::Label, false, Indexed::Exact, "the issue, on tag and untag").only_on(&[Kind::Tag, Kind::Untag]),
    field("rating", SetBy::Client, Shape::Rating, false, Indexed::No, "1 to 5, on rate").only_on(&[Kind::Rate]),
    field("data", SetBy::Client, Shape::Json, false, Indexed::No, "any JSON, kept byte for byte; no raw control characters"),
    field("erased", SetBy::Relay, Shape::Erased, false, Indexed::No, "that its text, files, data and sender's name were erased: when that was asked for, and why"),
];

/// A field as a column of tables and of the index, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct FieldColumn {
    pub name: &'static str,
    /// Whether a record may have no value in it.
    pub nullable: bool,
    pub indexed: Indexed,
}

/// Every column that the fields become, in order.
pub fn columns() -> impl Iterator<Item = FieldColumn> {
    FIELDS.iter().flat_map(columns_of)
}

fn columns_of(field: &Field) -> Vec<FieldColumn> {
    let column = |name, nullable| FieldColumn { name, nullable, indexed: field.indexed };
    if field.shape == Shape::Sender {
        return vec![
            FieldColumn { indexed: Indexed::KnownAs, ..column("sender_id", false) },
            column("sender_role", false),
            FieldColumn { indexed: Indexed::KnownAs, ..column("sender_name", true) },
        ];
    }
    if field.shape == Shape::By {
        return vec![column("by_sub", true), column("by_role", true)];
    }
    if field.shape == Shape::Erased {
        return vec![column("erased_at", true), column("erased_ground", true)];
    }
    // Visibility and automatic have a value in every record, whether or not the client wrote one.
    let always = field.required || matches!(field.name, "visibility" | "automatic");
    vec![column(field.name, !always)]
}

/// What the field `name` means. For constants: there a name that no field has does not compile.
pub(crate) const fn meaning_of(name: &str) -> &'static str {
    let mut rest = FIELDS;
    while let [field, later @ ..] = rest {
        if is_same(field.name.as_bytes(), name.as_bytes()) {
            return field.meaning;
        }
        rest = later;
    }
    panic!("no field has this name")
}

/// `==` of strings is not for constants yet.
const fn is_same(left: &[u8], right: &[u8]) -> bool {
    match (left, right) {
        ([], []) => true,
        ([first, left @ ..], [other, right @ ..]) => *first == *other && is_same(left, right),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Event;

    /// Serde knows the fields of the struct, and names them all when it meets another.
    #[test]
    fn what_a_client_sets_is_what_an_event_holds() {
        let error = serde_json::from_str::<Event>(r#"{"colour":1}"#).unwrap_err().to_string();
        let (_, expected) = error.split_once("expected one of ").unwrap();
        let of_event: BTreeSet<&str> = expected.split('`').skip(1).step_by(2).collect();
        let of_client = FIELDS.iter().filter(|field| field.set_by == SetBy::Client);
        assert_eq!(of_client.map(|field| field.name).collect::<BTreeSet<_>>(), of_event);
    }
}
