//! The files that make up a table at one moment, for a copy.

use std::path::PathBuf;

use super::check;
use super::{TableError, TableSnapshot};

/// The commit entries and data files of a snapshot. The data files stay as long as the snapshot
/// lives; an entry may go once a checkpoint stands in for it.
pub fn files_of(snapshot: &TableSnapshot) -> Result<Vec<PathBuf>, TableError> {
    let mut files = check::log_files(&snapshot.root, snapshot.version)?;
    files.extend(snapshot.files.iter().map(|file| snapshot.path_of(file)));
    Ok(files)
}
