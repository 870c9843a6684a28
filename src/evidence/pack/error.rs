//! Why a pack cannot be made.

use std::path::PathBuf;

use crate::evidence::EvidenceError;
use crate::model::{ErrorKind, FieldError, Kinded};
use crate::search::SearchError;

#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(
        "no font here can set {script} text; install one, such as Debian's `{package}`, or name a font file with --font"
    )]
    NoFont { script: &'static str, package: &'static str },
    #[error("cannot read the font `{path}`: {reason}")]
    BadFont { path: PathBuf, reason: String },
    #[error("the bundle cannot be read: {reason}")]
    BadBundle { reason: String },
    #[error(transparent)]
    Words(#[from] SearchError),
    #[error("no message that the bundle shows has `{words}`")]
    NoWords { words: String },
    #[error("of the messages chosen the bundle shows none with the id {missing}")]
    NotThere { missing: String },
    #[error(
        "the messages chosen take {taken} without their pictures and without context; `{profile}` takes {pages_max} pages and {bytes_max} bytes: choose fewer messages, or make more than one pack"
    )]
    TooMuch { profile: &'static str, taken: String, pages_max: usize, bytes_max: usize },
    #[error("the document cannot be written: {0}")]
    Pdf(String),
    #[error(transparent)]
    Bundle(#[from] EvidenceError),
}

impl Kinded for PackError {
    fn kind(&self) -> ErrorKind {
        match self {
            PackError::Field(_) | PackError::TooMuch { .. } | PackError::BadBundle { .. } => {
                ErrorKind::BadInput
            }
            PackError::NotThere { .. } | PackError::NoWords { .. } => ErrorKind::NotFound,
            PackError::Words(error) => error.kind(),
            PackError::Bundle(error) => error.kind(),
            // For whoever runs verbatim: it is told whole on the command line, where there is no server.
            PackError::NoFont { .. } | PackError::BadFont { .. } | PackError::Pdf(_) => {
                ErrorKind::Bug
            }
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            PackError::NoFont { .. } => Some(
                "no font on the server can set this text; whoever runs it installs one, such as Debian's `fonts-wqy-microhei`",
            ),
            PackError::Bundle(error) => error.told(),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            PackError::Field(field) => Some(field),
            PackError::Words(error) => error.field(),
            PackError::Bundle(error) => error.field(),
            _ => None,
        }
    }

    fn position(&self) -> Option<usize> {
        match self {
            PackError::Words(error) => error.position(),
            _ => None,
        }
    }
}
