//! Removes the oldest segments, once nobody needs them. Whose cursor decides that is the caller's.
//!
//! ```text
//! 1  oldest is written                                  what is below is no longer in the log
//! 2  sealed/N.wal, sealed/N.sidecar are removed         of every segment below it
//! ```
//! After a crash between any two removals the next start removes the rest. Since the new beginning
//! is written first, a segment that is missing at or after it was lost.

use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::LogError;
use super::oldest::Start;
use super::recent::Recent;
use super::segments::Segments;
use super::sidecar::Sidecar;
use crate::durable::{Disk, Mode, Naming, Staged, is_staging_name};
use crate::model::{Micros, Offset};

/// Removes the oldest segments of a log that is open to be written.
#[derive(Clone)]
pub struct Trimmer {
    segments: Arc<Segments>,
    recent: Recent,
}

impl Trimmer {
    pub(super) fn new(segments: Arc<Segments>, recent: Recent) -> Trimmer {
        Trimmer { segments, recent }
    }

    /// Removes the sealed segments that hold only records below `below`, the newest of them
    /// received more than `keep` before `now`; oldest first, up to the first that is to stay.
    /// Returns the first offset still in the log.
    ///
    /// # Errors
    /// [`LogError::Closed`] once the writer is gone. After a failed removal readers know the new
    /// beginning, and the next trim or start removes what is left.
    pub fn trim(&self, below: Offset, keep: Duration, now: Micros) -> Result<Offset, LogError> {
        let segments = &self.segments;
        let begins = self.begins(below, keep, now)?;
        let disk = segments.disk();
        let disk = disk.as_ref().ok_or(LogError::Closed)?;
        if let Some(begins) = begins {
            let path = segments.folder.oldest_path();
            write_oldest(disk, &path, begins).map_err(|source| LogError::write(&path, source))?;
            segments.forget_below(begins.offset);
            self.recent.forget_below(begins.offset);
            remove_trimmed(disk, segments)?;
        }
        Ok(segments.oldest())
    }

    /// What [`Trimmer::trim`] would return: nothing is removed.
    pub fn trimmable(
        &self,
        below: Offset,
        keep: Duration,
        now: Micros,
    ) -> Result<Offset, LogError> {
        let begins = self.begins(below, keep, now)?;
        Ok(begins.map_or(self.segments.oldest(), |begins| begins.offset))
    }

    /// Where the log would begin, if not where it does.
    fn begins(
        &self,
        below: Offset,
        keep: Duration,
        now: Micros,
    ) -> Result<Option<Start>, LogError> {
        let keep_micros = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let received_before = Micros(now.0.saturating_sub(keep_micros));
        let mut begins = None;
        for offsets in self.segments.sealed() {
            let path = self.segments.folder.sidecar_path(offsets.start);
            let sidecar = Sidecar::read(&path)?;
            if sidecar.end > below || sidecar.last_received_at >= received_before {
                break;
            }
            begins = Some(Start { offset: sidecar.end, lsn: sidecar.end_lsn });
        }
        Ok(begins)
    }
}

/// Removes what an interrupted trim or sealing left behind. Where that fails it stays, in nobody's
/// sight, until the next start.
pub(super) fn sweep(segments: &Segments) {
    let disk = segments.disk();
    let Some(disk) = disk.as_ref() else { return };
    if let Err(error) = remove_trimmed(disk, segments).and_then(|()| remove_staged(disk, segments))
    {
        tracing::warn!(%error, "what an interrupted trim of the log left behind stays for now");
    }
}

fn write_oldest(disk: &Arc<Disk>, path: &std::path::Path, begins: Start) -> io::Result<()> {
    let mut staged = Staged::create(disk, path, Mode::Usual)?;
    staged.write_all(&begins.encode())?;
    staged.publish(Naming::Overwrite)
}

fn remove_trimmed(disk: &Disk, segments: &Segments) -> Result<(), LogError> {
    let (folder, oldest) = (&segments.folder, segments.oldest());
    let segment_files =
        folder.list_sealed()?.into_iter().map(|first| (first, folder.sealed_path(first)));
    let sidecars =
        folder.list_sidecars()?.into_iter().map(|first| (first, folder.sidecar_path(first)));
    for (_, path) in segment_files.chain(sidecars).filter(|(first, _)| *first < oldest) {
        disk.remove(&path).map_err(|source| LogError::write(&path, source))?;
    }
    Ok(())
}

fn remove_staged(disk: &Disk, segments: &Segments) -> Result<(), LogError> {
    let folder = &segments.folder;
    for folder in [folder.root().to_path_buf(), folder.sealed(), folder.active()] {
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(LogError::read(&folder, 0, source)),
        };
        for entry in listing {
            let entry = entry.map_err(|source| LogError::read(&folder, 0, source))?;
            if entry.file_name().to_str().is_some_and(is_staging_name) {
                let path = entry.path();
                disk.remove(&path).map_err(|source| LogError::write(&path, source))?;
            }
        }
    }
    Ok(())
}
