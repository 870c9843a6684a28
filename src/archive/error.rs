//! What can go wrong with the archive.

use arrow::error::ArrowError;

use crate::model::{ErrorKind, Kinded, Offset};
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot make a batch of events: {0}")]
    Arrow(#[from] ArrowError),
    #[error("column `{column}` of the events table has nothing that fills it")]
    UnknownColumn { column: String },
    #[error("records must come in order: expected offset {expected}, got {got}")]
    Gap { expected: Offset, got: Offset },
    #[error("{records} records wait for a commit, more than the {records_max} that are kept")]
    TailFull { records: usize, records_max: usize },
}

impl Kinded for ArchiveError {
    fn kind(&self) -> ErrorKind {
        match self {
            ArchiveError::Table(error) => error.kind(),
            ArchiveError::Arrow(_)
            | ArchiveError::UnknownColumn { .. }
            | ArchiveError::Gap { .. }
            | ArchiveError::TailFull { .. } => ErrorKind::Bug,
        }
    }
}
