//! Turns and episodes: what docs/METRICS.md measures, folded once from the records of each
//! conversation, in offset order.
//!
//! Invariants: [`fold()`] is pure, so the same records give the same rows on every run, and each
//! row names the record that closed it; a turn lies in one episode, and turns of a conversation
//! never overlap; a time that is not known is NULL and never 0; the columns of a table are declared
//! once, in [`columns`].
//! Flow: the [`FactStore`] hands each record to [`fold()`], keeps closed rows until it commits
//! them, and shows questions those and the rows still open as one tail.
//! It does not read a clock, count business hours or average anything: schedules come on top of
//! these rows, and `queries/` counts them.

mod labels;
mod moment;
mod rows;
mod turn;
mod episode;
mod state;
mod turn_row;
mod episode_row;
mod fold;
pub mod columns;
mod states;
mod store;
mod error;

#[cfg(test)]
mod tests;

pub use columns::{
    EPISODE_COLUMNS, TURN_COLUMNS, episodes_batch, episodes_schema, turns_batch, turns_schema,
};
pub use error::FactsError;
pub use fold::{FoldConfig, fold};
pub use labels::{EpisodeEnd, EpisodeStart, Excluded, Outcome, TurnStart};
pub use rows::{EpisodeRow, Facts, METRIC_VERSION, TurnRow};
pub use state::ConversationState;
pub use store::{FactStore, FactsReader, FactsSnapshot};
