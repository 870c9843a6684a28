//! Evidence: a bundle that answers one dispute, and how anybody checks it.
//!
//! A bundle is a zip of one BagIt bag: the records of whole conversations, each with the salts of what
//! it discloses, the proof that all of them are in the log that was signed, copies for people, and who
//! made it. `docs/FORMATS.md` draws it, byte for byte.
//!
//! Invariants: a conversation is whole in leaves, whatever of it is withheld; the same records,
//! checkpoint and request make the same bytes, but for what says who asked, and when; nothing is in a
//! bundle that [`verify()`] does not check, or the seal alone covers and the README says so; `verify`
//! and `verify.py` give the same verdict.
//! It does not decide who may export, and does not sign what it has not read.

// What is asked for.
mod request;
mod redact;
// A record as a line, and what people see of it.
mod row;
mod copies;
// The files of a bundle, and what binds them together.
mod names;
mod spec;
mod bundle;
mod custody;
// Bundles of a running verbatim.
mod maker;
// Those that are made or sent now, for whoever erases.
mod leases;
mod seal;
mod spool;
mod texts;
// Forms in which they are written.
mod hex_bytes;
mod json;
mod zip;
mod zipped;
// What others have signed.
mod note;
// Whether a bundle holds.
mod verify;
// What a bank or a platform reads of a bundle.
pub mod pack;
// What other programs read of one.
pub mod interchange;

mod error;
#[cfg(test)]
mod tests;

pub use bundle::Bundle;
pub use error::EvidenceError;
pub use leases::Leases;
pub use maker::{Asker, BundleMaker, Material};
pub use redact::Redaction;
pub use request::EvidenceRequest;
pub use verify::{Held, STEPS, Verdict, read_vkey, verify};
pub use zipped::Zipped;
