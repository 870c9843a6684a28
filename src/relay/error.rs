//! Why the relay does not take an event.

use super::LookupError;
use super::held::Held;
use crate::access::AccessError;
use crate::log::LogError;
use crate::model::{ErrorKind, FieldError, Kind, Kinded, Micros, Offset};

/// A refusal of one event or upload; its kind says what the sender should do.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("`{subject}` takes no part in conversation `{conversation}`")]
    NotAParticipant { subject: String, conversation: String },
    #[error("`{sender}` may not {kind} `{target}`: another sent it", kind = .kind.as_str())]
    NotTheirs { sender: String, kind: Kind, target: String },
    #[error("id `{id}` of conversation `{conversation}` was used before with another body")]
    Conflict { conversation: String, id: String },
    #[error(
        "what id `{id}` of conversation `{conversation}` named was erased, as was asked at {at}; it is not taken again"
    )]
    Erased { conversation: String, id: String, at: Micros },
    #[error("the relay takes no more events: {reason}")]
    Closed { reason: String },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error("too much waits to be written to the lookup; try again shortly")]
    LookupBehind,
    #[error(transparent)]
    Held(#[from] Held),
    #[error("the disk is so full that what is left is for messages")]
    NoRoom,
    #[error("an earlier event of this conversation could not be taken; send both again")]
    AfterRefused,
    /// Reading a kept record failed where its own error belongs to a higher level.
    #[error("a kept record cannot be read: {shown}")]
    Kept { kind: ErrorKind, shown: String },
    #[error("the record at offset {offset} is not where the lookup says")]
    LostRecord { offset: Offset },
    #[error("the upload broke off: {reason}")]
    UploadBrokeOff { reason: String },
    #[error("the bytes kept for attachment `{sha256}` have the hash `{found}`")]
    DamagedAttachment { sha256: String, found: String },
    #[error("cannot keep an attachment: {0}")]
    Attachment(#[from] std::io::Error),
}

impl RelayError {
    /// Of a read that did not come to its end.
    pub(crate) fn panicked(error: tokio::task::JoinError) -> RelayError {
        RelayError::Kept { kind: ErrorKind::Bug, shown: error.to_string() }
    }
}

/// What is told of a file that is not what was sent.
pub const DAMAGED_TOLD: &str = "the file kept here is damaged: its bytes are not what was sent";

impl Kinded for RelayError {
    fn kind(&self) -> ErrorKind {
        match self {
            RelayError::Field(_) | RelayError::UploadBrokeOff { .. } => ErrorKind::BadInput,
            RelayError::Access(error) => error.kind(),
            RelayError::NotAParticipant { .. } | RelayError::NotTheirs { .. } => ErrorKind::Denied,
            RelayError::Conflict { .. } => ErrorKind::Conflict,
            RelayError::Erased { .. } => ErrorKind::Gone,
            RelayError::Closed { .. } => ErrorKind::Closed,
            RelayError::Log(error) => error.kind(),
            RelayError::Lookup(error) => error.kind(),
            RelayError::LookupBehind
            | RelayError::AfterRefused
            | RelayError::NoRoom
            | RelayError::Held(_)
            | RelayError::Attachment(_) => ErrorKind::Retry,
            RelayError::Kept { kind, .. } => *kind,
            RelayError::LostRecord { .. } | RelayError::DamagedAttachment { .. } => {
                ErrorKind::Corrupt
            }
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            RelayError::AfterRefused => {
                Some("an earlier event of this conversation could not be taken; send both again")
            }
            RelayError::Held(held) => Some(held.told()),
            RelayError::DamagedAttachment { .. } => Some(DAMAGED_TOLD),
            RelayError::NoRoom => Some(
                "no attachments are taken: the server's disk is almost full; messages still may be",
            ),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            RelayError::Field(field) => Some(field),
            _ => None,
        }
    }
}
