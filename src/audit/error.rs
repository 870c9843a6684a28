//! Why a store could not be audited.

use arrow::error::ArrowError;

use crate::archive::ArchiveError;
use crate::facts::FactsError;
use crate::index::IndexError;
use crate::log::LogError;
use crate::model::{ErrorKind, Kinded};
use crate::relay::LookupError;
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("rows cannot be compared: {0}")]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

impl Kinded for AuditError {
    fn kind(&self) -> ErrorKind {
        match self {
            AuditError::Log(error) => error.kind(),
            AuditError::Archive(error) => error.kind(),
            AuditError::Facts(error) => error.kind(),
            AuditError::Table(error) => error.kind(),
            AuditError::Arrow(_) => ErrorKind::Bug,
            AuditError::Index(error) => error.kind(),
            AuditError::Lookup(error) => error.kind(),
        }
    }
}
