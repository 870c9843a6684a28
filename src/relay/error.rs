//! What the relay answers when it does not take an event, and what can go wrong around it.

use crate::log::LogError;
use crate::model::{ErrorKind, FieldError};

#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("{0}")]
    Field(#[from] FieldError),
    #[error("{0}")]
    Input(String),
    #[error("id `{id}` of conversation `{conversation}` was used before with another body")]
    Conflict { conversation: String, id: String },
    #[error("{0}")]
    Denied(String),
    #[error("no valid token: {0}")]
    Unauthenticated(String),
    #[error("{0} does not exist")]
    NotFound(String),
    #[error("too much at once: {0}")]
    Busy(String),
    #[error("the relay takes no more events: {0}")]
    Closed(String),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the lookup store failed: {0}")]
    Lookup(#[from] fjall::Error),
    #[error("the lookup store in `{path}` is damaged: {detail}")]
    LookupDamaged { path: String, detail: String },
    #[error("cannot keep an attachment: {0}")]
    Attachment(#[from] std::io::Error),
}

impl RelayError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            RelayError::Field(_) | RelayError::Input(_) => ErrorKind::BadInput,
            RelayError::Conflict { .. } => ErrorKind::Conflict,
            RelayError::Denied(_) | RelayError::Unauthenticated(_) => ErrorKind::Denied,
            RelayError::NotFound(_) => ErrorKind::NotFound,
            RelayError::Busy(_) | RelayError::Attachment(_) => ErrorKind::Retry,
            RelayError::Closed(_) => ErrorKind::Closed,
            RelayError::Log(error) => error.kind(),
            RelayError::Lookup(_) => ErrorKind::Retry,
            RelayError::LookupDamaged { .. } => ErrorKind::Corrupt,
        }
    }
}
