//! Readers: any number, none of which the writer knows. Each sees what is durable and nothing
//! beyond.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::recent::Recent;
use crate::model::Offset;

/// Scans note where they are about every so many bytes, so that a later scan starts near its
/// offset: at 100 GiB of log this is 100,000 positions × 32 bytes = 3 MiB.
pub(super) const INDEX_EVERY_BYTES: u64 = 1024 * 1024;

/// Where in the files a record lies.
#[derive(Clone, Copy)]
pub(super) struct FilePosition {
    /// The segment, by its first record.
    pub(super) segment: Offset,
    pub(super) byte: u64,
}

/// The reading side of the log: for any number of scans.
#[derive(Clone)]
pub struct LogReader {
    pub(super) dir: Arc<Path>,
    pub(super) head: watch::Receiver<Offset>,
    pub(super) recent: Recent,
    /// Where some records lie: sparse, filled by scans.
    offset_index: Arc<Mutex<BTreeMap<Offset, FilePosition>>>,
}

impl LogReader {
    pub(super) fn new(dir: Arc<Path>, head: watch::Receiver<Offset>, recent: Recent) -> LogReader {
        LogReader { dir, head, recent, offset_index: Arc::default() }
    }

    /// First offset not yet durable.
    pub fn head(&self) -> Offset {
        *self.head.borrow()
    }

    /// The last noted position at or before `offset`.
    pub(super) fn indexed_before(&self, offset: Offset) -> Option<(Offset, FilePosition)> {
        let index = self.offset_index.lock();
        index.range(..=offset).next_back().map(|(offset, position)| (*offset, *position))
    }

    pub(super) fn note(&self, offset: Offset, position: FilePosition) {
        self.offset_index.lock().insert(offset, position);
    }

    /// A reader of an empty log that says its head is `head`, and what keeps it open.
    #[cfg(test)]
    pub(crate) fn at_head(dir: &Path, head: Offset) -> (watch::Sender<Offset>, LogReader) {
        let (sender, seen) = watch::channel(head);
        (sender, LogReader::new(Arc::from(dir), seen, Recent::default()))
    }
}
