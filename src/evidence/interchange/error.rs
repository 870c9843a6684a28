//! Why there are no files of a form.

use std::io;

use crate::evidence::EvidenceError;
use crate::model::{ErrorKind, FieldError, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum InterchangeError {
    #[error("the bundle cannot be read: {reason}")]
    BadBundle { reason: String },
    #[error(
        "{what} has {bytes} bytes, and {bytes_max} are read at once: ask for fewer conversations, or make it on a command line"
    )]
    TooLarge { what: String, bytes: u64, bytes_max: u64 },
    #[error("cannot sign: {0}")]
    Signature(String),
    #[error("cannot write it as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Bundle(#[from] EvidenceError),
}

impl Kinded for InterchangeError {
    fn kind(&self) -> ErrorKind {
        match self {
            InterchangeError::BadBundle { .. } | InterchangeError::TooLarge { .. } => {
                ErrorKind::BadInput
            }
            InterchangeError::Signature(_) | InterchangeError::Json(_) => ErrorKind::Bug,
            InterchangeError::Io(_) => ErrorKind::Retry,
            InterchangeError::Bundle(error) => error.kind(),
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            InterchangeError::Bundle(error) => error.told(),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            InterchangeError::Bundle(error) => error.field(),
            _ => None,
        }
    }
}
