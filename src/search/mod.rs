//! Questions in words: every message that contains a given text, in any script, as of a stated offset.
//!
//! In the order a question travels: [`SearchQuery`] (what is asked, checked) → `scope` (which conversations) → `plan`
//! (terms that every hit has) → `candidates` (the documents that have them, verified where terms prove nothing) →
//! `answer` (the newest hits, with their text).
//!
//! Invariants: a result equals a `contains` over every record below [`SearchAnswer::complete_to`], as is or folded,
//! and `total` counts all of it whatever is shown (test `search_equals_brute_force`); every version of a message is
//! found; no question sees another shop.
//! It writes nothing, and does not decide who may ask.

mod answer;
mod candidates;
mod error;
mod plan;
mod query;
mod question;
mod run;
mod scope;
mod segment;
mod term_pattern;
mod verify;

pub use answer::{ConversationHits, Hit, SearchAnswer};
pub use error::SearchError;
pub use query::{Filters, HitOrder, SearchQuery};
pub use run::run;

use crate::index::IndexHandle;
use crate::log::Freshness;

/// The door to search. Cheap to clone.
#[derive(Clone)]
pub struct Search {
    freshness: Freshness,
    index: IndexHandle,
}

impl Search {
    /// Search over this index.
    pub fn new(freshness: Freshness, index: IndexHandle) -> Search {
        Search { freshness, index }
    }

    /// Answers a question off the async threads, after waiting briefly for the index to have what is acknowledged now.
    pub async fn run(&self, query: SearchQuery) -> Result<SearchAnswer, SearchError> {
        query.check()?;
        self.freshness.wait().await;
        let snapshot = self.index.snapshot();
        tokio::task::spawn_blocking(move || run(&snapshot, &query))
            .await
            .map_err(SearchError::Task)?
    }
}

#[cfg(test)]
mod tests;
