//! The full-text index: one tantivy document per record, derived from the log.
//!
//! Invariants: the index holds each offset below its cursor exactly once and nothing above it, since the cursor is the
//! payload of the commit that holds the documents; a snapshot is the committed index and the applied tail as they were
//! at one instant; and for any texts `t` and `w`, `t.contains(w)` (as is or folded) implies that every term the planner
//! asks for on behalf of `w` is among the terms of `t` ([`characters`] says why).
//! It answers no question: planning, filtering and verifying are `search`'s. It never repairs: damage is an error that
//! says to rebuild.

pub mod characters;
mod cursor;
mod directory;
mod document;
mod error;
mod fold;
mod open;
pub mod schema;
mod sink;
mod snapshot;
pub mod term_cache;
pub mod tokenizer;

pub use error::IndexError;
pub use fold::{Folded, fold, fold_with_map};
pub use open::{damaged_files, open, open_read_only};
pub use sink::IndexSink;
pub use snapshot::{IndexHandle, IndexSnapshot};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
