//! The truth: an append-only log of records. Append, read, follow, trim.
//!
//! Invariants: only [`LogWriter`], its sealing and its [`Trimmer`] change log bytes (test
//! `only_the_writer_changes_log_bytes`); what one sync made durable is one frame, whole or absent;
//! no offset at or above the head is ever handed out, from memory or from a file; a reader never
//! repairs: damage is an error with path and offsets.
//! It does not know what a record means to anyone, and nothing above this folder knows which log it
//! is: the seam is append, read from an offset, and the durable head.

// The records of one sync, as bytes.
mod frame;
// Packs them.
mod codec;
// The files of `open-wal`, in which a frame is an entry.
mod segment_file;
// Where the files lie.
mod folder;
// Small files with a name, a version and a checksum.
mod checked;
// Where the log begins.
mod oldest;
// Where in a segment its frames lie.
mod positions;
// What is known of a sealed segment without reading it.
mod sidecar;
// One segment as readers hold it.
mod segment;
// All of them, shared by the writer and its readers.
mod segments;
// Walks the frames of one segment.
mod cursor;
// The checksum of a segment's file.
mod file_sum;
// What lies in the folder.
mod survey;
// Opens the log to write.
mod open;
// Append, then one sync for all.
mod writer;
// A full segment gets its sidecar and is moved.
mod seal;
// The oldest segments are removed.
mod trim;
// Sealed segments are read at leisure.
mod scrub;
// The reading side of the log.
mod reader;
// Read forward from an offset.
mod scan;
// The newest records, still in memory.
mod recent;
// How much memory a record takes.
mod size;
// Its files, for a copy.
mod copy;
// What the log no longer holds.
mod history;
// Records as they are handed on.
mod batch;
// Records a store has applied and not yet committed.
mod tail;
// How far a store is.
mod state;
// What a store is told to forget.
mod forgotten;
// What a store is.
mod store;
// The loop that feeds one.
mod follow;
// Questions that wait for what was acknowledged.
mod barrier;
mod error;
#[cfg(test)]
mod tests;

pub use barrier::{Reached, ReadBarrier};
pub use batch::Batch;
pub use copy::{LogFile, files};
pub use error::LogError;
pub use follow::{CommitPolicy, FollowError, follow};
pub use forgotten::{Forgot, Forgotten, OfConversation, Request, Requests, Rewritten};
pub use history::History;
pub use open::{Recovered, SEGMENT_BYTES, open, open_with_segments};
pub use reader::LogReader;
pub use scan::LogScan;
pub use scrub::{Damage, Scrubbed, damages, scrub};
pub use size::bytes_of;
pub use state::{Failure, State};
pub use store::{Followed, NotOpen, Slot, Store};
pub use survey::{End, end_of};
pub use tail::Tail;
pub use trim::Trimmer;
pub use writer::LogWriter;

/// Records as a store is handed them.
#[cfg(test)]
pub(crate) fn batch(records: Vec<crate::model::Record>) -> Batch {
    let start = records.first().map(|record| record.offset).unwrap_or_default();
    Batch::new(start, records.into_iter().map(std::sync::Arc::new).collect()).unwrap()
}
