//! The one list of segments that a log and its readers share: where each begins, and the open ones.
//!
//! Invariant: a segment is in the list from before the head passes its first record until it is
//! trimmed; being sealed moves it from one half to the other in one step.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use quick_cache::sync::Cache;

use super::LogError;
use super::folder::LogFolder;
use super::oldest::Start;
use super::segment::Segment;
use crate::durable::Disk;
use crate::model::Offset;

/// Sealed segments kept open: 64 file handles, and 64 × 8 KiB of positions.
const OPEN_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Segments {
    pub(super) folder: LogFolder,
    list: RwLock<List>,
    open: Cache<Offset, Arc<Segment>>,
    /// What moves and removes segments holds it meanwhile. None for readers alone, and once the
    /// writer is gone: the folder may then be another process's.
    disk: Mutex<Option<Arc<Disk>>>,
}

#[derive(Debug)]
struct List {
    oldest: Offset,
    /// By their first offsets, ascending.
    sealed: Vec<Offset>,
    /// Those that follow, ascending. The last is the one that is written.
    active: Vec<Arc<Segment>>,
}

impl Segments {
    pub(super) fn new(
        folder: LogFolder,
        oldest: Offset,
        sealed: Vec<Offset>,
        active: Vec<Arc<Segment>>,
        disk: Option<Arc<Disk>>,
    ) -> Segments {
        let list = RwLock::new(List { oldest, sealed, active });
        Segments { folder, list, open: Cache::new(OPEN_MAX), disk: Mutex::new(disk) }
    }

    /// First offset still in the log.
    pub(super) fn oldest(&self) -> Offset {
        self.list.read().oldest
    }

    /// The segment that holds `offset`, which must be durable.
    pub(super) fn holding(&self, offset: Offset) -> Result<Arc<Segment>, LogError> {
        let first = {
            let list = self.list.read();
            if offset < list.oldest {
                return Err(LogError::Trimmed { offset, oldest: list.oldest });
            }
            if let Some(segment) = list.active.iter().rfind(|segment| segment.first <= offset) {
                return Ok(segment.clone());
            }
            let before = list.sealed.partition_point(|first| *first <= offset);
            before.checked_sub(1).and_then(|index| list.sealed.get(index)).copied()
        };
        let Some(first) = first else { return Err(self.missing(self.oldest(), offset)) };
        let segment = match self.open_sealed(first) {
            Ok(segment) => segment,
            Err(error) => {
                // It may have been trimmed meanwhile, by another process too.
                let oldest = self.oldest().max(Start::read(&self.folder.oldest_path())?.offset);
                let is_trimmed = offset < oldest;
                return Err(if is_trimmed { LogError::Trimmed { offset, oldest } } else { error });
            }
        };
        if offset >= segment.end() {
            return Err(self.missing(segment.end(), offset));
        }
        Ok(segment)
    }

    /// The sealed segment that begins at `first`.
    pub(super) fn open_sealed(&self, first: Offset) -> Result<Arc<Segment>, LogError> {
        if let Some(segment) = self.open.get(&first) {
            return Ok(segment);
        }
        let segment = Arc::new(Segment::open_sealed(&self.folder, first)?);
        // The lock holds a trim back, after which it would stay open, and its bytes on the disk.
        let list = self.list.read();
        if first >= list.oldest {
            self.open.insert(first, segment.clone());
        }
        Ok(segment)
    }

    /// The sealed segments, ascending: the offsets that each should hold.
    pub(super) fn sealed(&self) -> Vec<Range<Offset>> {
        let list = self.list.read();
        let active = list.active.first().map(|segment| segment.first);
        let ends = list.sealed.iter().skip(1).copied().chain(active);
        list.sealed.iter().zip(ends).map(|(first, end)| *first..end).collect()
    }

    /// Those to be sealed: all of `open-wal`'s but the one that is written.
    pub(super) fn to_be_sealed(&self) -> Vec<Arc<Segment>> {
        let list = self.list.read();
        let count = list.active.len().saturating_sub(1);
        list.active.iter().take(count).cloned().collect()
    }

    /// Takes in the segment that is written from now on.
    pub(super) fn add_active(&self, segment: Arc<Segment>) {
        self.list.write().active.push(segment);
    }

    /// Takes in that the oldest active segment was sealed. It is opened anew, by the name that it has
    /// now: an open file that is shown as deleted is one that should not be open.
    pub(super) fn move_to_sealed(&self, first: Offset) {
        let mut list = self.list.write();
        list.active.retain(|active| active.first != first);
        list.sealed.push(first);
    }

    /// Forgets what lies below `oldest`.
    pub(super) fn forget_below(&self, oldest: Offset) {
        let mut list = self.list.write();
        list.oldest = oldest;
        list.sealed.retain(|first| *first >= oldest);
        self.open.retain(|first, _| *first >= oldest);
    }

    /// What is needed to move or remove segments, for one at a time.
    pub(super) fn disk(&self) -> MutexGuard<'_, Option<Arc<Disk>>> {
        self.disk.lock()
    }

    /// From now on nothing is moved or removed.
    pub(super) fn close(&self) {
        *self.disk.lock() = None;
    }

    fn missing(&self, first: Offset, offset: Offset) -> LogError {
        LogError::Damaged {
            path: self.folder.sealed(),
            position: 0,
            offsets: first..offset.next(),
            detail: "no segment holds them".to_string(),
        }
    }
}
