//! The full-text index: one tantivy document per record, derived from the log.
//!
//! Invariants: the index holds each offset below its cursor exactly once and nothing above it,
//! since the cursor is the payload of the commit that holds the documents; a snapshot is the
//! committed index and the applied tail as they were at one instant; and for any texts `t` and `w`,
//! `t.contains(w)` (as is or folded) implies that every term the planner asks for on behalf of `w`
//! is among the terms of `t` ([`characters`] says why).
//! It answers no question: planning, filtering and verifying are `search`'s.
//! It never repairs: damage is an error that says to rebuild.

// How a character folds, what of it goes into terms, which kind of token it is in.
pub mod characters;
// Texts without case, width and what nobody sees.
mod fold;
// Which Chinese characters are forms of one another.
mod simplified;
// Texts without what writers vary.
mod variants;
// From a text to tokens, from tokens to terms.
pub mod tokenizer;
// What orders, customers and agents are called.
pub mod known_as;
// What is shown with a hit.
mod shown;
// What tantivy is told of each field.
pub mod schema;
// From a record to a document.
mod document;
// The cursor as a commit carries it.
mod cursor;
// Files whose commit survives a power cut.
mod directory;
// To write, to read beside a writer, or to check every byte.
mod open;
// What documents say, for an audit.
mod contents;
// What a question sees.
mod snapshot;
// The store that keeps it.
mod store;
mod forget;
// What is read of segments, kept.
mod cache;
// The terms of each segment, in memory.
pub mod term_cache;
// Sets of documents, one bit for each.
pub mod documents;
// What is known of each segment's columns.
pub mod columns;
mod error;

pub use contents::{mark_of, marks};
pub use error::IndexError;
pub use fold::{Folded, fold, fold_with_map};
pub use open::{
    damaged_files, is_of_earlier_version, make_if_missing, open_read_only, remove_if_earlier,
};
pub use shown::Shown;
pub use simplified::forms_of;
pub use snapshot::{FullTextReader, IndexSnapshot};
pub use store::FullText;
pub use variants::{Sought, variants, variants_with_map};

/// How people call this store, and the folder it lies in.
const NAME: &str = "index";

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
