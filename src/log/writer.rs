//! The one writer: records gather in a frame in memory, then one entry and one sync make the whole
//! frame durable.
//!
//! One commit never writes two frames: of two frames in one write, a power cut may leave the second
//! and not the first, which cannot be told from damage.

use std::sync::Arc;

use open_wal::Wal;
use tokio::sync::watch;

use super::LogError;
use super::frame::FrameBuilder;
use super::oldest::Start;
use super::recent::Recent;
use super::seal::Sealer;
use super::segment::Segment;
use super::segment_file;
use super::segments::Segments;
use super::trim::Trimmer;
use crate::model::{Offset, Record};

/// The only thing that appends. One task owns it.
pub struct LogWriter {
    wal: Wal,
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
            wal,
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
        let lsn = self.wal.append(&frame).map_err(|source| LogError::Append { source })?;
        self.wal.commit().map_err(|source| LogError::Append { source })?;
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
        Trimmer::new(self.segments.clone())
    }
}

impl Drop for LogWriter {
    /// The lock on the folder goes last, with the fields.
    fn drop(&mut self) {
        self.sealer.finish();
        self.segments.close();
    }
}
