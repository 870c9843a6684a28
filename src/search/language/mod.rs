//! The query language: what is typed into the one box, on the page, on the command line and in the
//! API. `docs/search.md` explains it to people.
//!
//! ```text
//! either   = together ("OR" together)*              OR binds less than standing side by side
//! together = single ("AND"? single)*                all of them, in any order, in one message
//! single   = ("NOT" | "-") single | "(" either ")" | field | phrase | word
//! field    = NAME ":" (phrase | word)               NAME is one of `FieldName`
//! phrase   = '"' … '"' or “ … ”                     exactly this, spaces included
//! word     = anything visible up to the next space
//! ```
//!
//! Invariants: reading is pure, and every part of the tree and every error knows the bytes of the
//! text it came from; nothing that was typed is left out without an error; what nests is bounded
//! ([`DEPTH_MAX`]), and so is what is looked for ([`TERMS_MAX`]).
//! It knows nothing of indexes, of records or of what a word matches.

mod error;
mod lexer;
mod names;
mod parser;
mod tree;

pub use error::LanguageError;
pub use names::FieldName;
pub use parser::parse;
pub use tree::{Condition, Name, Node, Words};

/// Longest query, in Unicode characters.
pub const QUERY_CHARS_MAX: usize = 1_024;
/// Most words, phrases and fields in one query: each is a set of messages, one bit for each message
/// of a segment; × 2 sets × 1.25 MiB (of 10 M messages) = 80 MiB while that segment is read.
pub const TERMS_MAX: usize = 32;
/// Deepest nesting of parentheses and negations, so that no query overflows the stack of its reader.
pub const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests;
