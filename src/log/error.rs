//! Errors of the log, by what a caller can do about them.

use std::io;
use std::path::PathBuf;

use crate::model::{DecodeError, ErrorKind, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log in `{dir}` is in use by another process")]
    Locked { dir: PathBuf },
    #[error("cannot open the log in `{dir}`: {source}")]
    Open { dir: PathBuf, source: open_wal::WalError },
    #[error("cannot append to the log: {source}; no further writes are taken until a restart")]
    Append { source: open_wal::WalError },
    #[error("cannot read `{path}` at byte {position}: {source}")]
    Read { path: PathBuf, position: u64, source: io::Error },
    #[error("the log is damaged: `{path}` at byte {position}, offset {offset}: {detail}")]
    Damaged { path: PathBuf, position: u64, offset: Offset, detail: String },
    #[error("offset {offset} is not in the log: it begins at {oldest}")]
    Trimmed { offset: Offset, oldest: Offset },
    #[error("records must come in order: expected offset {expected}, got {got}")]
    Gap { expected: Offset, got: Offset },
    #[error("{records} records of {bytes} bytes wait for a commit, more than are kept")]
    TailFull { records: u64, bytes: usize },
    #[error("the payload at offset {offset} is too short for a record")]
    CutPayload { offset: Offset },
    #[error(transparent)]
    NotARecord(#[from] DecodeError),
}

impl Kinded for LogError {
    fn kind(&self) -> ErrorKind {
        match self {
            LogError::Locked { .. } | LogError::Read { .. } => ErrorKind::Retry,
            LogError::Append { .. } => ErrorKind::Closed,
            LogError::Trimmed { .. } => ErrorKind::NotFound,
            LogError::Gap { .. } | LogError::TailFull { .. } => ErrorKind::Bug,
            LogError::Open { .. }
            | LogError::Damaged { .. }
            | LogError::CutPayload { .. }
            | LogError::NotARecord(_) => ErrorKind::Corrupt,
        }
    }
}
