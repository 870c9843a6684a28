//! The ledger: an RFC 6962 tree over the leaves of all records in log order, and what is signed of it.
//! A leaf's index in the tree is its record's offset.

// What is signed, and with what.
mod note;
// The ledger as it was signed.
mod checkpoint;
// One proof for any set of leaves.
pub mod multiproof;

pub use checkpoint::{Checkpoint, Inconsistent, check_consistency};
pub use multiproof::MultiproofError;
pub use note::{LedgerKey, NoteError, OpenedNote, VerifierKey, open};
