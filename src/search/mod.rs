//! Questions in words: every message that contains a given text, in any script, as of a stated
//! offset.
//!
//! Invariants: a result equals a `contains` over every record below [`SearchAnswer::complete_to`],
//! as is or folded, and `total` counts all of it whatever is shown (test
//! `search_equals_brute_force`); every version of a message is found; no question sees another
//! shop.
//! It writes nothing, and does not decide who may ask.

// What people type.
pub mod language;
// How closely a text must follow it.
mod mode;
// What is asked, checked.
mod query;
// The definition of a hit: whether a text contains what is looked for, and where.
mod verify;
// Where words stand in any text.
mod marks;
// A question in the form in which segments answer it, and how hits rank.
mod question;
// The conversations a question is about.
mod scope;
// Terms that every hit has.
mod plan;
// Terms that hold a piece of a word.
mod term_pattern;
// One segment's candidates, verified where terms prove nothing.
mod segment;
// Hits of all segments: counted, then gathered.
mod candidates;
// From a question to its answer.
mod run;
// The hits, with their text.
mod answer;
mod error;

pub use answer::{ConversationHits, Hit, SearchAnswer};
pub use error::SearchError;
pub use marks::Marks;
pub use mode::Mode;
pub use query::{Filters, HitOrder, SearchQuery};
pub use run::{Search, run};

#[cfg(test)]
mod tests;
