//! The live files of a table, by day.
//!
//! A clone copies one pointer. A change copies one pointer for each day and the files of the days
//! it touches, so that a commit costs no more when the table is ten years old than a walk over
//! 3,650 pointers.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::snapshot::DataFile;

/// Files by day; within a day in no promised order.
#[derive(Clone, Debug, Default)]
pub struct FileList {
    days: Arc<BTreeMap<NaiveDate, Arc<[DataFile]>>>,
    len: usize,
}

impl FileList {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All files, the days in order.
    pub fn iter(&self) -> impl Iterator<Item = &DataFile> {
        self.days.values().flat_map(|files| files.iter())
    }

    /// The days that have files, in order.
    pub(super) fn days(&self) -> impl DoubleEndedIterator<Item = NaiveDate> {
        self.days.keys().copied()
    }

    pub(super) fn of_day(&self, day: NaiveDate) -> &[DataFile] {
        self.days.get(&day).map_or(&[], |files| files)
    }

    pub(super) fn contains(&self, file: &DataFile) -> bool {
        self.of_day(file.day).iter().any(|live| live.path == file.path)
    }

    /// This list without `removed` and with `added`.
    pub(super) fn changed(&self, removed: &[DataFile], added: &[DataFile]) -> FileList {
        let mut days = BTreeMap::clone(&self.days);
        let touched = removed.iter().chain(added).map(|file| file.day);
        for day in touched.collect::<std::collections::BTreeSet<NaiveDate>>() {
            let is_removed = |live: &DataFile| removed.iter().any(|file| file.path == live.path);
            let kept = self.of_day(day).iter().filter(|file| !is_removed(file));
            let new = added.iter().filter(|file| file.day == day);
            let files: Arc<[DataFile]> = kept.chain(new).cloned().collect();
            if files.is_empty() {
                days.remove(&day);
            } else {
                days.insert(day, files);
            }
        }
        FileList::from(days)
    }
}

impl From<BTreeMap<NaiveDate, Arc<[DataFile]>>> for FileList {
    fn from(days: BTreeMap<NaiveDate, Arc<[DataFile]>>) -> FileList {
        let len = days.values().map(|files| files.len()).sum();
        FileList { days: Arc::new(days), len }
    }
}

impl FromIterator<DataFile> for FileList {
    fn from_iter<I: IntoIterator<Item = DataFile>>(files: I) -> FileList {
        let mut days: BTreeMap<NaiveDate, Vec<DataFile>> = BTreeMap::new();
        for file in files {
            days.entry(file.day).or_default().push(file);
        }
        let days: BTreeMap<NaiveDate, Arc<[DataFile]>> =
            days.into_iter().map(|(day, files)| (day, files.into())).collect();
        FileList::from(days)
    }
}
