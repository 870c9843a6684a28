//! Errors of a table, by what a caller can do about them.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use deltalake_core::DeltaTableError;
use parquet::errors::ParquetError;

use crate::durable::NoRoom;
use crate::model::{ErrorKind, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("there is no table in `{root}`")]
    NotFound { root: PathBuf },
    #[error(
        "`{path}` is damaged: expected {expected}, found {found}; `verbatim audit` says what is affected"
    )]
    Damaged { path: PathBuf, expected: String, found: String },
    #[error(
        "the table in `{root}` has other columns than this version writes ({detail}); `verbatim rebuild` makes it anew from the log"
    )]
    OtherColumns { root: PathBuf, detail: String },
    #[error(
        "another writer owns the table in `{root}`: its cursor is {stored}, this writer stands at {expected}"
    )]
    Fenced { root: PathBuf, stored: Offset, expected: Offset },
    #[error("the cursor of `{root}` would move back from {from} to {to}")]
    CursorBack { root: PathBuf, from: Offset, to: Offset },
    #[error("the table in `{root}` takes no more writes after a failed one; open it again")]
    Closed { root: PathBuf },
    #[error(
        "compactions took files of the table in `{root}` while it was rewritten, {tries} times"
    )]
    Contended { root: PathBuf, tries: usize },
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("cannot {action} the table in `{root}`: {source}")]
    Delta { action: &'static str, root: PathBuf, source: Box<DeltaTableError> },
    #[error("cannot {action} `{path}`: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot write `{path}` as Parquet: {source}")]
    Encode { path: PathBuf, source: ParquetError },
    #[error("cannot {action}: {source}")]
    Arrow { action: &'static str, source: ArrowError },
    #[error("the compaction was stopped")]
    Stopped,
    #[error("the maintenance of a table panicked: {said}")]
    Panicked { said: String },
    #[error("a background task of a table ended early: {source}")]
    Task { source: tokio::task::JoinError },
}

impl TableError {
    /// The file it is about, where it is about one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            TableError::Damaged { path, .. }
            | TableError::Io { path, .. }
            | TableError::Encode { path, .. } => Some(path),
            _ => None,
        }
    }

    /// What to make of a failed `action` on `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> TableError + Copy {
        move |source| TableError::Io { action, path: path.to_path_buf(), source }
    }
}

/// A file that holds something else than it must.
pub(super) fn damaged(path: &Path, expected: impl Into<String>, found: impl Display) -> TableError {
    let (path, found) = (path.to_path_buf(), found.to_string());
    TableError::Damaged { path, expected: expected.into(), found }
}

impl Kinded for TableError {
    fn kind(&self) -> ErrorKind {
        match self {
            TableError::NotFound { .. } => ErrorKind::NotFound,
            TableError::Damaged { .. } | TableError::OtherColumns { .. } => ErrorKind::Corrupt,
            TableError::Fenced { .. } => ErrorKind::Conflict,
            TableError::Closed { .. } | TableError::Stopped => ErrorKind::Closed,
            TableError::Contended { .. }
            | TableError::NoRoom(_)
            | TableError::Delta { .. }
            | TableError::Io { .. }
            | TableError::Encode { .. } => ErrorKind::Retry,
            TableError::CursorBack { .. }
            | TableError::Arrow { .. }
            | TableError::Task { .. }
            | TableError::Panicked { .. } => ErrorKind::Bug,
        }
    }
}
