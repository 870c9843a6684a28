//! The truth: an append-only log of records. Append, read, follow.
//!
//! Invariants: only [`LogWriter`] changes log bytes (test `only_the_writer_changes_log_bytes`); no offset at or above
//! the head is ever handed out, from memory or from a file; a reader never repairs: damage is an error with path and
//! offset.
//! It does not know what a record means to anyone, and nothing above this folder knows which log it is: the seam is
//! append, read from an offset, and the durable head.

mod error;
mod follow;
mod reader;
mod recent;
mod segment;
mod writer;

pub use error::LogError;
pub use follow::{CommitPolicy, FollowError, Freshness, Progress, Sink, follow};
pub use reader::{LogCursor, LogReader};
pub use writer::{LogWriter, Recovered, open};

/// Records as a follower is handed them.
#[cfg(test)]
pub(crate) fn shared(
    records: Vec<crate::model::Record>,
) -> Vec<std::sync::Arc<crate::model::Record>> {
    records.into_iter().map(std::sync::Arc::new).collect()
}
