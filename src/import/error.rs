//! Why an input file cannot be read on.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot open `{path}`: {source}")]
    Open { path: PathBuf, source: io::Error },
    #[error("`{path}` is a directory; give the files in it")]
    Directory { path: PathBuf },
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` line {line}: a line must be at most {bytes_max} bytes")]
    LineTooLong { path: PathBuf, line: usize, bytes_max: usize },
}
