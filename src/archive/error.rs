//! What the archive cannot write or show. A gap or a full tail would be a bug of [`crate::log::follow`].

use arrow::error::ArrowError;

use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded, Offset};
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot make a batch of events: {0}")]
    Arrow(#[from] ArrowError),
    #[error("the archive's row of offset {offset} is no record: {column}: {detail}")]
    Row { offset: Offset, column: &'static str, detail: String },
    #[error(
        "the archive is gone, and with it every record below {oldest}: the log no longer has them; restore `archive/events` from a backup"
    )]
    Gone { oldest: Offset },
    #[error("the archive's files have no column `{column}` of the type it must have")]
    Column { column: &'static str },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
}

impl Kinded for ArchiveError {
    fn kind(&self) -> ErrorKind {
        match self {
            ArchiveError::Table(error) => error.kind(),
            ArchiveError::Log(error) => error.kind(),
            ArchiveError::NotOpen(error) => error.kind(),
            ArchiveError::Row { .. } | ArchiveError::Column { .. } | ArchiveError::Gone { .. } => {
                ErrorKind::Corrupt
            }
            ArchiveError::Arrow(_) => ErrorKind::Bug,
        }
    }
}
