//! A record: an event with what the relay added. The log holds records; everything else is made
//! from them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    CanonicalEvent, ConversationKey, Event, Leaf, LeafHash, Micros, Offset, Origin, Secret, Seq,
};

/// An event with what the relay added. Its JSON, without `offset`, is what the log stores;
/// [`Record::public`] is what consumers see.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Position in the log. Not stored in the record: the log numbers its entries. [`PublicRecord`]
    /// has it, so that a consumer can read what it is handed back into a record.
    #[serde(default, skip_serializing)]
    pub offset: Offset,
    pub seq: Seq,
    /// Offset of the conversation's previous record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Offset>,
    pub received_at: Micros,
    pub origin: Origin,
    pub shop: String,
    pub leaf: LeafHash,
    /// The conversation's secret, on its first record only: the one place where it is kept for
    /// good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    pub event: Event,
}

/// A record as consumers see it: everything but the secret, with the offset.
#[derive(Debug, Serialize)]
pub struct PublicRecord<'a> {
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub occurred_at: Micros,
    pub origin: Origin,
    pub leaf: LeafHash,
    pub shop: &'a str,
    pub event: &'a Event,
}

/// The receipt for one event. It exists only after the record is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    pub id: String,
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub leaf: LeafHash,
}

/// Where a record stands in the log and in its conversation, and when it was received.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    pub offset: Offset,
    pub seq: Seq,
    pub prev: Option<Offset>,
    pub received_at: Micros,
}

impl Record {
    /// Puts `event` at its position and commits to it.
    pub fn new(position: Position, event: CanonicalEvent, secret: &Secret) -> Record {
        let Position { offset, seq, prev, received_at } = position;
        let CanonicalEvent { shop, origin, event, parts, fingerprint: _ } = event;
        let leaf = Leaf { offset, received_at, seq, prev, kind: event.kind, parts: &parts };
        let is_first = prev.is_none();
        Record {
            offset,
            seq,
            prev,
            received_at,
            origin,
            shop,
            leaf: leaf.hash(secret),
            secret: is_first.then_some(*secret),
            event,
        }
    }

    /// The time that ranges, partitions and metrics use.
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
            event: &self.event,
        }
    }

    /// The bytes the log stores.
    pub fn encode(&self) -> Vec<u8> {
        // Into memory, from types whose serialization cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what the log stored at `offset`.
    pub fn decode(offset: Offset, bytes: &[u8]) -> Result<Record, DecodeError> {
        let mut record: Record =
            serde_json::from_slice(bytes).map_err(|source| DecodeError { offset, source })?;
        record.offset = offset;
        Ok(record)
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
