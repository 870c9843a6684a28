//! The archive: every record as a row of the Delta table `events`, by UTC day.
//!
//! Flow: [`events_batch`] turns records into rows → the [`Archive`] commits them with the cursor. Questions read an
//! [`ArchiveSnapshot`]: the table's files and the tail of records beyond them.
//!
//! Invariant: at any moment a record below `applied` is in the files or in the tail, never in both.
//! It does not read rows for questions.

mod batch;
mod error;
mod store;

pub use batch::{EVENTS_OPTIONS, events_batch, events_by_day};
pub use error::ArchiveError;
pub use store::{Archive, ArchiveReader, ArchiveSnapshot};

#[cfg(test)]
pub(crate) use batch::fill;

/// The table of records, in its folder of the same name.
pub const EVENTS_TABLE: &str = "events";
