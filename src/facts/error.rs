//! Why turns and episodes cannot be written or read.

use crate::durable::NoRoom;
use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded, Offset};
use crate::table::TableError;

#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the states of the fold cannot be read or written: {0}")]
    States(#[from] fjall::Error),
    #[error(
        "the states of the fold in `{path}` are damaged: {detail}; `verbatim rebuild facts` makes all facts anew"
    )]
    StatesDamaged { path: String, detail: String },
    #[error(
        "the facts in `{path}` are counted by version {found} of the metrics, and this program counts by version {want}; `verbatim rebuild facts` counts all anew"
    )]
    OtherMetrics { path: String, found: i32, want: i32 },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(
        "the tables of facts reach to {tables}, beyond the log's head {head}: the log was cut, or they belong to another"
    )]
    BeyondLog { tables: Offset, head: Offset },
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
    #[error("the states of the fold cannot be read, or written anew: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("the states of the fold were not opened again after they were written anew")]
    StatesClosed,
    #[error("cannot make a batch of rows: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(
        "rows are gone from the tables of facts: {tables}; `verbatim rebuild facts` makes all facts anew"
    )]
    TablesBehind { tables: String },
}

impl Kinded for FactsError {
    fn kind(&self) -> ErrorKind {
        match self {
            FactsError::Table(error) => error.kind(),
            FactsError::States(_)
            | FactsError::StatesClosed
            | FactsError::NoRoom(_)
            | FactsError::Io(_) => ErrorKind::Retry,
            FactsError::Log(error) => error.kind(),
            FactsError::NotOpen(error) => error.kind(),
            FactsError::StatesDamaged { .. }
            | FactsError::OtherMetrics { .. }
            | FactsError::TablesBehind { .. }
            | FactsError::BeyondLog { .. } => ErrorKind::Corrupt,
            FactsError::Arrow(_) => ErrorKind::Bug,
        }
    }
}
