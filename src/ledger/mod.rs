//! The ledger: an RFC 6962 tree over the leaves of all records in log order, and what is signed of it.
//! A leaf's index in the tree is its record's offset. Tiles, checkpoints, notes and keys have C2SP's
//! forms (tlog-tiles, tlog-checkpoint, signed-note), so that others' tools read them.
//!
//! Invariants:
//! - no two checkpoints of one key contradict each other, whatever is killed, deleted, made anew or put
//!   back: `no_two_checkpoints_contradict`;
//! - a tree is the same however it was split into commits: `any_split_into_commits_gives_the_same_tree`;
//! - a proof that is handed out was checked against what was signed;
//! - the secret of the key leaves its file only to sign.
//!
//! It holds nothing of what people wrote: leaves are hashes of salted commitments. What a bundle puts
//! around a proof is not its business.

// What is signed, and with what.
mod note;
// The ledger as it was signed.
mod checkpoint;
// One proof for any set of leaves.
pub mod multiproof;
// The tree as it grows.
mod tree;
// The hashes on the disk.
mod files;
// The files of the keys.
mod key_files;
// The keys, those before them, and what was signed last.
mod keys;
// From leaves to a signed tree.
mod writer;
// The store that follows the log.
mod store;
// What questions see.
mod reader;
// Which tile somebody asks for.
mod tile_path;
// What somebody outside makes of it.
pub mod watch;
// Every hash, beside what it should be.
mod compare;
// What cannot go on, and why.
mod error;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, Inconsistent, check_consistency};
pub use compare::TreeComparison;
pub use error::LedgerError;
pub use key_files::{KEY_FILE, PreviousKey, PublicKeys};
pub use keys::{Succession, begin_anew, check_origin, last_signed, public_keys, rotate, successor};
pub use multiproof::MultiproofError;
pub use note::{LedgerKey, NoteError, OpenedNote, VerifierKey, is_signed, is_weak, open};
pub use reader::{Inclusion, LedgerReader, PROVED_LEAVES_MAX};
pub use store::{Ledger, LedgerOptions};
pub use tile_path::TilePath;
