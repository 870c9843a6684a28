//! Why the lookup does not answer.

use std::error::Error;

use crate::log::LogError;
use crate::model::{ErrorKind, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("the lookup in `{path}` failed: {source}")]
    Failed { path: String, source: Box<dyn Error + Send + Sync> },
    #[error("the lookup in `{path}` is being opened again after a failed write")]
    NotOpen { path: String },
    #[error("the lookup in `{path}` is damaged: {detail}; `verbatim rebuild lookup` makes it anew")]
    Damaged { path: String, detail: String },
    #[error(
        "the lookup in `{path}` stands at {cursor}, beyond the log's head {head}: the log was cut, or belongs to another"
    )]
    BeyondLog { path: String, cursor: Offset, head: Offset },
    #[error(transparent)]
    Log(#[from] LogError),
}

impl LookupError {
    pub(super) fn failed(path: &str, source: fjall::Error) -> LookupError {
        LookupError::Failed { path: path.to_string(), source: Box::new(source) }
    }
}

impl Kinded for LookupError {
    fn kind(&self) -> ErrorKind {
        match self {
            LookupError::Failed { .. } | LookupError::NotOpen { .. } => ErrorKind::Retry,
            LookupError::Damaged { .. } | LookupError::BeyondLog { .. } => ErrorKind::Corrupt,
            LookupError::Log(error) => error.kind(),
        }
    }
}
