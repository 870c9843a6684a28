//! Walks the frames of one segment, from a known one on.

use std::ops::Range;
use std::sync::{Arc, Weak};

use super::LogError;
use super::codec::Unpacker;
use super::frame::{FrameError, FrameHeader, FrameRecords};
use super::positions::FramePosition;
use super::segment::Segment;
use super::segment_file::{self, Entry, HEADER_BYTES};
use crate::model::{Offset, Record};

/// How much is read from a file at once.
const READ_BYTES: usize = 256 * 1024;

/// An open segment and what was read of it.
pub(super) struct Cursor {
    segment: Arc<Segment>,
    /// The first record of the next frame.
    next: Offset,
    /// Where the next frame begins: the file position of `buffer[start]`.
    byte: u64,
    buffer: Vec<u8>,
    start: usize,
}

/// A cursor between two reads, however far apart: it keeps no file open that was removed meanwhile.
pub(super) struct Parked {
    segment: Weak<Segment>,
    next: Offset,
    byte: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Parked {
    /// The cursor as it stood; `None` where its segment is open no more.
    pub(super) fn resume(self) -> Option<Cursor> {
        let Parked { segment, next, byte, buffer, start } = self;
        Some(Cursor { segment: segment.upgrade()?, next, byte, buffer, start })
    }
}

/// A frame that the cursor has passed. It lies in the cursor's buffer until that moves on.
pub(super) struct Passed {
    pub(super) offsets: Range<Offset>,
    pub(super) lsn: u64,
    pub(super) bytes: Range<u64>,
    payload: Range<usize>,
}

/// What the cursor meets.
pub(super) enum Step {
    Frame(Passed),
    /// Nothing is written further on.
    End,
    /// Something is, and it is no whole entry: the end of a write that did not end, or damage.
    NoFrame(&'static str),
}

impl Cursor {
    pub(super) fn at_start(segment: Arc<Segment>) -> Cursor {
        let start = FramePosition { offset: segment.first, byte: HEADER_BYTES };
        Cursor::new(segment, start)
    }

    pub(super) fn new(segment: Arc<Segment>, at: FramePosition) -> Cursor {
        let (next, byte) = (at.offset, u64::from(at.byte));
        Cursor { segment, next, byte, buffer: Vec::new(), start: 0 }
    }

    /// A cursor at the last known frame before `offset`.
    pub(super) fn near(segment: Arc<Segment>, offset: Offset) -> Cursor {
        let at = segment.before(offset);
        Cursor::new(segment, at)
    }

    /// Lets go of the segment, which stays open as long as others hold it.
    pub(super) fn park(self) -> Parked {
        let Cursor { segment, next, byte, buffer, start } = self;
        Parked { segment: Arc::downgrade(&segment), next, byte, buffer, start }
    }

    /// Passes frames up to the one that holds `offset`, which must lie ahead; `None` where the
    /// segment ends before.
    pub(super) fn pass_to(&mut self, offset: Offset) -> Result<Option<Passed>, LogError> {
        while let Some(passed) = self.pass()? {
            if passed.offsets.contains(&offset) {
                return Ok(Some(passed));
            }
        }
        Ok(None)
    }

    /// Whether it stands in `segment`, at or behind `from` and not beyond `to`.
    pub(super) fn is_between(&self, segment: &Segment, from: Offset, to: Offset) -> bool {
        self.segment.first == segment.first && (from..=to).contains(&self.next)
    }

    /// The first record of the next frame.
    pub(super) fn next_offset(&self) -> Offset {
        self.next
    }

    /// Passes the next frame, which must be that of the next offset; `None` at the end of what is
    /// written.
    pub(super) fn pass(&mut self) -> Result<Option<Passed>, LogError> {
        let (expected, byte) = (self.next, self.byte);
        match self.step()? {
            Step::Frame(passed) if passed.offsets.start == expected => Ok(Some(passed)),
            Step::Frame(passed) => {
                let detail = format!("found the frame of offset {} here", passed.offsets.start);
                Err(self.segment.damaged(expected, byte, detail))
            }
            Step::End => Ok(None),
            Step::NoFrame(detail) => Err(self.damaged(detail)),
        }
    }

    /// Passes the next frame, whatever it begins with.
    ///
    /// # Errors
    /// A whole entry that is no frame of ours, and what cannot be read.
    pub(super) fn step(&mut self) -> Result<Step, LogError> {
        // The buffer may have been filled before the writer wrote this frame, so only what a fresh
        // read says counts.
        let mut read_bytes = 0;
        let (lsn, payload, entry_bytes) = loop {
            let needed_bytes = match segment_file::entry(&self.buffer[self.start..]) {
                Entry::Whole { lsn, payload, entry_bytes } => break (lsn, payload, entry_bytes),
                Entry::Short { needed_bytes } if needed_bytes > read_bytes => needed_bytes,
                _ if read_bytes == 0 => READ_BYTES,
                Entry::End => return Ok(Step::End),
                // The zeros at the end of a full segment can be fewer than an entry's header has
                // bytes.
                Entry::Short { .. } if self.buffer.iter().all(|byte| *byte == 0) => {
                    return Ok(Step::End);
                }
                Entry::Short { .. } => return Ok(Step::NoFrame("the frame is cut short")),
                Entry::Damaged(detail) => return Ok(Step::NoFrame(detail)),
            };
            read_bytes = needed_bytes.max(READ_BYTES);
            self.fill(read_bytes)?;
        };
        let payload = self.start + payload.start..self.start + payload.end;
        let header = FrameHeader::decode(&self.buffer[payload.clone()]);
        let offsets = header.map(|header| header.offsets()).map_err(|error| {
            let unknown = self.next..self.next.next();
            self.segment.bad_frame(unknown, self.byte, error)
        })?;
        let bytes = self.byte..self.byte + entry_bytes as u64;
        self.start += entry_bytes;
        self.byte = bytes.end;
        self.next = offsets.end;
        Ok(Step::Frame(Passed { offsets, lsn, bytes, payload }))
    }

    /// The records of the frame just passed.
    pub(super) fn records(
        &self,
        passed: &Passed,
        unpacker: &mut Unpacker,
    ) -> Result<Vec<Record>, LogError> {
        FrameRecords::of(&self.buffer[passed.payload.clone()], unpacker)
            .and_then(|records| records.all())
            .map_err(|error| self.bad(passed, error))
    }

    /// Some records of the frame just passed.
    pub(super) fn records_at(
        &self,
        passed: &Passed,
        wanted: &[Offset],
        unpacker: &mut Unpacker,
    ) -> Result<Vec<Record>, LogError> {
        FrameRecords::of(&self.buffer[passed.payload.clone()], unpacker)
            .and_then(|records| wanted.iter().map(|offset| records.at(*offset)).collect())
            .map_err(|error| self.bad(passed, error))
    }

    fn bad(&self, passed: &Passed, error: FrameError) -> LogError {
        self.segment.bad_frame(passed.offsets.clone(), passed.bytes.start, error)
    }

    /// Reads on from the current position, as far as the file goes.
    fn fill(&mut self, bytes: usize) -> Result<(), LogError> {
        self.buffer.resize(bytes, 0);
        self.start = 0;
        let filled = segment_file::read_at(&self.segment.file, &mut self.buffer, self.byte)
            .map_err(|source| LogError::read(&self.segment.path, self.byte, source))?;
        self.buffer.truncate(filled);
        Ok(())
    }

    /// Damage where the next frame should begin.
    pub(super) fn damaged(&self, detail: impl Into<String>) -> LogError {
        self.segment.damaged(self.next, self.byte, detail)
    }
}
