//! Seals a segment that is full: a sidecar is written, then the file is moved out of the sight of
//! `open-wal`, which reads every segment it sees when it opens.
//!
//! ```text
//! 1  sealed/N.sidecar is written           it says nothing yet: the segment is still active
//! 2  sealed/N.wal is linked                the segment has two names, and is still active
//! 3  active/LSN.wal is removed             the segment is sealed
//! ```
//! Each step is durable before the next begins. After a crash between any two of them, or a call
//! that failed, the same steps are run again over what is found.

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::LogError;
use super::codec::Unpacker;
use super::cursor::Cursor;
use super::file_sum::FileSum;
use super::segment::Segment;
use super::segments::Segments;
use super::sidecar::Sidecar;
use crate::durable::{Disk, Mode, Naming, Staged};

/// Seals on a thread of its own, so that no ack waits for a segment to be read.
pub(super) struct Sealer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sealer {
    pub(super) fn start(segments: Arc<Segments>) -> Result<Sealer, LogError> {
        let (wake, woken) = sync_channel(1);
        let folder = segments.folder.root().to_path_buf();
        let thread = std::thread::Builder::new()
            .name("sealer".to_string())
            .spawn(move || {
                while let Ok(()) = woken.recv() {
                    seal_all(&segments);
                }
            })
            .map_err(|source| LogError::write(&folder, source))?;
        Ok(Sealer { wake: Some(wake), thread: Some(thread) })
    }

    /// A segment is to be sealed.
    pub(super) fn wake(&self) {
        // Full: it is woken already, and takes all that wait.
        let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
    }

    /// Waits until what it was woken for is done.
    pub(super) fn finish(&mut self) {
        self.wake = None;
        // A panic of the thread was printed; the next start seals what it left.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Seals all segments but the one that is written. One that cannot be sealed is read where it lies;
/// the next roll or start tries again.
pub(super) fn seal_all(segments: &Segments) {
    for segment in segments.to_be_sealed() {
        if let Err(error) = seal(segments, &segment) {
            let path = segment.path.display();
            tracing::error!(%error, %path, "a full log segment cannot be sealed yet; the log goes on");
            return;
        }
    }
}

fn seal(segments: &Segments, segment: &Arc<Segment>) -> Result<(), LogError> {
    let disk = segments.disk();
    let Some(disk) = disk.as_ref() else { return Ok(()) };
    let folder = &segments.folder;
    let sidecar = describe(segment)?;
    let sidecar_path = folder.sidecar_path(segment.first);
    write_sidecar(disk, &sidecar_path, &sidecar)
        .map_err(|source| LogError::write(&sidecar_path, source))?;
    let sealed_path = folder.sealed_path(segment.first);
    relocate(disk, &segment.path, &sealed_path)
        .map_err(|source| LogError::write(&sealed_path, source))?;
    segments.move_to_sealed(segment.first);
    Ok(())
}

fn write_sidecar(disk: &Arc<Disk>, path: &Path, sidecar: &Sidecar) -> io::Result<()> {
    let mut staged = Staged::create(disk, path, Mode::Usual)?;
    staged.write_all(&sidecar.encode())?;
    staged.publish(Naming::Overwrite)
}

/// Gives a file its new name, then takes the old one away: at any moment it has one of them.
fn relocate(disk: &Arc<Disk>, active: &Path, sealed: &Path) -> io::Result<()> {
    match (identity(active)?, identity(sealed)?) {
        // An earlier attempt took the old name away and could not make that durable.
        (None, Some(_)) => return active.parent().map_or(Ok(()), |at| disk.sync_directory(at)),
        // To rename one name of a file to another of the same file would do nothing.
        (Some(old), Some(new)) if old == new => disk.sync_existing(sealed)?,
        _ => Staged::link(disk, active, sealed)?.publish(Naming::Overwrite)?,
    }
    disk.remove(active)
}

/// What tells a file from all others, by whatever name; `None` where there is none.
fn identity(path: &Path) -> io::Result<Option<(u64, u64)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a full segment holds.
fn describe(segment: &Arc<Segment>) -> Result<Sidecar, LogError> {
    let mut unpacker = Unpacker::open()?;
    let mut cursor = Cursor::at_start(segment.clone());
    let mut received = Vec::new();
    let mut end_lsn = segment.first_lsn;
    while cursor.next_offset() < segment.end() {
        let Some(passed) = cursor.pass()? else {
            return Err(cursor.damaged("the segment ends before this record"));
        };
        end_lsn = passed.lsn + 1;
        let Range { start, end } = passed.offsets;
        if start == segment.first || end == segment.end() {
            let records = cursor.records(&passed, &mut unpacker)?;
            received.extend(records.iter().map(|record| record.received_at));
        }
    }
    let (Some(first_received_at), Some(last_received_at)) = (received.first(), received.last())
    else {
        return Err(cursor.damaged("a full segment holds no frame"));
    };
    let mut sum = FileSum::new(segment.clone());
    while sum.read_on()?.is_some() {}
    Ok(Sidecar {
        first: segment.first,
        end: segment.end(),
        first_lsn: segment.first_lsn,
        end_lsn,
        first_received_at: *first_received_at,
        last_received_at: *last_received_at,
        file_bytes: sum.bytes,
        file_crc: sum.crc,
        positions: segment.positions(),
    })
}
