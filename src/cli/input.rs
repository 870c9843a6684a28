//! Files of transcripts or events, read line by line: what is wrong is named by file and line, the rest goes on.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::model::{Event, FieldError, Transcript};

/// Longest line: a transcript of some ten thousand messages. It bounds memory against a file without line breaks.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One event, or why there is none, and where it stood.
pub(super) struct Read {
    pub(super) line: usize,
    pub(super) event: Result<Event, FieldError>,
}

/// Reads one file.
pub(super) struct InputFile {
    path: PathBuf,
    reader: BufReader<File>,
    line: usize,
    buffer: Vec<u8>,
}

impl InputFile {
    /// Opens a file; a directory or a file that cannot be read is an error that names it.
    pub(super) fn open(path: &Path) -> anyhow::Result<InputFile> {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        if file.metadata()?.is_dir() {
            bail!("`{}` is a directory; give the files in it", path.display());
        }
        Ok(InputFile {
            path: path.to_path_buf(),
            reader: BufReader::with_capacity(1 << 20, file),
            line: 0,
            buffer: Vec::new(),
        })
    }

    /// Events of the next line: one, or a transcript's; empty lines are passed over. `None` at the end.
    pub(super) fn next_line(&mut self, bar: &ProgressBar) -> anyhow::Result<Option<Vec<Read>>> {
        loop {
            self.buffer.clear();
            let mut limited = std::io::Read::take(&mut self.reader, LINE_BYTES_MAX as u64 + 1);
            let count = limited
                .read_until(b'\n', &mut self.buffer)
                .with_context(|| format!("cannot read `{}`", self.path.display()))?;
            if count == 0 {
                return Ok(None);
            }
            bar.inc(count as u64);
            self.line += 1;
            if count > LINE_BYTES_MAX {
                bail!("`{}` line {}: a line must be at most {LINE_BYTES_MAX} bytes", self.path.display(), self.line);
            }
            let line = self.buffer.trim_ascii();
            // A byte order mark is no part of the JSON that follows it.
            let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            if !line.is_empty() {
                let number = self.line;
                return Ok(Some(events_of(line).into_iter().map(|event| Read { line: number, event }).collect()));
            }
        }
    }
}

fn events_of(line: &[u8]) -> Vec<Result<Event, FieldError>> {
    let is_transcript =
        serde_json::from_slice::<Value>(line).is_ok_and(|value| value.as_object().is_some_and(Transcript::is_one));
    if !is_transcript {
        return vec![Event::parse(line)];
    }
    match Transcript::parse(line) {
        Ok(transcript) => transcript.events().collect(),
        Err(error) => vec![Err(error)],
    }
}

/// The size of all files together.
pub(super) fn total_bytes(paths: &[PathBuf]) -> u64 {
    paths.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
}
