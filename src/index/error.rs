//! Why the index cannot go on, and so what to do: wait, rebuild it, or open it again.

use std::io;
use std::path::{Path, PathBuf};

use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenReadError, OpenWriteError};

use crate::log::{LogError, NotOpen};
use crate::model::{ErrorKind, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the index in `{dir}` is in use by another process")]
    Locked { dir: PathBuf },
    #[error(
        "the index in `{dir}` cannot be used: {detail}; it is derived: `verbatim rebuild index` makes it anew"
    )]
    Damaged { dir: PathBuf, detail: String },
    #[error("cannot read or write the index in `{dir}`: {source}")]
    Io { dir: PathBuf, source: io::Error },
    #[error("the index in `{dir}` failed: {source}")]
    Engine { dir: PathBuf, source: TantivyError },
    #[error("the index in `{dir}` takes no more records after an earlier failure; open it again")]
    Closed { dir: PathBuf },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    NotOpen(#[from] NotOpen),
}

impl Kinded for IndexError {
    fn kind(&self) -> ErrorKind {
        match self {
            IndexError::Locked { .. } | IndexError::Io { .. } => ErrorKind::Retry,
            IndexError::Damaged { .. } => ErrorKind::Corrupt,
            IndexError::Closed { .. } => ErrorKind::Closed,
            IndexError::Log(error) => error.kind(),
            IndexError::NotOpen(error) => error.kind(),
            IndexError::Engine { .. } => ErrorKind::Bug,
        }
    }
}

impl IndexError {
    pub(super) fn damaged(dir: &Path, detail: impl Into<String>) -> IndexError {
        IndexError::Damaged { dir: dir.to_path_buf(), detail: detail.into() }
    }

    /// What tantivy's `source` means for the index in `dir`.
    pub fn of(dir: &Path, source: TantivyError) -> IndexError {
        match source {
            TantivyError::LockFailure(LockError::LockBusy, _) => {
                IndexError::Locked { dir: dir.to_path_buf() }
            }
            TantivyError::IoError(error) => IndexError::of_io(dir, &error),
            TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
            | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => {
                IndexError::of_io(dir, &io_error)
            }
            TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(path)) => {
                IndexError::damaged(dir, format!("its file `{}` is missing", path.display()))
            }
            TantivyError::OpenReadError(_)
            | TantivyError::DataCorruption(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::DeserializeError(_) => IndexError::damaged(dir, source.to_string()),
            source => IndexError::Engine { dir: dir.to_path_buf(), source },
        }
    }

    /// tantivy shares its I/O errors; what they say is kept. A file that ends too early is damage,
    /// not bad luck.
    pub(super) fn of_io(dir: &Path, error: &io::Error) -> IndexError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                IndexError::damaged(dir, error.to_string())
            }
            kind => IndexError::Io {
                dir: dir.to_path_buf(),
                source: io::Error::new(kind, error.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_waited_for_and_a_short_file_is_damage() {
        let dir = Path::new("index");
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let write = OpenWriteError::wrap_io_error(full(), "a.idx".into());
        let read = OpenReadError::wrap_io_error(short(), "a.idx".into());
        for (source, kind) in [
            (TantivyError::from(full()), ErrorKind::Retry),
            (write.into(), ErrorKind::Retry),
            (read.into(), ErrorKind::Corrupt),
        ] {
            let error = IndexError::of(dir, source);
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
