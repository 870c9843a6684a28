//! A record: an event with what the relay added. The log holds records; everything else is made
//! from them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    By, CanonicalEvent, Chain, Commitments, ConversationKey, CustomerErased, Erased, Event, Leaf,
    LeafHash, Micros, Offset, Origin, Salt, Seq,
};

/// An event with what the relay added. [`Record::public`] is what consumers see, and a record can be
/// read back from that.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Position in the log.
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub origin: Origin,
    pub shop: String,
    /// Who sent it, where that is not the sender it names.
    #[serde(default)]
    pub by: Option<By>,
    pub leaf: LeafHash,
    /// What its commitments are salted with. `None` where it may not be seen, and once the message
    /// is erased.
    #[serde(skip)]
    pub salt: Option<Salt>,
    /// That its content is gone: whoever shows the record says so in its place.
    #[serde(default)]
    pub erased: Option<Box<Erased>>,
    pub event: Event,
}

/// A record as consumers see it: everything but the salt.
#[derive(Debug, Serialize)]
pub struct PublicRecord<'a> {
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub occurred_at: Micros,
    pub origin: Origin,
    pub leaf: LeafHash,
    pub shop: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'a By>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<&'a Erased>,
    pub event: &'a Event,
}

/// A record as a customer sees it: without its offset, which counts the traffic of all shops, and
/// without whoever of the shop sent it in another's name.
#[derive(Debug, Serialize)]
pub struct CustomerRecord<'a> {
    pub seq: Seq,
    pub received_at: Micros,
    pub occurred_at: Micros,
    pub origin: Origin,
    pub leaf: LeafHash,
    pub shop: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<CustomerErased>,
    pub event: &'a Event,
}

/// What the log keeps of a record as text. Offset, leaf and salt are kept beside it: the first
/// follows from where a record lies, the others no compression shortens.
#[derive(Serialize, Deserialize)]
struct RecordText<'a> {
    seq: Seq,
    received_at: Micros,
    origin: Origin,
    shop: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, By>>,
    event: Cow<'a, Event>,
}

/// The receipt for one event. It exists only after the record is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ack {
    pub id: String,
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub leaf: LeafHash,
}

/// The receipt as a customer sees it.
#[derive(Debug, Serialize)]
pub struct CustomerAck<'a> {
    pub id: &'a str,
    pub seq: Seq,
    pub received_at: Micros,
    pub leaf: LeafHash,
}

impl Ack {
    /// What a customer sees of it.
    pub fn for_customer(&self) -> CustomerAck<'_> {
        let Ack { id, offset: _, seq, received_at, leaf } = self;
        CustomerAck { id, seq: *seq, received_at: *received_at, leaf: *leaf }
    }
}

impl Record {
    /// Puts `event` at `offset` of the log and behind `chain` of its conversation, and commits to
    /// it.
    pub fn new(
        offset: Offset,
        received_at: Micros,
        chain: &Chain,
        event: CanonicalEvent,
    ) -> Record {
        let CanonicalEvent { shop, origin, by, event, salt, commitments } = event;
        let kind = event.kind;
        let leaf = Leaf { chain, received_at, kind, commitments: &commitments }.hash();
        let (seq, salt) = (chain.next_seq(), Some(salt));
        Record { offset, seq, received_at, origin, shop, by, leaf, salt, erased: None, event }
    }

    /// What its leaf commits to: kept of one that was erased, else computed from what it says now.
    /// `None` without its salt.
    pub fn commitments(&self) -> Option<Commitments> {
        if let Some(erased) = &self.erased {
            return Some(erased.commitments);
        }
        let (shop, origin, by, event) = (&self.shop, self.origin, self.by.as_ref(), &self.event);
        Some(Commitments::of(shop, origin, by, event, &self.salt?))
    }

    /// Its leaf, computed again: behind `chain`, from its [`Record::commitments`].
    pub fn leaf_behind(&self, chain: &Chain) -> Option<LeafHash> {
        let commitments = self.commitments()?;
        let (received_at, kind) = (self.received_at, self.event.kind);
        Some(Leaf { chain, received_at, kind, commitments: &commitments }.hash())
    }

    /// The time that ranges and metrics use.
    pub fn occurred_at(&self) -> Micros {
        match self.origin {
            Origin::Live => self.received_at,
            Origin::Imported => self.event.sent_time().unwrap_or(self.received_at),
        }
    }

    /// Whether `occurred_at` tells when it was sent. False for imported transcripts without times,
    /// which must not enter any waiting time.
    pub fn is_timed(&self) -> bool {
        self.origin == Origin::Live || self.event.sent_at.is_some()
    }

    /// The conversation it is in.
    pub fn conversation(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.event.conversation)
    }

    /// The receipt for this record.
    pub fn ack(&self) -> Ack {
        Ack {
            id: self.event.id.clone(),
            offset: self.offset,
            seq: self.seq,
            received_at: self.received_at,
            leaf: self.leaf,
        }
    }

    /// What a customer sees, where they may see it at all.
    pub fn for_customer(&self) -> CustomerRecord<'_> {
        CustomerRecord {
            seq: self.seq,
            received_at: self.received_at,
            occurred_at: self.occurred_at(),
            origin: self.origin,
            leaf: self.leaf,
            shop: &self.shop,
            erased: self.erased.as_ref().map(|erased| CustomerErased { at: erased.at }),
            event: &self.event,
        }
    }

    /// What consumers see.
    pub fn public(&self) -> PublicRecord<'_> {
        PublicRecord {
            offset: self.offset,
            seq: self.seq,
            received_at: self.received_at,
            occurred_at: self.occurred_at(),
            origin: self.origin,
            leaf: self.leaf,
            shop: &self.shop,
            by: self.by.as_ref(),
            erased: self.erased.as_deref(),
            event: &self.event,
        }
    }

    /// Adds what the log keeps of it as text to `to`: one line of JSON, without offset, leaf and
    /// salt.
    pub fn write_text(&self, to: &mut Vec<u8>) {
        let text = RecordText {
            seq: self.seq,
            received_at: self.received_at,
            origin: self.origin,
            shop: Cow::Borrowed(&self.shop),
            by: self.by.as_ref().map(Cow::Borrowed),
            event: Cow::Borrowed(&self.event),
        };
        // Into memory, from types whose serialization cannot fail.
        let _ = serde_json::to_writer(to, &text);
    }

    /// What [`Record::write_text`] adds.
    #[cfg(test)]
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_text(&mut text);
        text
    }

    /// A record from what the log kept at `offset`.
    pub fn from_text(
        offset: Offset,
        leaf: LeafHash,
        salt: Salt,
        text: &[u8],
    ) -> Result<Record, DecodeError> {
        let RecordText { seq, received_at, origin, shop, by, event } =
            serde_json::from_slice(text).map_err(|source| DecodeError { offset, source })?;
        let (shop, by, event) = (shop.into_owned(), by.map(Cow::into_owned), event.into_owned());
        let (salt, erased) = (Some(salt), None);
        Ok(Record { offset, seq, received_at, origin, shop, by, leaf, salt, erased, event })
    }
}

/// A log entry whose checksum holds but which is not a record: written by something else, or by a
/// later version.
#[derive(Debug)]
pub struct DecodeError {
    pub offset: Offset,
    pub source: serde_json::Error,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "log entry at offset {} is not a record: {}", self.offset, self.source)
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
