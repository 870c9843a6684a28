//! Why a question has no answer.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::engine::{
    EXPORT_MEMORY_BYTES_MAX, EXPORT_SPILL_BYTES_MAX, MEMORY_BYTES_MAX, SPILL_BYTES_MAX,
};
use super::stillness::STILL_LOOKS_MAX;
use crate::archive::ArchiveError;
use crate::facts::FactsError;
use crate::model::{ErrorKind, FieldError, Kinded, Offset};

#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error("{0}")]
    Input(#[from] FieldError),
    #[error("not a read-only query: {0}")]
    NotReadOnly(String),
    #[error("there is no query named `{name}`; {}known are {known}", meant.as_ref().map_or(String::new(), |meant| format!("did you mean `{meant}`? ")))]
    UnknownQuery { name: String, meant: Option<String>, known: String },
    #[error("the query took longer than {} s", .0.as_secs())]
    TooLong(Duration),
    #[error("the answer is larger than {} MiB: ask for fewer columns or rows, or export it", .max >> 20)]
    TooLarge { max: usize },
    #[error(
        "the answer has more than {max} rows: set a `limit`, ask for fewer days or with a filter, or export it, which has no limit"
    )]
    TooManyRows { max: usize },
    #[error("the query took more than {} MiB of memory: ask for fewer columns or rows, or for sums of them", .max >> 20)]
    TooMuchMemory { max: u64 },
    #[error(
        "all queries together took more than {} MiB of memory, and this one the most of it, {} MiB: ask for fewer columns or rows, or for sums of them",
        .max >> 20, .own >> 20
    )]
    MostMemory { max: u64, own: u64 },
    #[error(
        "what the query sorts, joins and groups took more than {} MiB of memory and {} MiB of disk (of an export {} MiB and {} GiB): ask for fewer columns or rows, or for sums of them",
        MEMORY_BYTES_MAX >> 20, SPILL_BYTES_MAX >> 20, EXPORT_MEMORY_BYTES_MAX >> 20, EXPORT_SPILL_BYTES_MAX >> 30
    )]
    Exhausted,
    #[error(
        "the disk that queries spill to is nearly full, and this one had the most on it, {} MiB: ask for fewer columns or rows, or for sums of them, or once there is room",
        .own >> 20
    )]
    MostDisk { own: u64 },
    #[error("one row of the answer is larger than {} MiB: ask for fewer columns, or for parts of them", .max >> 20)]
    RowTooLarge { max: usize },
    /// By a stack that overflowed, as far as can be told: memory is bounded elsewhere.
    #[error(
        "the query ended the process that computed it: ask for less in one query, nested less deeply"
    )]
    TooDeep,
    /// Its threads waited for each other, by a fault of the engine.
    #[error(
        "the query stood still: it computed nothing for {} s, by a fault of the engine, and was ended; ask in another way, with fewer common table expressions and unions or for fewer days, and report its text as a bug",
        STILL_LOOKS_MAX
    )]
    StoodStill,
    #[error("too many queries run already")]
    TooMany,
    /// The engine's error, which only the log may show; `shown` is what a client may read.
    #[error("{shown}")]
    Query { kind: ErrorKind, shown: String, source: Box<dyn Error + Send + Sync> },
    #[error(
        "the archive stands at offset {archive}, the facts at {facts}: no answer would be of one moment; `verbatim status` says why"
    )]
    ArchiveBehind { archive: Offset, facts: Offset },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error("cannot start a process for the query: {0}")]
    Worker(std::io::Error),
    #[error("the process that computed the query was killed ({0})")]
    Killed(String),
    #[error("the tables of a question could not be put together: {0}")]
    Session(String),
    #[error("cannot read the query file `{path}`: {source}")]
    QueryFile { path: PathBuf, source: std::io::Error },
}

impl Kinded for SqlError {
    fn kind(&self) -> ErrorKind {
        match self {
            SqlError::Input(_)
            | SqlError::TooLong(_)
            | SqlError::TooLarge { .. }
            | SqlError::TooManyRows { .. }
            | SqlError::TooMuchMemory { .. }
            | SqlError::MostMemory { .. }
            | SqlError::Exhausted
            | SqlError::MostDisk { .. }
            | SqlError::RowTooLarge { .. }
            | SqlError::TooDeep
            | SqlError::StoodStill => ErrorKind::BadInput,
            SqlError::TooMany => ErrorKind::Retry,
            SqlError::NotReadOnly(_) => ErrorKind::Denied,
            SqlError::UnknownQuery { .. } => ErrorKind::NotFound,
            SqlError::ArchiveBehind { .. } => ErrorKind::Retry,
            SqlError::Archive(error) => error.kind(),
            SqlError::Facts(error) => error.kind(),
            SqlError::QueryFile { .. } | SqlError::Worker(_) | SqlError::Killed(_) => {
                ErrorKind::Retry
            }
            SqlError::Session(_) => ErrorKind::Bug,
            SqlError::Query { kind, .. } => *kind,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            SqlError::Input(field) => Some(field),
            _ => None,
        }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}

impl From<DataFusionError> for SqlError {
    /// Errors of files and of the engine itself would show paths and plans: those go to the log,
    /// once.
    fn from(error: DataFusionError) -> SqlError {
        if is_exhausted(&error) {
            tracing::debug!(%error, "a query found no room");
            return SqlError::Exhausted;
        }
        let kind = kind_of(&error);
        let shown = if kind == ErrorKind::BadInput {
            error.strip_backtrace()
        } else {
            tracing::error!(%error, "a query failed");
            "the query could not be answered; the server's log says why".to_string()
        };
        SqlError::Query { kind, shown, source: Box::new(error) }
    }
}

/// What the engine says once it has spilled as much as it may: no kind of error of its own, but one of input and output.
const SPILL_FULL: &str = "during the spilling process has exceeded the allowable limit";

/// Whether the query wanted more memory, or more disk, than it may have.
fn is_exhausted(error: &DataFusionError) -> bool {
    let is_full = |cause: &(dyn Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|error| error.to_string().contains(SPILL_FULL))
    };
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
        || causes_of(error).any(is_full)
}

/// An error, what caused it, what caused that, …
fn causes_of(error: &DataFusionError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source())
}

/// Whose fault: the client's for what names a wrong column or divides by zero, ours for files that
/// cannot be read.
fn kind_of(error: &DataFusionError) -> ErrorKind {
    causes_of(error).find_map(kind_of_cause).unwrap_or(ErrorKind::BadInput)
}

fn kind_of_cause(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        return match error {
            DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ParquetError(_) => Some(ErrorKind::Corrupt),
            DataFusionError::Internal(_) => Some(ErrorKind::Bug),
            DataFusionError::Shared(error) => kind_of_cause(error.as_ref()),
            _ => None,
        };
    }
    // Where its rows come from.
    if let Some(error) = error.downcast_ref::<SqlError>() {
        return Some(error.kind());
    }
    if let Some(error) = error.downcast_ref::<ArchiveError>() {
        return Some(error.kind());
    }
    match error.downcast_ref::<ArrowError>() {
        Some(ArrowError::ParquetError(_) | ArrowError::IoError(..) | ArrowError::IpcError(_)) => {
            Some(ErrorKind::Corrupt)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Schema;
    use arrow::ipc::writer::StreamWriter;
    use datafusion::execution::disk_manager::DiskManager;

    use super::*;

    /// Whoever sorted more than fits was told of a damaged server, and its operator twice.
    #[test]
    fn a_query_that_spills_too_much_is_no_damage() {
        let disk = DiskManager::builder().with_max_temp_directory_size(1).build().unwrap();
        let disk = Arc::new(disk);
        let full = || {
            let file = disk.create_tmp_file("a sort").unwrap();
            let written = StreamWriter::try_new(file.open_writer().unwrap(), &Schema::empty());
            let error = written.err().unwrap();
            assert!(matches!(error, ArrowError::IoError(..)), "{error}");
            DataFusionError::from(error)
        };
        let shared = DataFusionError::Shared(Arc::new(full()));
        for error in [full(), full().context("a sort"), shared] {
            assert!(matches!(SqlError::from(error), SqlError::Exhausted));
        }
        let other = DataFusionError::IoError(io::Error::other("no such file"));
        assert_eq!(SqlError::from(other).kind(), ErrorKind::Corrupt);
        let quoted = DataFusionError::Execution(format!("cannot cast `{SPILL_FULL}`"));
        let SqlError::Query { kind, .. } = SqlError::from(quoted) else {
            panic!("it is a query's")
        };
        assert_eq!(kind, ErrorKind::BadInput);
    }
}
