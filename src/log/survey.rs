//! What lies in a log's folder: where it begins, its sealed segments by name, the frames of its
//! active segments. Reads the active segments and one sidecar, however long the log is.
//!
//! It repairs nothing: a torn end is where the log ends.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::LogError;
use super::cursor::{Cursor, Step};
use super::folder::LogFolder;
use super::frame::FrameHeader;
use super::oldest::Start;
use super::positions::FramePosition;
use super::segment::Segment;
use super::segment_file;
use super::sidecar::Sidecar;
use crate::model::Offset;

#[derive(Debug)]
pub(super) struct Survey {
    /// First offset that is kept.
    pub(super) oldest: Offset,
    pub(super) sealed: Vec<Offset>,
    pub(super) active: Vec<Arc<Segment>>,
    /// What was not found: the first offset that is free, and the number of the next frame.
    pub(super) next: Start,
}

/// How often a folder is read anew whose segments move meanwhile: each takes a segment's worth of
/// records to come.
const TRIES: usize = 5;

impl Survey {
    /// As [`Survey::of`], of a folder in which another process may be moving segments.
    pub(super) fn of_moving(folder: &LogFolder) -> Result<Survey, LogError> {
        for _ in 1..TRIES {
            match Survey::of(folder) {
                Err(LogError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                surveyed => return surveyed,
            }
        }
        Survey::of(folder)
    }

    pub(super) fn of(folder: &LogFolder) -> Result<Survey, LogError> {
        // In this order: a segment that is being moved is then seen twice, never not at all.
        let lsns = folder.list_active()?;
        let mut sealed = folder.list_sealed()?;
        let oldest = Start::read(&folder.oldest_path())?;
        let first_active = match lsns.first() {
            Some(lsn) => first_offset(&folder.active_path(*lsn))?,
            None => None,
        };
        // What is active is not yet sealed, whatever was begun; what was trimmed may not be gone.
        sealed.retain(|first| {
            *first >= oldest.offset && first_active.is_none_or(|active| *first < active)
        });
        let mut next = end_of_sealed(folder, &sealed, oldest)?;
        let mut active = Vec::with_capacity(lsns.len());
        for lsn in lsns {
            let path = folder.active_path(lsn);
            let offset = first_offset(&path)?.unwrap_or(next.offset);
            let begins = Start { offset, lsn };
            if begins != next {
                let detail =
                    format!("it begins with {begins}; what lies before it ends before {next}");
                return Err(LogError::File { path, detail });
            }
            let segment = Arc::new(Segment::open(path, begins)?);
            next = walk(&segment)?;
            active.push(segment);
        }
        Ok(Survey { oldest: oldest.offset, sealed, active, next })
    }
}

/// Where what follows the sealed segments must begin.
fn end_of_sealed(folder: &LogFolder, sealed: &[Offset], oldest: Start) -> Result<Start, LogError> {
    let Some(newest) = sealed.last() else { return Ok(oldest) };
    let sidecar = Sidecar::read(&folder.sidecar_path(*newest))?;
    Ok(Start { offset: sidecar.end, lsn: sidecar.end_lsn })
}

/// The first offset of an active segment, which does not say it in its name; `None` of an empty
/// one.
fn first_offset(path: &Path) -> Result<Option<Offset>, LogError> {
    let unplaced = Arc::new(Segment::open(path.to_path_buf(), Start::OF_ALL)?);
    match Cursor::at_start(unplaced).step()? {
        Step::Frame(passed) => Ok(Some(passed.offsets.start)),
        Step::End | Step::NoFrame(_) => Ok(None),
    }
}

/// Notes the frames of a segment; returns what must follow.
fn walk(segment: &Arc<Segment>) -> Result<Start, LogError> {
    let next = pass(segment, Start { offset: segment.first, lsn: segment.first_lsn })?;
    go_on(segment, next, &rest_of(segment)?)
}

/// Notes the frames from `next` on; returns what must follow.
fn pass(segment: &Arc<Segment>, mut next: Start) -> Result<Start, LogError> {
    let at = FramePosition { offset: next.offset, byte: segment.end_byte() };
    let mut cursor = Cursor::new(segment.clone(), at);
    // A frame of another number was left by a write that never ended.
    while let Step::Frame(passed) = cursor.step()?
        && passed.lsn == next.lsn
    {
        if passed.offsets.start != next.offset {
            let detail = format!("found the frame of offset {} here", passed.offsets.start);
            return Err(segment.damaged(next.offset, passed.bytes.start, detail));
        }
        next = Start { offset: passed.offsets.end, lsn: next.lsn + 1 };
        // A segment is far below 4 GiB.
        segment.note(passed.offsets, passed.bytes.start as u32..passed.bytes.end as u32);
    }
    Ok(next)
}

/// As [`pass`], where `rest` was read behind the frames that are noted: nothing whole may be left of
/// it behind what follows. A write that did not end leaves nothing whole behind, so that what comes
/// before a whole frame is no torn end. Frames that another process wrote before `rest` was read, or
/// amid that, are no hole: they are passed now.
fn go_on(segment: &Arc<Segment>, next: Start, rest: &[u8]) -> Result<Start, LogError> {
    let begin_byte = segment.end_byte();
    let next = pass(segment, next)?;
    let passed_bytes = (segment.end_byte() - begin_byte) as usize;
    let rest = rest.get(passed_bytes..).unwrap_or_default();
    match segment_file::later_entry(rest, next.lsn) {
        None => Ok(next),
        Some(later) => {
            let header = FrameHeader::decode(later.payload);
            let end = header.map_or(next.offset.next(), |header| header.offsets().start);
            Err(LogError::Damaged {
                path: segment.path.clone(),
                position: u64::from(segment.end_byte()),
                offsets: next.offset..end,
                detail: format!("no whole frame, and one {} bytes further on", later.distance),
            })
        }
    }
}

/// Where a log ends that nobody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// First offset behind the last whole frame.
    pub head: Offset,
    /// Whether something lies behind that frame, which opening the log to write cuts off.
    pub is_torn: bool,
}

/// The end of the log in `dir`, read without opening it: changes nothing.
pub fn end_of(dir: &Path) -> Result<End, LogError> {
    let Survey { active, next, .. } = Survey::of(&LogFolder::new(dir))?;
    let rest = active.last().map(|segment| rest_of(segment)).transpose()?;
    let is_torn = rest.is_some_and(|rest| !segment_file::is_zero(&rest));
    Ok(End { head: next.offset, is_torn })
}

/// What the file holds behind the last whole frame.
pub(super) fn rest_of(segment: &Segment) -> Result<Vec<u8>, LogError> {
    let end_byte = u64::from(segment.end_byte());
    let cannot = |source| LogError::read(&segment.path, end_byte, source);
    let file_bytes = segment.file.metadata().map_err(cannot)?.len();
    let rest_bytes = usize::try_from(file_bytes.saturating_sub(end_byte)).unwrap_or(0);
    let mut rest = vec![0; rest_bytes];
    let read = segment_file::read_at(&segment.file, &mut rest, end_byte).map_err(cannot)?;
    rest.truncate(read);
    Ok(rest)
}
