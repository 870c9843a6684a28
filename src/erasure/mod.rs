//! What is held and what is to be erased, and how: Hold > erase > expire.
//!
//! Flow: records of kinds `hold`, `release` and `erase` stand in the conversation concerned → the
//! [`ErasureStore`] keeps which conversations are held and which erasures were asked for → whoever
//! erases asks [`tombstones()`] what becomes of the records, puts those in the archive's files once the
//! log has let go of the records, lets the stores forget, and writes a receipt as one more record.
//!
//! Invariants: what is held, pending and done follows from the records alone; a conversation's own
//! records say whether it is held, so that nothing here can let a held one go; what was erased is
//! never erased otherwise.
//! It erases nothing itself: that takes every store.

mod error;
mod state;
mod store;
mod tombstones;

pub use error::ErasureError;
pub use state::{Asked, Done, ErasureState, Held, Listed, VERBATIM, erasures};
pub use store::{ErasureReader, ErasureStore};
pub use tombstones::{erased_by, is_held_back, tombstones};
