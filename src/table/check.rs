//! What is looked at before a table is trusted: the tail of the Delta log and the ends of the
//! Parquet files.
//!
//! A power cut on a disk that was not synced leaves empty or cut files, and Delta reads an empty
//! commit as "nothing happened". Found here, such a file is an error that names it; nothing is
//! repaired and nothing is skipped. The ends of old files are not read, only their sizes: they were
//! looked at when they were young, and ten thousand opened files would be felt at each start. Bit
//! flips inside a file are not found here but by decoders when it is read, and by the audit, which
//! compares every row.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::Value;

use super::TableError;
use super::delta::ACTIONS_KEY;
use super::error::damaged;
use super::file_list::FileList;

pub(super) const LOG_FOLDER: &str = "_delta_log";
const MAGIC: &[u8] = b"PAR1";
/// Footer length and magic.
const FOOTER_END_BYTES: u64 = 8;

/// The part of the Delta log that is not in a checkpoint.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    /// Version of the newest checkpoint.
    pub(super) checkpoint: Option<u64>,
    /// Commit entries after the checkpoint, oldest first.
    pub(super) entries: Vec<PathBuf>,
    /// Data files these entries add.
    pub(super) added: HashSet<String>,
}

/// Whether the log of `root` has an entry of `version`.
pub(super) fn has_version(root: &Path, version: u64) -> bool {
    log_path(root, &format!("{version:020}.json")).exists()
}

/// Whether there is any commit in the log of `root`.
pub(super) fn has_log(root: &Path) -> Result<bool, TableError> {
    let (commits, checkpoints) = versions(root)?;
    Ok(!commits.is_empty() || !checkpoints.is_empty())
}

/// Reads the log after its newest checkpoint and checks that every entry is there and whole.
pub(super) fn log_tail(root: &Path) -> Result<LogTail, TableError> {
    let (mut commits, checkpoints) = versions(root)?;
    let mut tail = LogTail { checkpoint: checkpoints.into_iter().max(), ..LogTail::default() };
    if let Some(version) = tail.checkpoint {
        parquet_footer(&log_path(root, &format!("{version:020}.checkpoint.parquet")), None)?;
    }
    commits.sort_unstable();
    let first = tail.checkpoint.map_or(0, |version| version + 1);
    for (expected, version) in
        (first..).zip(commits.into_iter().filter(|version| *version >= first))
    {
        let path = log_path(root, &format!("{expected:020}.json"));
        if version != expected {
            return Err(damaged(
                &path,
                "a commit entry",
                format!("none, though version {version} is there"),
            ));
        }
        tail.added.extend(added_files(&path)?);
        tail.entries.push(path);
    }
    Ok(tail)
}

/// What of the log of `root` a reader of `version` needs: the newest checkpoint, and the entries
/// after it.
pub(super) fn log_files(root: &Path, version: u64) -> Result<Vec<PathBuf>, TableError> {
    let (mut commits, checkpoints) = versions(root)?;
    let checkpoint = checkpoints.into_iter().filter(|found| *found <= version).max();
    let first = checkpoint.map_or(0, |checkpoint| checkpoint + 1);
    commits.retain(|found| (first..=version).contains(found));
    commits.sort_unstable();
    let checkpoint = checkpoint.map(|found| format!("{found:020}.checkpoint.parquet"));
    let names =
        checkpoint.into_iter().chain(commits.iter().map(|found| format!("{found:020}.json")));
    Ok(names.map(|name| log_path(root, &name)).collect())
}

/// Checks that each file is there with the size the log says; those that the log's tail adds must
/// have a whole footer too.
pub(super) fn data_files(root: &Path, files: &FileList, tail: &LogTail) -> Result<(), TableError> {
    for file in files.iter() {
        let path = root.join(&*file.path);
        size(&path, file.bytes)?;
        if tail.added.contains(&*file.path) {
            parquet_footer(&path, Some(file.rows))?;
        }
    }
    Ok(())
}

fn size(path: &Path, said: u64) -> Result<(), TableError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() == said => Ok(()),
        Ok(metadata) => Err(damaged(path, format!("{said} bytes"), metadata.len())),
        Err(error) => Err(unreadable(path)(error)),
    }
}

/// What to make of a data file that cannot be looked at.
pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> TableError {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => damaged(path, "a Parquet file", "nothing"),
        _ => TableError::io("read", path)(source),
    }
}

/// Versions of the commit entries and of the checkpoints in the log folder.
fn versions(root: &Path) -> Result<(Vec<u64>, Vec<u64>), TableError> {
    let folder = root.join(LOG_FOLDER);
    let (mut commits, mut checkpoints) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((commits, checkpoints)),
        Err(error) => return Err(TableError::io("read", &folder)(error)),
    };
    for entry in entries {
        let name = entry.map_err(TableError::io("read", &folder))?.file_name();
        let Some((digits, ending)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        match (digits.len() == 20, digits.parse(), ending) {
            (true, Ok(version), "json") => commits.push(version),
            (true, Ok(version), "checkpoint.parquet") => checkpoints.push(version),
            _ => {}
        }
    }
    Ok((commits, checkpoints))
}

/// Reads one commit entry whole; the paths of the files it adds.
fn added_files(path: &Path) -> Result<Vec<String>, TableError> {
    let bytes = fs::read(path).map_err(TableError::io("read", path))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| damaged(path, "UTF-8", error))?;
    if text.trim().is_empty() {
        return Err(damaged(
            path,
            "a commit of at least one action",
            format!("{} bytes without any", bytes.len()),
        ));
    }
    let (mut actions, mut actions_said, mut added) = (0_u64, None, Vec::new());
    for line in text.lines() {
        let action: Value = serde_json::from_str(line).map_err(|error| {
            damaged(path, "one JSON action a line", format!("a line that is not: {error}"))
        })?;
        match action.get("commitInfo") {
            Some(info) => actions_said = info[ACTIONS_KEY].as_u64(),
            None => actions += 1,
        }
        if let Some(file) = action["add"]["path"].as_str() {
            added.push(file.to_string());
        }
    }
    match actions_said {
        Some(said) if said != actions => {
            Err(damaged(path, format!("{said} actions after commitInfo"), actions))
        }
        // An entry of another program (OPTIMIZE by Spark, say) does not count its actions.
        _ => Ok(added),
    }
}

/// Checks the last bytes: the length of the footer and the magic.
fn parquet_end(path: &Path) -> Result<File, TableError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let bytes = file.metadata().map_err(TableError::io("read", path))?.len();
    let mut end = [0; FOOTER_END_BYTES as usize];
    let Some(position) = bytes.checked_sub(FOOTER_END_BYTES) else {
        return Err(damaged(path, "a Parquet footer", format!("only {bytes} bytes")));
    };
    file.read_exact_at(&mut end, position).map_err(TableError::io("read", path))?;
    let [l0, l1, l2, l3, magic @ ..] = end;
    if magic != *MAGIC {
        return Err(damaged(path, "`PAR1` at the end", format!("`{}`", magic.escape_ascii())));
    }
    let footer_bytes = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    if footer_bytes > position {
        return Err(damaged(
            path,
            "a footer within the file",
            format!("a footer of {footer_bytes} bytes"),
        ));
    }
    Ok(file)
}

fn parquet_footer(path: &Path, rows_said: Option<u64>) -> Result<(), TableError> {
    let file = parquet_end(path)?;
    let footer = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| damaged(path, "a readable Parquet footer", error))?;
    let rows = u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
    match rows_said {
        Some(said) if said != rows => Err(damaged(path, format!("{said} rows"), rows)),
        _ => Ok(()),
    }
}

fn log_path(root: &Path, name: &str) -> PathBuf {
    root.join(LOG_FOLDER).join(name)
}
