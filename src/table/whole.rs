//! Which files are known to be, to the last bit, what was written. A bit that flips in a value decodes as
//! well as any other: rows are read only from files whose bytes were compared with the hash in their
//! name, once in the life of a process.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// What is known of a table's files, by their paths.
#[derive(Debug, Default)]
pub(super) struct WholeFiles {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    whole: HashSet<Arc<str>>,
    /// With what was found.
    damaged: BTreeMap<Arc<str>, String>,
}

impl WholeFiles {
    pub(super) fn is_whole(&self, path: &Arc<str>) -> bool {
        self.known.lock().whole.contains(path)
    }

    /// Written by this process, or compared.
    pub(super) fn note(&self, path: &Arc<str>) {
        let mut known = self.known.lock();
        known.damaged.remove(path);
        known.whole.insert(path.clone());
    }

    /// Returns whether that is new.
    pub(super) fn note_damaged(&self, path: &Arc<str>, detail: String) -> bool {
        self.known.lock().damaged.insert(path.clone(), detail).is_none()
    }

    /// It left the table.
    pub(super) fn forget(&self, path: &Arc<str>) {
        let mut known = self.known.lock();
        known.whole.remove(path);
        known.damaged.remove(path);
    }

    /// The paths of damaged files.
    pub(super) fn damaged(&self) -> Vec<Arc<str>> {
        self.known.lock().damaged.keys().cloned().collect()
    }
}
