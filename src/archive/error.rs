//! Why records do not become rows. Whatever is not the table's own error is a bug: the follower
//! hands records over in order, and commits long before the tail is full.

use arrow::error::ArrowError;

use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded};
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot make a batch of events: {0}")]
    Arrow(#[from] ArrowError),
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
            ArchiveError::Arrow(_) => ErrorKind::Bug,
        }
    }
}
