//! The truth: an append-only log of records. Append, read, follow.
//!
//! Invariants: only [`LogWriter`] changes log bytes (test `only_the_writer_changes_log_bytes`); no
//! offset at or above the head is ever handed out, from memory or from a file; a reader never
//! repairs: damage is an error with path and offset.
//! It does not know what a record means to anyone, and nothing above this folder knows which log it
//! is: the seam is append, read from an offset, and the durable head.

// One record's frame in a segment file.
mod segment;
// Append, then one sync for all.
mod writer;
// The reading side of the log, and where in the files an offset lies.
mod reader;
// Read forward from an offset.
mod scan;
// The newest records, still in memory.
mod recent;
// How much memory a record takes.
mod size;
// Records as they are handed on.
mod batch;
// Records a store has applied and not yet committed.
mod tail;
// How far a store is.
mod state;
// What a store is.
mod store;
// The loop that feeds one.
mod follow;
// Questions that wait for what was acknowledged.
mod barrier;
mod error;

pub use barrier::{Reached, ReadBarrier};
pub use batch::Batch;
pub use error::LogError;
pub use follow::{CommitPolicy, FollowError, follow};
pub use reader::LogReader;
pub use scan::LogScan;
pub use state::{Failure, State};
pub use store::{Followed, NotOpen, Slot, Store};
pub use tail::Tail;
pub use writer::{LogWriter, Recovered, open};

/// Records as a store is handed them.
#[cfg(test)]
pub(crate) fn batch(records: Vec<crate::model::Record>) -> Batch {
    let start = records.first().map(|record| record.offset).unwrap_or_default();
    Batch::new(start, records.into_iter().map(std::sync::Arc::new).collect()).unwrap()
}
