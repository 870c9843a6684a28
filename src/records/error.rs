//! Why records cannot be read.

use crate::archive::ArchiveError;
use crate::log::LogError;
use crate::model::{ErrorKind, Kinded, Offset};
use crate::relay::LookupError;

#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error("conversation `{conversation}` does not exist")]
    NoConversation { conversation: String },
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(
        "the record at offset {offset} is not there, or not of the conversation that the lookup says"
    )]
    NotThere { offset: Offset },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("reading ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Kinded for RecordsError {
    fn kind(&self) -> ErrorKind {
        match self {
            RecordsError::NoConversation { .. } => ErrorKind::NotFound,
            RecordsError::Lookup(error) => error.kind(),
            RecordsError::NotThere { .. } => ErrorKind::Corrupt,
            RecordsError::Archive(error) => error.kind(),
            RecordsError::Log(error) => error.kind(),
            RecordsError::Task(_) => ErrorKind::Bug,
        }
    }
}
