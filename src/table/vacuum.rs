//! Deletes data files that left the table and that nobody reads.
//!
//! What may go is known, not guessed from ages: what a compaction replaced, noted down when it was
//! committed, and what lay in the folder when the table was opened without being live (removed
//! before, or written by a process that died before its commit). Each goes once
//! - no snapshot of this handle and no lease of another process is of a version that lists it;
//! - no earlier handle on this table is left, where it was there when this one was opened;
//! - it has been out of the table for as long as the caller says, by a clock that only counts.
//!
//! No name is given twice, so that what is noted down can never be live again. What is not a
//! Parquet or staging file is left alone.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::check::{self, LOG_FOLDER};
use super::file_list::FileList;
use super::lease::Leases;
use super::snapshot::DataFile;
use super::{DAY_COLUMN, TableError};
use crate::durable::{Disk, is_staging_name};

/// What a vacuum deleted, and what it could not.
#[derive(Debug, Default)]
pub struct Vacuumed {
    pub files: u64,
    pub bytes: u64,
    /// The first that failed. The others went all the same; it is tried again.
    pub failed: Option<TableError>,
}

/// Files that left the table and are still there.
#[derive(Debug)]
pub(super) struct Garbage {
    files: Mutex<Vec<Removed>>,
}

#[derive(Clone, Debug)]
struct Removed {
    path: PathBuf,
    bytes: u64,
    /// The versions that list it are from here on: 0 for what was there before this handle.
    since: u64,
    /// First version that does not list it.
    until: u64,
    left_at: Instant,
}

impl Garbage {
    /// What lies in the folder of a table at `version` without being live.
    pub(super) fn found(root: &Path, live: &FileList, version: u64) -> Result<Garbage, TableError> {
        let live: HashSet<PathBuf> = live.iter().map(|file| root.join(&*file.path)).collect();
        let left_at = Instant::now();
        let dead = strangers(root)?.into_iter().filter(|path| !live.contains(path));
        let removed = |path: PathBuf| {
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            Removed { path, bytes, since: 0, until: version, left_at }
        };
        Ok(Garbage { files: Mutex::new(dead.map(removed).collect()) })
    }

    /// Notes down that `files` left the table with `version`.
    pub(super) fn add(&self, root: &Path, files: &[DataFile], version: u64) {
        let left_at = Instant::now();
        self.files.lock().extend(files.iter().map(|file| Removed {
            path: root.join(&*file.path),
            bytes: file.bytes,
            since: file.since,
            until: version,
            left_at,
        }));
    }

    /// Files and bytes that wait.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let files = self.files.lock();
        (files.len() as u64, files.iter().map(|file| file.bytes).sum())
    }
}

/// Deletes what may go of a table in `root` at `version`, and has left it for `rest` at least;
/// blocks.
pub(super) fn run(
    garbage: &Garbage,
    leases: &Leases,
    disk: &Arc<Disk>,
    version: u64,
    rest: Duration,
) -> Result<Vacuumed, TableError> {
    let rested = |file: &Removed| file.left_at.elapsed() >= rest;
    let rested: Vec<Removed> =
        garbage.files.lock().iter().filter(|file| rested(file)).cloned().collect();
    let mut vacuumed = Vacuumed::default();
    if rested.is_empty() {
        return Ok(vacuumed);
    }
    let leased = leases.leased()?;
    let is_sole = is_sole(leases, disk.root(), version)?;
    let may_go =
        |file: &&Removed| (is_sole || file.since > 0) && !leased.needs(file.since, file.until);
    let mut gone = HashSet::new();
    for file in rested.iter().filter(may_go) {
        match disk.unlink(&file.path) {
            Ok(()) => {
                vacuumed.files += 1;
                vacuumed.bytes += file.bytes;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                vacuumed.failed.get_or_insert(TableError::io("delete", &file.path)(error));
                continue;
            }
        }
        gone.insert(file.path.clone());
    }
    // No directory is synced: what a power cut brings back, the next opening finds.
    garbage.files.lock().retain(|file| !gone.contains(&file.path));
    Ok(vacuumed)
}

/// Whether nobody else can have made a file live that this handle takes for a leftover.
fn is_sole(leases: &Leases, root: &Path, version: u64) -> Result<bool, TableError> {
    let is_sole = leases.is_sole().map_err(TableError::io("lock the leases of", root))?;
    Ok(is_sole && !check::has_version(root, version + 1))
}

/// Parquet files of the day folders, and staging files there and in the log folder.
fn strangers(root: &Path) -> Result<Vec<PathBuf>, TableError> {
    let mut found = Vec::new();
    for folder in entries(root)? {
        let Some(folder_name) = name_of(&folder) else { continue };
        let is_day = folder_name.starts_with(&format!("{DAY_COLUMN}="));
        if !is_day && folder_name != LOG_FOLDER {
            continue;
        }
        let is_ours = |path: &PathBuf| {
            let ours = |name: &str| is_staging_name(name) || (is_day && name.ends_with(".parquet"));
            name_of(path).is_some_and(ours)
        };
        found.extend(entries(&folder)?.into_iter().filter(is_ours));
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TableError> {
    let read = TableError::io("read", folder);
    let entries = fs::read_dir(folder).map_err(read)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect()
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}
