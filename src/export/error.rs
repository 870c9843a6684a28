//! Why rows do not become bytes.

use std::io;

use crate::model::{ErrorKind, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot write the export: {0}")]
    Io(#[from] io::Error),
    #[error("cannot write the rows: {0}")]
    Arrow(#[from] ::arrow::error::ArrowError),
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

impl Kinded for ExportError {
    fn kind(&self) -> ErrorKind {
        match self {
            ExportError::Io(_) => ErrorKind::Retry,
            ExportError::Arrow(_) | ExportError::Parquet(_) => ErrorKind::Bug,
        }
    }
}
