//! One segment as readers hold it: an open file and what is known of it. It can be read on after
//! the file was moved or removed.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use parking_lot::RwLock;

use super::LogError;
use super::folder::LogFolder;
use super::frame::{FrameError, VERSION};
use super::oldest::Start;
use super::positions::{FramePosition, Positions};
use super::segment_file::HEADER_BYTES;
use super::sidecar::Sidecar;
use crate::model::Offset;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Its first record.
    pub(super) first: Offset,
    /// The number of its first frame.
    pub(super) first_lsn: u64,
    written: RwLock<Written>,
}

/// How far it is written: it grows while the segment is the newest.
#[derive(Debug)]
struct Written {
    end: Offset,
    end_byte: u32,
    positions: Positions,
}

impl Segment {
    /// A segment of which nothing is known but where it begins.
    pub(super) fn open(path: PathBuf, start: Start) -> Result<Segment, LogError> {
        let Start { offset: first, lsn: first_lsn } = start;
        let file = File::open(&path).map_err(|source| LogError::read(&path, 0, source))?;
        let start = FramePosition { offset: first, byte: HEADER_BYTES };
        let positions = Positions::starting_at(start);
        let written = RwLock::new(Written { end: first, end_byte: HEADER_BYTES, positions });
        Ok(Segment { path, file, first, first_lsn, written })
    }

    /// The sealed segment that begins at `first`, as its sidecar describes it.
    pub(super) fn open_sealed(folder: &LogFolder, first: Offset) -> Result<Segment, LogError> {
        let sidecar = Sidecar::read(&folder.sidecar_path(first))?;
        let path = folder.sealed_path(first);
        if sidecar.first != first {
            let detail = format!("its sidecar speaks of offset {}", sidecar.first);
            return Err(LogError::File { path, detail });
        }
        let file = File::open(&path).map_err(|source| LogError::read(&path, 0, source))?;
        let Sidecar { end, first_lsn, positions, .. } = sidecar;
        // Nobody asks where the last frame of a sealed segment ends.
        let written = RwLock::new(Written { end, end_byte: u32::MAX, positions });
        Ok(Segment { path, file, first, first_lsn, written })
    }

    /// First offset after its last record.
    pub(super) fn end(&self) -> Offset {
        self.written.read().end
    }

    /// Where the next frame would begin.
    pub(super) fn end_byte(&self) -> u32 {
        self.written.read().end_byte
    }

    /// Notes the frame of these offsets, which follows those before.
    pub(super) fn note(&self, offsets: Range<Offset>, bytes: Range<u32>) {
        let mut written = self.written.write();
        written.positions.note(FramePosition { offset: offsets.start, byte: bytes.start });
        written.end = offsets.end;
        written.end_byte = bytes.end;
    }

    /// A known frame that begins at or before `offset`.
    pub(super) fn before(&self, offset: Offset) -> FramePosition {
        self.written.read().positions.before(offset)
    }

    /// A known frame that begins after `offset`.
    pub(super) fn after(&self, offset: Offset) -> Option<FramePosition> {
        self.written.read().positions.after(offset)
    }

    pub(super) fn positions(&self) -> Positions {
        self.written.read().positions.clone()
    }

    /// Damage at `byte`, where the frame of `next` should begin. Its extent is not known before the
    /// next frame whose place is.
    pub(super) fn damaged(&self, next: Offset, byte: u64, detail: impl Into<String>) -> LogError {
        let end = self.after(next).map_or_else(|| self.end(), |known| known.offset);
        LogError::Damaged {
            path: self.path.clone(),
            position: byte,
            offsets: next..end.max(next.next()),
            detail: detail.into(),
        }
    }

    /// What is wrong with a frame at `byte`.
    pub(super) fn bad_frame(
        &self,
        offsets: Range<Offset>,
        byte: u64,
        error: FrameError,
    ) -> LogError {
        let (path, position) = (self.path.clone(), byte);
        match error {
            FrameError::Newer { version } => {
                LogError::Newer { path, position, version, known: VERSION }
            }
            FrameError::Damaged(detail) => LogError::Damaged { path, position, offsets, detail },
        }
    }
}
