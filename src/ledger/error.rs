//! Why the ledger cannot go on or answer, and so what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::Inconsistent;
use super::multiproof::MultiproofError;
use super::note::NoteError;
use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot use `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "`{path}` is damaged: {detail}; the ledger is derived: `verbatim rebuild ledger` makes it anew"
    )]
    Damaged { path: PathBuf, detail: String },
    #[error(
        "the tree of the first {size} records has the root {found}, and {signed} was signed of it: records were changed or exchanged after that. Nothing more is signed; put back what was there, or begin a new ledger, which says so, with `verbatim evidence key new-origin`"
    )]
    Contradiction { size: u64, signed: String, found: String },
    #[error(
        "`{path}` may be read by others (mode {mode:o}): whoever has read it can sign in this ledger's name. Take the right away (chmod 600) and, unless nobody used it, `verbatim evidence key rotate`"
    )]
    KeyExposed { path: PathBuf, mode: u32 },
    #[error("`{path}` cannot be read as a key: {detail}")]
    Key { path: PathBuf, detail: String },
    #[error(
        "what this ledger signed last is not known (`{path}`: {detail}), so that signing could contradict it; put the file back, or begin a new ledger with `verbatim evidence key new-origin`"
    )]
    SignedUnknown { path: PathBuf, detail: String },
    #[error(
        "the ledger is called `{origin}`, and `origin` is set to `{configured}`: its name is part of all that it signed. Take the setting back, or begin a new ledger with `verbatim evidence key new-origin`"
    )]
    OtherOrigin { origin: String, configured: String },
    #[error("there is no ledger in `{path}` yet: a service that runs makes it")]
    NoLedger { path: PathBuf },
    #[error("the ledger has {size} leaves, and {asked} were asked for")]
    NotThatFar { asked: u64, size: u64 },
    #[error("the ledger is being made again and has {size} of the {signed} leaves it had")]
    CatchingUp { size: u64, signed: u64 },
    #[error("{detail}")]
    BadRange { detail: String },
    #[error(transparent)]
    Proof(#[from] MultiproofError),
    #[error("the ledger's tree does not prove what it should: {0}; `verbatim audit` tells where")]
    Inconsistent(#[from] Inconsistent),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
}

impl Kinded for LedgerError {
    fn kind(&self) -> ErrorKind {
        match self {
            LedgerError::Io { .. } | LedgerError::CatchingUp { .. } => ErrorKind::Retry,
            LedgerError::Damaged { .. }
            | LedgerError::Contradiction { .. }
            | LedgerError::KeyExposed { .. }
            | LedgerError::Key { .. }
            | LedgerError::SignedUnknown { .. }
            | LedgerError::Inconsistent(_) => ErrorKind::Corrupt,
            LedgerError::OtherOrigin { .. }
            | LedgerError::BadRange { .. }
            | LedgerError::Proof(_) => ErrorKind::BadInput,
            LedgerError::NoLedger { .. } | LedgerError::NotThatFar { .. } => ErrorKind::NotFound,
            LedgerError::Note(error) => error.kind(),
            LedgerError::Log(error) => error.kind(),
            LedgerError::NotOpen(error) => error.kind(),
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            LedgerError::CatchingUp { .. } => {
                Some("the ledger is being made again from the records: try again in a moment")
            }
            LedgerError::NotOpen(_) => Some("the ledger is not open; `verbatim status` says why"),
            _ => None,
        }
    }
}

impl LedgerError {
    pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { path: path.to_path_buf(), detail: detail.into() }
    }

    pub(super) fn of_io(path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
        let path = path.to_path_buf();
        // A file that ends too early is damage, not bad luck.
        move |source| match source.kind() {
            io::ErrorKind::UnexpectedEof => LedgerError::damaged(&path, "it ends too early"),
            _ => LedgerError::Io { path, source },
        }
    }
}
