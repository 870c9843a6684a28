//! The archive: every record as a row of the Delta table `events`, by the UTC day on which it
//! was received.
//!
//! Flow: [`events_by_day`] turns records into rows → the [`Archive`] commits them with the cursor.
//! Questions read an [`ArchiveSnapshot`]: the table's files and the tail of records beyond them, as
//! rows by [`events_batch`].
//!
//! Invariants: at any moment a record below `applied` is in the files or in the tail, never in
//! both; the columns are declared once, in [`columns`].
//! It does not read rows for questions.

pub mod columns;
mod attachments;
mod batch;
mod erase;
mod error;
mod history;
mod row;
mod store;
#[cfg(test)]
mod tests;

pub use batch::{EVENTS_OPTIONS, events_by_day};
pub use columns::{
    EVENT_COLUMNS, events_batch, events_schema, some_columns_of_events, stored_events_batch,
    stored_events_schema,
};
pub use error::ArchiveError;
pub use row::records_of;
pub use store::{Archive, ArchiveReader, ArchiveSnapshot, committed_snapshot, events_folder};

/// The table of records, in its folder of the same name.
pub const EVENTS_TABLE: &str = "events";
