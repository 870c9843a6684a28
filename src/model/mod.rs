//! The words of the system: what a client sends ([`Event`]), what the relay makes of it
//! ([`Record`]), and the commitments made at receipt ([`leaf`]).
//!
//! Invariants: no I/O, no async and no Arrow in this folder; every value of outside origin has
//! passed [`Event::parse`] or [`Event::check`]; what a field is called, holds and means is said
//! once, in [`fields`].
//! It does not decide who may send what: that is `access`'s.

mod accessed;
mod audience;
mod by;
mod canonical;
mod check;
mod erased;
mod error;
mod event;
pub mod fields;
mod ids;
mod instant;
pub mod json_schema;
mod keeping;
mod labels;
mod leaf;
mod local_day;
mod maintenance;
mod panic;
mod parse;
mod pseudonym;
mod record;
mod hours;
mod number;
mod schedules;
mod sla;
mod category_labels;
mod rules;
mod time;
pub mod visible;
#[cfg(test)]
pub(crate) mod testing;

pub use accessed::{Access, AccessAction, AccessEntry, AccessOutcome, Purpose, Via, access_id_at};
pub use audience::{Audience, CUSTOMER_HEARS, Reader, Seen};
pub use by::By;
pub use canonical::{CanonicalEvent, CanonicalParts};
pub use category_labels::{CategoryLabels, check_model_name, label_of};
pub use erased::{CustomerErased, Erased};
pub use error::{ErrorKind, FieldError, Kinded};
pub use event::{Attachment, Event, Sender};
pub use hours::Hours;
pub use ids::{ConversationKey, Offset, Seq, check_id, is_sha256_hex};
pub use instant::{INSTANT_GRAMMAR, check_range, instant_of, parse_zone};
pub use keeping::{CASES_MAX, EraseData, Erasure, HoldData, Keeping, held_by, is_receipt};
pub use labels::{
    ACCESS_CONVERSATION, Authority, Kind, Origin, RESERVED_PREFIX, RULES_CONVERSATION, Role,
    Visibility,
};
pub use leaf::{Chain, Commitments, Leaf, LeafHash, Salt};
pub use local_day::{day_start, local_instant, utc_offset_seconds};
pub use maintenance::MaintenanceState;
pub use panic::{panic_text, unless_panicked};
pub use pseudonym::Pseudonyms;
pub use record::{Ack, CustomerAck, CustomerRecord, DecodeError, PublicRecord, Record};
pub use rules::{Rules, RulesChange, RulesHistory, RulesVersion};
pub use schedules::{Schedules, Teams};
pub use sla::{Sla, SlaClock};
pub use time::{Micros, parse_time};
