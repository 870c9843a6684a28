//! A file read line by line. What breaks a rule is an error in its place; reading goes on after it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::items::trim;
use super::{InputError, events_of};
use crate::model::{Event, FieldError};

/// Longest line: a transcript of some ten thousand messages. It bounds memory against a file
/// without line breaks.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Read from the disk at once.
const READ_BYTES: usize = 1024 * 1024;

/// What one line holds.
pub struct Line {
    /// From 1, empty lines counted.
    pub number: usize,
    /// Bytes read since the line before.
    pub bytes: u64,
    /// One event, or those of a transcript; an error stands where one breaks a rule.
    pub events: Vec<Result<Event, FieldError>>,
}

/// An open input file.
pub struct InputFile {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    number: usize,
    buffer: Vec<u8>,
}

impl InputFile {
    /// Opens a file.
    ///
    /// # Errors
    /// A directory, or a file that cannot be read, is named.
    pub fn open(path: &Path) -> Result<InputFile, InputError> {
        let cannot = |source| InputError::Open { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(InputError::Directory { path: path.to_path_buf() });
        }
        let reader = BufReader::with_capacity(READ_BYTES, file);
        Ok(InputFile::over(path.to_path_buf(), Box::new(reader)))
    }

    /// What is opened already; `path` is named by errors.
    pub(super) fn over(path: PathBuf, reader: Box<dyn BufRead>) -> InputFile {
        InputFile { path, reader, number: 0, buffer: Vec::new() }
    }

    /// The line that was read last, without its end.
    pub(super) fn last_line(&self) -> &[u8] {
        trim(&self.buffer)
    }

    /// The next line that is not empty; `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<Line>, InputError> {
        let mut bytes = 0;
        loop {
            self.buffer.clear();
            let mut limited = (&mut self.reader).take(LINE_BYTES_MAX as u64 + 1);
            let count = limited
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| InputError::Read { path: self.path.clone(), source })?;
            if count == 0 {
                return Ok(None);
            }
            bytes += count as u64;
            self.number += 1;
            if count > LINE_BYTES_MAX {
                return Err(InputError::LineTooLong {
                    path: self.path.clone(),
                    line: self.number,
                    bytes_max: LINE_BYTES_MAX,
                });
            }
            let line = trim(&self.buffer);
            if !line.is_empty() {
                return Ok(Some(Line { number: self.number, bytes, events: events_of(line) }));
            }
        }
    }
}
