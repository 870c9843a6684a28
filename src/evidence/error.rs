//! Why there is no bundle.

use std::io;

use crate::ledger::{LedgerError, MultiproofError, NoteError};
use crate::model::{ErrorKind, FieldError, Kinded, Offset, Seq};
use crate::records::RecordsError;
use crate::relay::RelayError;
use crate::sql::SqlError;

#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error(transparent)]
    Asked(#[from] FieldError),
    #[error("there is nothing of {missing}")]
    Nothing { missing: String },
    #[error(
        "the ledger has signed {signed} records, and the last one asked for is at offset {last}: try again in a moment"
    )]
    NotSignedYet { signed: u64, last: Offset },
    #[error("record {seq} of `{conversation}` does not have the leaf that its sender was told")]
    Altered { conversation: String, seq: Seq },
    #[error(
        "the bundle would have {bytes} bytes and {files} files, and a zip takes 4 GiB and 65,534: ask for fewer conversations, or fewer days"
    )]
    TooLarge { bytes: u64, files: usize },
    #[error("what was given is not a checkpoint of this ledger")]
    NotOurCheckpoint,
    #[error("cannot write the bundle: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("cannot sign the bundle: {0}")]
    Note(#[from] NoteError),
    #[error("cannot prove the records: {0}")]
    Proof(#[from] MultiproofError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{conversations} conversations are more than a bundle takes: ask for fewer")]
    TooMany { conversations: usize },
    #[error("as much evidence is being made as is at once: try again in a moment")]
    NoTurn,
    #[error("nobody waits for it any more")]
    NobodyWaits,
    #[error("{records} records are more than the {max} of a bundle: ask for fewer conversations")]
    TooManyRecords { records: u64, max: usize },
    #[error("the making of the bundle ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Names that one error repeats; it counts the others.
const MISSING_NAMED_MAX: usize = 20;

impl EvidenceError {
    /// There is nothing of these, each with what it is: `("order", "FL1")`.
    pub(super) fn nothing_of(missing: &[(&str, &str)]) -> EvidenceError {
        let named = missing.iter().take(MISSING_NAMED_MAX);
        let mut named: Vec<String> =
            named.map(|(what, name)| format!("{what} `{name:.128}`")).collect();
        if missing.len() > named.len() {
            named.push(format!("{} more", missing.len() - named.len()));
        }
        EvidenceError::Nothing { missing: named.join(", ") }
    }
}

impl Kinded for EvidenceError {
    fn kind(&self) -> ErrorKind {
        match self {
            EvidenceError::Asked(_)
            | EvidenceError::NotOurCheckpoint
            | EvidenceError::TooLarge { .. } => ErrorKind::BadInput,
            EvidenceError::Nothing { .. } => ErrorKind::NotFound,
            EvidenceError::NotSignedYet { .. }
            | EvidenceError::NoTurn
            | EvidenceError::NobodyWaits => ErrorKind::Retry,
            EvidenceError::Altered { .. } => ErrorKind::Corrupt,
            EvidenceError::Io(_) => ErrorKind::Retry,
            EvidenceError::Records(error) => error.kind(),
            EvidenceError::Relay(error) => error.kind(),
            EvidenceError::Sql(error) => error.kind(),
            EvidenceError::Note(_) | EvidenceError::Proof(_) | EvidenceError::Task(_) => {
                ErrorKind::Bug
            }
            EvidenceError::Ledger(error) => error.kind(),
            EvidenceError::TooMany { .. } | EvidenceError::TooManyRecords { .. } => {
                ErrorKind::BadInput
            }
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            EvidenceError::NotSignedYet { .. } => Some(
                "the ledger has not signed the newest of these records yet: try again in a moment",
            ),
            EvidenceError::NoTurn => {
                Some("as much evidence is being made as is at once: try again in a moment")
            }
            EvidenceError::Ledger(error) => error.told(),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            EvidenceError::Asked(field) => Some(field),
            _ => None,
        }
    }
}
