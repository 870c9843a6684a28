//! Questions in words: every message that contains what was typed, in any script, as of a stated
//! offset.
//!
//! Invariants: a result equals a scan of every record below [`SearchAnswer::complete_to`], in each
//! mode, and `total` counts all of it whatever is shown (test `search_equals_brute_force`); pages of an
//! answer hold each hit once, whatever is written meanwhile; every version of a message is found, and
//! each hit says what became of it; no question sees another shop.
//! It writes nothing, and does not decide who may ask.

// What people type.
pub mod language;
// How closely a text must follow it.
mod mode;
// What is asked, checked.
mod query;
// Where a page ended.
mod cursor;
// Whether a text contains what is looked for, and where.
mod verify;
// Where words stand in any text.
mod marks;
// Which conversations an order, a customer or an agent is in.
mod find;
// Terms that hold a piece of a word.
mod term_pattern;
// Terms that a text has, alone or as a phrase.
mod piece;
// From words to the terms of every text with them.
mod plan;
// The texts that have terms in a row.
mod phrase;
// A question taken apart: the definition of a hit.
mod clause;
// The conversations and messages a condition chooses.
mod scope;
// Order numbers among words.
mod orders;
// The same question, asked of records where there is no index.
mod record_query;
// From words and conditions to a question for each message.
mod ask;
// One segment.
mod segment;
// What is stored of a document.
mod stored;
// Its hits.
mod hits;
// How hits rank.
mod rank;
// The conversations that come first, and their hits.
mod newest;
// What became of a message.
mod fate;
// What is called as was typed.
mod known;
// Filters that choose nothing at all.
mod unknown;
// What was looked at in vain.
mod looked_at;
// What would be found more loosely.
mod looser;
mod deadline;
// What one question sees.
mod view;
// What is shown of what was chosen.
mod show;
// From a question to its answer.
mod run;
// The hits, with their text.
mod answer;
// What an answer says, in sentences.
mod said;
mod error;

pub use crate::index::known_as::KnownKind;
pub use answer::{
    ConversationHits, Hit, LaterVersion, LookedAt, Looser, Match, SearchAnswer, UnknownFilter,
    WordCount,
};
pub use cursor::{Cursor, NotACursor};
pub use error::SearchError;
pub use find::{Conversations, Whose};
pub use marks::Marks;
pub use mode::Mode;
pub use query::{Filters, HitOrder, SearchQuery};
pub use record_query::RecordQuery;
pub use run::{Search, run, shops};
pub use said::{Negative, shown_time};

#[cfg(test)]
mod tests;
