//! The files that make up a log at one moment, for a copy that is made while another process writes.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::LogError;
use super::folder::LogFolder;
use super::survey::Survey;

/// A file of the log, and how much of it is written.
#[derive(Debug)]
pub struct LogFile {
    pub path: PathBuf,
    /// Of an active segment, which may be moved meanwhile. What is sealed is opened by its path: it
    /// does not change, and may go.
    pub file: Option<File>,
    /// What lies behind so many bytes may be half a frame. All of it, where `None`.
    pub written_bytes: Option<u64>,
}

/// What the log in `dir` consists of now. Frames that are written after this are not in it.
pub fn files(dir: &Path) -> Result<Vec<LogFile>, LogError> {
    let folder = LogFolder::new(dir);
    let Survey { sealed, active, .. } = Survey::of_moving(&folder)?;
    let whole = |path| LogFile { path, file: None, written_bytes: None };
    let mut files = Vec::new();
    for first in sealed {
        files.push(whole(folder.sealed_path(first)));
        files.push(whole(folder.sidecar_path(first)));
    }
    for segment in active {
        let cannot = |source| LogError::read(&segment.path, 0, source);
        files.push(LogFile {
            path: segment.path.clone(),
            file: Some(segment.file.try_clone().map_err(cannot)?),
            written_bytes: Some(segment.end_byte().into()),
        });
    }
    let oldest = folder.oldest_path();
    if oldest.exists() {
        files.push(whole(oldest));
    }
    Ok(files)
}
