//! The one writer: records gather in a frame in memory, then one entry and one sync make the whole
//! frame durable.
//!
//! One commit never writes two frames: of two frames in one write, a power cut may leave the second
//! and not the first, which cannot be told from damage.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use open_wal::Wal;
use tokio::sync::watch;

use super::LogError;
use super::frame::FrameBuilder;
use super::oldest::Start;
use super::open::open_wal_again;
use super::recent::Recent;
use super::seal::Sealer;
use super::segment::Segment;
use super::segment_file::{self, HEADER_BYTES};
use super::segments::Segments;
use super::trim::Trimmer;
use crate::durable::{Disk, Mode, Naming, Staged};
use crate::model::{Offset, Record};

/// The only thing that appends. One task owns it.
pub struct LogWriter {
    /// `None` while it is opened again, and after that failed.
    wal: Option<Wal>,
    sealer: Sealer,
    segments: Arc<Segments>,
    active: Arc<Segment>,
    segment_bytes: u64,
    frame: FrameBuilder,
    head: watch::Sender<Offset>,
    recent: Recent,
    is_closed: bool,
}

/// What a writer goes on from.
pub(super) struct Begin {
    pub(super) wal: Wal,
    pub(super) segments: Arc<Segments>,
    pub(super) active: Arc<Segment>,
    pub(super) segment_bytes: u64,
    pub(super) frame: FrameBuilder,
    pub(super) head: watch::Sender<Offset>,
    pub(super) recent: Recent,
}

impl LogWriter {
    pub(super) fn new(begin: Begin) -> Result<LogWriter, LogError> {
        let Begin { wal, segments, active, segment_bytes, frame, head, recent } = begin;
        let sealer = Sealer::start(segments.clone())?;
        let is_closed = false;
        Ok(LogWriter {
            sealer,
            wal: Some(wal),
            segments,
            active,
            segment_bytes,
            frame,
            head,
            recent,
            is_closed,
        })
    }

    /// Adds a record to the frame in memory; [`LogWriter::commit`] makes it durable. The record's
    /// offset must be the next one.
    ///
    /// # Errors
    /// [`LogError::TooLarge`]: the frame is then as it was. It must not be full.
    pub fn append(&mut self, record: Arc<Record>) -> Result<(), LogError> {
        self.frame.add(record)
    }

    /// Whether the frame takes nothing more before a commit.
    pub fn is_full(&self) -> bool {
        self.frame.is_full()
    }

    /// Makes everything appended durable, then lets readers see it. After an error nothing is
    /// taken or tried again: what a failed sync left on the disk is not known before a restart
    /// reads it.
    pub fn commit(&mut self) -> Result<Offset, LogError> {
        let committed = self.commit_frame();
        if committed.is_err() {
            self.is_closed = true;
            self.frame.restart(self.head());
        }
        committed
    }

    fn commit_frame(&mut self) -> Result<Offset, LogError> {
        if self.is_closed {
            return Err(LogError::Closed);
        }
        if self.frame.is_empty() {
            return Ok(self.head());
        }
        let frame = self.frame.encode();
        let wal = self.wal.as_mut().ok_or(LogError::Closed)?;
        let lsn = wal.append(&frame).map_err(|source| LogError::Append { source })?;
        wal.commit().map_err(|source| LogError::Append { source })?;
        let has_rolled = self.place(lsn.0, frame.len())?;
        let end = self.frame.end();
        self.recent.add(self.frame.restart(end));
        self.head.send_replace(end);
        if has_rolled {
            self.sealer.wake();
        }
        Ok(end)
    }

    /// Notes where the frame was written; true where it began a new segment.
    fn place(&mut self, lsn: u64, frame_bytes: usize) -> Result<bool, LogError> {
        let entry_bytes = segment_file::entry_bytes(frame_bytes) as u64;
        let offsets = self.head()..self.frame.end();
        let has_rolled = u64::from(self.active.end_byte()) + entry_bytes > self.segment_bytes;
        if has_rolled {
            let path = self.segments.folder.active_path(lsn);
            self.active = Arc::new(Segment::open(path, Start { offset: offsets.start, lsn })?);
        }
        let byte = self.active.end_byte();
        // A segment is far below 4 GiB.
        self.active.note(offsets, byte..byte + entry_bytes as u32);
        if has_rolled {
            self.segments.add_active(self.active.clone());
        }
        Ok(has_rolled)
    }

    /// Lets the next frame begin a new segment, so that what is durable now can be let go of without
    /// it. Nothing may wait for a commit. Reads the segment that ends: 64 MiB at most.
    ///
    /// # Errors
    /// As after a commit that failed, nothing more is taken.
    pub fn roll(&mut self) -> Result<(), LogError> {
        if self.is_closed {
            return Err(LogError::Closed);
        }
        if self.active.end_byte() == HEADER_BYTES {
            return Ok(());
        }
        let rolled = self.roll_over();
        self.is_closed = rolled.is_err();
        rolled
    }

    fn roll_over(&mut self) -> Result<(), LogError> {
        let last_lsn = self.wal.as_ref().ok_or(LogError::Closed)?.last_lsn();
        let begins = Start { offset: self.head(), lsn: last_lsn.next().0 };
        let path = self.segments.folder.active_path(begins.lsn);
        // Held until the library is open again: it lists the segments, then reads each, and the
        // sealer must not take one away in between.
        let disk = self.segments.disk();
        let disk = disk.as_ref().ok_or(LogError::Closed)?;
        write_empty_segment(disk, &path, begins.lsn, self.segment_bytes)
            .map_err(|source| LogError::write(&path, source))?;
        // The library goes on in the newest segment that it finds, and locks the folder meanwhile.
        self.wal = None;
        let (wal, _) = open_wal_again(&self.segments.folder, self.segment_bytes)?;
        if wal.last_lsn() != last_lsn {
            let detail = format!("it ends with frame {}, want {}", wal.last_lsn().0, last_lsn.0);
            return Err(LogError::File { path, detail });
        }
        self.wal = Some(wal);
        self.active = Arc::new(Segment::open(path, begins)?);
        self.segments.add_active(self.active.clone());
        self.sealer.wake();
        Ok(())
    }

    /// First offset not yet durable.
    pub fn head(&self) -> Offset {
        *self.head.borrow()
    }

    /// Lets the next commit fail, and all later ones.
    #[cfg(test)]
    pub(crate) fn fail(&mut self) {
        self.is_closed = true;
    }

    /// What removes old segments while this writer lives.
    pub fn trimmer(&self) -> Trimmer {
        Trimmer::new(self.segments.clone(), self.recent.clone())
    }
}

/// A segment without frames, as the library makes one but for its blocks, which are allocated as they
/// are written: the relay stops taking before a disk is full.
fn write_empty_segment(
    disk: &Arc<Disk>,
    path: &Path,
    lsn: u64,
    segment_bytes: u64,
) -> io::Result<()> {
    let mut staged = Staged::create(disk, path, Mode::Usual)?;
    staged.write_all(&segment_file::header(lsn))?;
    staged.extend(segment_bytes)?;
    staged.publish(Naming::Overwrite)
}

impl Drop for LogWriter {
    /// The lock on the folder goes last, with the fields.
    fn drop(&mut self) {
        self.sealer.finish();
        self.segments.close();
    }
}
