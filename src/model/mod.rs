//! The words of the system: what a client sends ([`Event`]), what the relay makes of it ([`Record`]), and the
//! commitments made at receipt ([`leaf`]).
//!
//! Invariants: no I/O and no async in this folder; every value of outside origin has passed [`Event::parse`] or
//! [`Event::check`]; [`fields`] is the only place that lists the fields of an event.
//! It does not decide who may send what: that is the relay's.

mod canonical;
mod error;
mod event;
pub mod fields;
mod ids;
mod leaf;
mod parse;
mod record;
mod time;
mod transcript;

pub use canonical::{Canonical, Fingerprint};
pub use error::{ErrorKind, FieldError};
pub use event::{Attachment, Event, Kind, Role, Sender, Visibility, is_sha256_hex};
pub use ids::{Offset, Seq};
pub use leaf::{Leaf, LeafHash, NO_PREVIOUS, Secret};
pub use record::{Ack, DecodeError, Origin, Place, PublicRecord, Record};
pub use time::{Micros, parse_time};
pub use transcript::{Transcript, TranscriptMessage};
