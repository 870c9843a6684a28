//! Why the lookup does not answer.

use std::error::Error;

use crate::durable::is_damage;
use crate::log::LogError;
use crate::model::{ErrorKind, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("the lookup in `{path}` failed: {source}")]
    Failed { path: String, source: Box<dyn Error + Send + Sync> },
    #[error("the lookup in `{path}` is being opened again after a failed write")]
    NotOpen { path: String },
    #[error(
        "the lookup in `{path}` is damaged: {detail}; a service makes it anew by itself, and so does `verbatim rebuild lookup`"
    )]
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
        let path = path.to_string();
        if is_damage(&source) {
            return LookupError::Damaged { path, detail: source.to_string() };
        }
        LookupError::Failed { path, source: Box::new(source) }
    }
}

impl Kinded for LookupError {
    fn kind(&self) -> ErrorKind {
        match self {
            // Also where it is damaged: it is made anew by itself, and whoever sends waits so long.
            LookupError::Failed { .. }
            | LookupError::NotOpen { .. }
            | LookupError::Damaged { .. } => ErrorKind::Retry,
            LookupError::BeyondLog { .. } => ErrorKind::Corrupt,
            LookupError::Log(error) => error.kind(),
        }
    }
}
