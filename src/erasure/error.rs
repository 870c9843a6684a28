//! Why it cannot be said what is held.

use std::io;
use std::path::PathBuf;

use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    #[error("cannot {action} `{path}`: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("`{path}` is damaged: {detail}; `verbatim rebuild erasures` makes it anew")]
    Damaged { path: PathBuf, detail: String },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
}

impl Kinded for ErasureError {
    fn kind(&self) -> ErrorKind {
        match self {
            ErasureError::Io { .. } => ErrorKind::Retry,
            ErasureError::Damaged { .. } => ErrorKind::Corrupt,
            ErasureError::Log(error) => error.kind(),
            ErasureError::NotOpen(error) => error.kind(),
        }
    }
}
