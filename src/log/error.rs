//! Errors of the log, by what a caller can do about them.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::model::{ErrorKind, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log in `{dir}` is in use by another process")]
    Locked { dir: PathBuf },
    #[error("cannot open the log in `{dir}`: {source}")]
    Open { dir: PathBuf, source: open_wal::WalError },
    #[error("cannot append to the log: {source}; no further writes are taken until a restart")]
    Append { source: open_wal::WalError },
    #[error("the log takes nothing more after a failed write; a restart recovers it")]
    Closed,
    #[error("the record of offset {offset} has {bytes} bytes, more than the {bytes_max} allowed")]
    TooLarge { offset: Offset, bytes: usize, bytes_max: usize },
    #[error("the text of the record of offset {offset} is not one line")]
    NotOneLine { offset: Offset },
    #[error("the frame was full before the record of offset {offset} came")]
    FrameFull { offset: Offset },
    #[error("cannot read `{path}` at byte {position}: {source}")]
    Read { path: PathBuf, position: u64, source: io::Error },
    #[error("cannot write `{path}`: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "the log is damaged: `{path}` at byte {position}, offsets {first} to below {end}: {detail}. \
         Nothing was changed; docs/operations.md says what to do about damage in the log",
        first = .offsets.start, end = .offsets.end
    )]
    Damaged { path: PathBuf, position: u64, offsets: Range<Offset>, detail: String },
    #[error("the log is damaged: `{path}`: {detail}")]
    File { path: PathBuf, detail: String },
    #[error(
        "`{path}` at byte {position} holds a frame of version {version}; this build reads version \
         {known}: use the build that wrote it, or a later one"
    )]
    Newer { path: PathBuf, position: u64, version: u8, known: u8 },
    #[error("records {first} to below {end} are no longer in the log and cannot be read from the archive: {shown}", first = .range.start, end = .range.end)]
    History { range: Range<Offset>, kind: ErrorKind, shown: String },
    #[error("offset {offset} is not in the log: it begins at {oldest}")]
    Trimmed { offset: Offset, oldest: Offset },
    #[error("records must come in order: expected offset {expected}, got {got}")]
    Gap { expected: Offset, got: Offset },
    #[error("{records} records of {bytes} bytes wait for a commit, more than are kept")]
    TailFull { records: u64, bytes: usize },
    #[error("cannot pack or unpack frames: {source}")]
    Codec { source: io::Error },
}

impl LogError {
    pub(super) fn read(path: &Path, position: u64, source: io::Error) -> LogError {
        LogError::Read { path: path.to_path_buf(), position, source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> LogError {
        LogError::Write { path: path.to_path_buf(), source }
    }
}

impl Kinded for LogError {
    fn kind(&self) -> ErrorKind {
        match self {
            LogError::Locked { .. } | LogError::Read { .. } | LogError::Write { .. } => {
                ErrorKind::Retry
            }
            LogError::Append { .. } | LogError::Closed => ErrorKind::Closed,
            LogError::TooLarge { .. } => ErrorKind::BadInput,
            LogError::History { kind, .. } => *kind,
            LogError::Trimmed { .. } => ErrorKind::NotFound,
            LogError::NotOneLine { .. }
            | LogError::FrameFull { .. }
            | LogError::Gap { .. }
            | LogError::TailFull { .. }
            | LogError::Codec { .. } => ErrorKind::Bug,
            LogError::Open { .. }
            | LogError::Damaged { .. }
            | LogError::File { .. }
            | LogError::Newer { .. } => ErrorKind::Corrupt,
        }
    }
}
