//! Deletes data files that no snapshot needs any more.
//!
//! A file is deleted only when the current snapshot does not list it and either its removal is
//! older than [`REMOVED_FILE_GRACE`] (readers of older snapshots have finished by then) or the log
//! does not know it at all and it is older than [`LEFTOVER_AGE`] (a process died between writing it
//! and committing it). Anything else in the folder is left alone.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use deltalake_core::logstore::LogStoreRef;
use deltalake_core::table::state::DeltaTableState;
use futures::TryStreamExt;

use super::blocking::on_blocking;
use super::check::LOG_FOLDER;
use super::snapshot::TableSnapshot;
use super::{DAY_COLUMN, TableError, delta};
use crate::durable::{Disk, is_staging_name};
use crate::model::Micros;

/// How long a removed file stays for readers of older snapshots. Longer than any question may take.
pub const REMOVED_FILE_GRACE: Duration = Duration::from_secs(15 * 60);
/// Age from which a file that the log does not know is taken for a leftover: no write takes a day.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a vacuum deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vacuumed {
    pub files: u64,
    pub bytes: u64,
}

/// A file in the table's folder.
struct Found {
    /// Relative to the root, as the log says it.
    name: String,
    path: PathBuf,
    bytes: u64,
    modified: Micros,
}

pub(super) async fn run(
    snapshot: &TableSnapshot,
    state: &DeltaTableState,
    log: &LogStoreRef,
    disk: Arc<Disk>,
    now: Micros,
) -> Result<Vacuumed, TableError> {
    let failed = |source| delta::delta_error("read the removed files of", &snapshot.root, source);
    let tombstones: HashMap<String, Micros> = state
        .all_tombstones(log)
        .map_ok(|file| {
            (file.path().into_owned(), Micros(file.deletion_timestamp().unwrap_or(0) * 1_000))
        })
        .try_collect()
        .await
        .map_err(failed)?;
    let snapshot = snapshot.clone();
    on_blocking(move || {
        let live: HashSet<&str> = snapshot.files.iter().map(|file| &*file.path).collect();
        let mut vacuumed = Vacuumed::default();
        for file in found(&snapshot.root)? {
            let removed = tombstones.get(&file.name).copied();
            if !live.contains(file.name.as_str()) && is_due(removed, file.modified, now) {
                disk.remove(&file.path).map_err(TableError::io("delete", &file.path))?;
                vacuumed.files += 1;
                vacuumed.bytes += file.bytes;
            }
        }
        Ok(vacuumed)
    })
    .await
}

/// The rule, for a file that is not live.
fn is_due(removed: Option<Micros>, modified: Micros, now: Micros) -> bool {
    let is_older =
        |since: Micros, age: Duration| now.0.saturating_sub(since.0) > age.as_micros() as i64;
    match removed {
        Some(removed) => is_older(removed, REMOVED_FILE_GRACE),
        None => is_older(modified, LEFTOVER_AGE),
    }
}

/// Parquet files of the day folders, and staging files there and in the log folder.
fn found(root: &Path) -> Result<Vec<Found>, TableError> {
    let mut found = Vec::new();
    for folder in entries(root)? {
        let Some(folder_name) = name_of(&folder) else { continue };
        let is_day = folder_name.starts_with(&format!("{DAY_COLUMN}="));
        if !is_day && folder_name != LOG_FOLDER {
            continue;
        }
        for path in entries(&folder)? {
            let Some(name) = name_of(&path) else { continue };
            if is_staging_name(name) || (is_day && name.ends_with(".parquet")) {
                found.extend(look_at(format!("{folder_name}/{name}"), path.clone())?);
            }
        }
    }
    Ok(found)
}

fn look_at(name: String, path: PathBuf) -> Result<Option<Found>, TableError> {
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        // A staging file that got its name since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TableError::io("look at", &path)(error)),
    };
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = Micros(modified.map_or(i64::MAX, |age| age.as_micros() as i64));
    Ok(Some(Found { name, path, bytes: metadata.len(), modified }))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TableError> {
    let read = TableError::io("read", folder);
    let entries = fs::read_dir(folder).map_err(read)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect()
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}
