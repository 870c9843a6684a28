//! Why a request is refused for its token: the token is not valid, or does not allow it.

use crate::model::{ErrorKind, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("no valid token: {reason}")]
    Unauthenticated { reason: String },
    #[error("the token of `{subject}` may not {action}")]
    Denied { subject: String, action: String },
    #[error("a customer may not {action}")]
    NotForCustomers { action: String },
    #[error("cannot make a token: {source}")]
    Issue { source: jsonwebtoken::errors::Error },
}

impl Kinded for AccessError {
    fn kind(&self) -> ErrorKind {
        match self {
            AccessError::Unauthenticated { .. } => ErrorKind::Unauthenticated,
            AccessError::Denied { .. } | AccessError::NotForCustomers { .. } => ErrorKind::Denied,
            AccessError::Issue { .. } => ErrorKind::Bug,
        }
    }
}
