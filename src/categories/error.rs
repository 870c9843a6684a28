//! Why no model can be made or used.

use std::io;
use std::path::PathBuf;

use crate::model::{ErrorKind, Kinded};

/// Why nothing can be learnt from some examples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    #[error(
        "{usable} categories have at least {min} examples each, and two are needed to tell apart: tag more conversations, or give --labels FILE.csv"
    )]
    TooFew { usable: usize, min: usize },
    #[error("there are {count} categories, and a model has at most {max}")]
    TooManyCategories { count: usize, max: usize },
    #[error("there are {count} examples, and a model is made of at most {max}")]
    TooManyExamples { count: usize, max: usize },
}

/// Why a file of labelled examples cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    #[error("cannot read the labels: {0}")]
    Read(#[from] io::Error),
    #[error("line 1 must name the columns `text` and `category`, and is `{found}`")]
    Header { found: String },
    #[error("{}", .lines.join("; "))]
    Lines { lines: Vec<String> },
    #[error("there are no examples in it")]
    Empty,
}

/// Why a model cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("`{name}` must be 1 to 64 of a–z, 0–9, `-` and `_`, to be the name of a model")]
    Name { name: String },
    #[error("there is no model `{name}`: `verbatim categories train` makes one")]
    Missing { name: String },
    #[error("the model in `{path}` is damaged: {detail}; train it anew, or put back a copy", path = .path.display())]
    Damaged { path: PathBuf, detail: String },
    #[error("cannot read or write `{path}`: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Kinded for ModelError {
    fn kind(&self) -> ErrorKind {
        match self {
            ModelError::Name { .. } => ErrorKind::BadInput,
            ModelError::Missing { .. } => ErrorKind::NotFound,
            ModelError::Damaged { .. } => ErrorKind::Corrupt,
            ModelError::Io { .. } => ErrorKind::Retry,
        }
    }
}
