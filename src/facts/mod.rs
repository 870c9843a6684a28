//! What docs/METRICS.md measures, folded once from the records of the log: turns, episodes and stints, and
//! beside them ratings, and what became of messages and tags.
//!
//! Flow: the [`FactStore`] hands each record to `log_fold`, where the log's clock first closes what
//! has gone idle; [`fold()`] folds the record into its conversation. Rows that it settles wait for
//! a commit; those and the rows still open are shown to questions, each shop its own.
//!
//! Invariants: the fold is pure, so the same records give the same rows on every run, and each row
//! names the record that settled it; a turn lies in one episode, and turns of a conversation never
//! overlap; the stints of an episode follow each other without a gap; every record lies in one
//! episode or is a stray; a time that is not known is NULL and never 0; the columns of a table are
//! declared once, in [`columns`].
//! It does not read a wall clock or average anything: `queries/` counts these rows.

// The words: labels, times, and which record settled a row.
mod labels;
mod moment;
mod activity;
mod closer;
mod span;
mod due;
mod whose;
// The rows of each table.
mod rows;
mod change_row;
mod tag_row;
mod stray_row;
// What is open in a conversation, and the row it becomes.
mod turn;
mod episode;
mod stint;
mod state;
mod rating_row;
mod turn_row;
mod episode_row;
mod stint_row;
mod row;
pub mod columns;
// The fold: of one conversation, and of the log.
mod moves;
mod fold;
mod log_fold;
mod versions;
// What is open and what is settled, in chunks that questions share.
mod chunk;
mod open;
mod settled;
// On disk, and to questions.
mod states;
mod tables;
mod store;
mod forget;
mod snapshot;
mod error;

#[cfg(test)]
mod tests;

pub use change_row::ChangeRow;
pub use columns::{
    CHANGE_COLUMNS, EPISODE_COLUMNS, RATING_COLUMNS, STINT_COLUMNS, STRAY_COLUMNS, TAG_COLUMNS,
    TURN_COLUMNS,
};
pub use error::FactsError;
pub use fold::fold;
pub use labels::{
    EpisodeEnd, EpisodeStart, Excluded, Move, Outcome, Place, SlaTarget, StintOutcome, TurnStart,
};
pub use rating_row::RatingRow;
pub use rows::{EpisodeRow, Facts, METRIC_VERSION, StintRow, TurnRow};
pub use snapshot::{FactsReader, FactsSnapshot, FactsTable};
pub use state::ConversationState;
pub use store::FactStore;
pub use stray_row::StrayRow;
pub use tag_row::TagRow;
