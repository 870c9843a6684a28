//! Which files are known to be, to the last bit, what was written. A bit that flips in a value decodes as
//! well as any other: rows are read only from files whose bytes were compared with the hash in their
//! name, once in the life of a process.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::snapshot::DataFile;

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
    pub(super) fn is_whole(&self, file: &DataFile) -> bool {
        self.known.lock().whole.contains(&file.path)
    }

    /// Written by this process, or compared.
    pub(super) fn note(&self, file: &DataFile) {
        let mut known = self.known.lock();
        known.damaged.remove(&file.path);
        known.whole.insert(file.path.clone());
    }

    /// Returns whether that is new.
    pub(super) fn note_damaged(&self, file: &DataFile, detail: String) -> bool {
        self.known.lock().damaged.insert(file.path.clone(), detail).is_none()
    }

    /// It left the table.
    pub(super) fn forget(&self, file: &DataFile) {
        let mut known = self.known.lock();
        known.whole.remove(&file.path);
        known.damaged.remove(&file.path);
    }

    /// The paths of damaged files.
    pub(super) fn damaged(&self) -> Vec<Arc<str>> {
        self.known.lock().damaged.keys().cloned().collect()
    }
}
