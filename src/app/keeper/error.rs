//! Why it was not done.

use crate::access::AccessError;
use crate::archive::ArchiveError;
use crate::erasure::ErasureError;
use crate::model::{ErrorKind, FieldError, Kinded, Offset};
use crate::records::RecordsError;
use crate::relay::{LookupError, RelayError};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("no conversation is concerned: {asked}")]
    Nothing { asked: String },
    #[error("there is no erasure `{id}`")]
    NoErasure { id: String },
    #[error("the store `{store}` stands at {at}, and records are acknowledged to {end}: try again")]
    Behind { store: &'static str, at: Offset, end: Offset },
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("cannot write it as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Kinded for KeeperError {
    fn kind(&self) -> ErrorKind {
        match self {
            KeeperError::Access(error) => error.kind(),
            KeeperError::Field(_) => ErrorKind::BadInput,
            KeeperError::Nothing { .. } | KeeperError::NoErasure { .. } => ErrorKind::NotFound,
            KeeperError::Behind { .. } => ErrorKind::Retry,
            KeeperError::Records(error) => error.kind(),
            KeeperError::Lookup(error) => error.kind(),
            KeeperError::Archive(error) => error.kind(),
            KeeperError::Erasure(error) => error.kind(),
            KeeperError::Relay(error) => error.kind(),
            KeeperError::Json(_) => ErrorKind::Bug,
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            KeeperError::Relay(error) => error.told(),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            KeeperError::Field(field) => Some(field),
            KeeperError::Relay(error) => error.field(),
            _ => None,
        }
    }
}
