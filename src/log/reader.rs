//! Readers: any number, none of which the writer knows. Each sees what is durable and nothing beyond.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::LogError;
use super::segment::{self, Frame, HEADER_BYTES};
use crate::model::{Offset, Record};

/// How much is read from a file at once.
const READ_BYTES: usize = 256 * 1024;
/// Readers leave a mark about every so many bytes, so that a later reader starts near its offset: at 100 GiB of log
/// this is 100,000 marks × 32 bytes = 3 MiB.
const MARK_EVERY_BYTES: u64 = 1024 * 1024;

/// Where the record with a given number lies.
#[derive(Clone, Copy)]
struct Mark {
    segment_base: u64,
    position: u64,
}

/// A handle from which cursors are made. Cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    dir: Arc<Path>,
    head: watch::Receiver<Offset>,
    marks: Arc<Mutex<BTreeMap<u64, Mark>>>,
}

/// Reads forward from one offset, as far as the log is durable.
pub struct LogCursor {
    reader: LogReader,
    next: Offset,
    place: Option<Place>,
}

/// An open segment and what was read of it.
struct Place {
    file: File,
    path: PathBuf,
    segment_base: u64,
    /// File position of `buffer[start]`.
    position: u64,
    buffer: Vec<u8>,
    start: usize,
    marked_at: u64,
}

impl LogReader {
    pub(super) fn new(dir: Arc<Path>, head: watch::Receiver<Offset>) -> LogReader {
        LogReader { dir, head, marks: Arc::default() }
    }

    /// First offset not yet durable.
    pub fn head(&self) -> Offset {
        *self.head.borrow()
    }

    /// Waits until the head has passed `seen`. Returns false when the writer is gone and no more will come.
    pub async fn wait_beyond(&mut self, seen: Offset) -> bool {
        self.head.wait_for(|head| *head > seen).await.is_ok()
    }

    /// A cursor that reads from `from` on.
    pub fn cursor(&self, from: Offset) -> LogCursor {
        LogCursor { reader: self.clone(), next: from, place: None }
    }

    /// The records of `[from, to)`, as far as they are durable. For short stretches: they are all held in memory.
    pub fn range(&self, from: Offset, to: Offset) -> Result<Vec<Record>, LogError> {
        let count_max = usize::try_from(to.since(from)).unwrap_or(usize::MAX);
        let mut records = Vec::new();
        let mut cursor = self.cursor(from);
        while records.len() < count_max {
            let more = cursor.next_batch(count_max - records.len())?;
            if more.is_empty() {
                break;
            }
            records.extend(more);
        }
        Ok(records)
    }

    fn mark_before(&self, lsn: u64) -> Option<(u64, Mark)> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.range(..=lsn).next_back().map(|(lsn, mark)| (*lsn, *mark))
    }

    fn leave_mark(&self, lsn: u64, mark: Mark) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(lsn, mark);
    }
}

impl LogCursor {
    /// The next offset this cursor reads.
    pub fn position(&self) -> Offset {
        self.next
    }

    /// The handle this cursor was made from.
    pub fn reader(&mut self) -> &mut LogReader {
        &mut self.reader
    }

    /// Up to `count_max` of the next records; fewer when the durable end comes first, none when it is reached.
    pub fn next_batch(&mut self, count_max: usize) -> Result<Vec<Record>, LogError> {
        let available = usize::try_from(self.reader.head().since(self.next)).unwrap_or(usize::MAX);
        let count = available.min(count_max);
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            let offset = self.next;
            let record = self.place_at(offset)?.read(offset)?;
            match record {
                Some(record) => {
                    records.push(record);
                    self.next = offset.next();
                    self.mark();
                }
                None => self.place = Some(self.open_segment(offset.0 + 1)?),
            }
        }
        Ok(records)
    }

    fn place_at(&mut self, offset: Offset) -> Result<&mut Place, LogError> {
        if self.place.is_none() {
            self.place = Some(self.seek(offset)?);
        }
        // Set on the line above when it was not.
        self.place.as_mut().ok_or(LogError::Trimmed { offset, oldest: offset })
    }

    /// Opens the segment that holds `offset` at the nearest known place before it and skips forward.
    fn seek(&self, offset: Offset) -> Result<Place, LogError> {
        let lsn = offset.0 + 1;
        let bases = self.segment_bases()?;
        let Some(base) = bases.iter().copied().rfind(|base| *base <= lsn) else {
            let oldest = Offset(bases.first().map_or(0, |base| base - 1));
            return Err(LogError::Trimmed { offset, oldest });
        };
        let mut place = self.open_segment(base)?;
        let mut next = base;
        if let Some((marked, mark)) = self.reader.mark_before(lsn)
            && mark.segment_base == base
        {
            place.position = mark.position;
            next = marked;
        }
        while next < lsn {
            if !place.skip(Offset(next - 1))? {
                return Err(place.damaged(Offset(next - 1), "the segment ends before this record"));
            }
            next += 1;
        }
        Ok(place)
    }

    fn segment_bases(&self) -> Result<Vec<u64>, LogError> {
        let dir = &self.reader.dir;
        segment::list(dir).map_err(|source| LogError::Read { path: dir.to_path_buf(), position: 0, source })
    }

    fn open_segment(&self, base: u64) -> Result<Place, LogError> {
        let path = segment::path_of(&self.reader.dir, base);
        let file = File::open(&path).map_err(|source| LogError::Read { path: path.clone(), position: 0, source })?;
        Ok(Place {
            file,
            path,
            segment_base: base,
            position: HEADER_BYTES,
            buffer: Vec::new(),
            start: 0,
            marked_at: HEADER_BYTES,
        })
    }

    fn mark(&mut self) {
        let Some(place) = &mut self.place else { return };
        if place.position >= place.marked_at + MARK_EVERY_BYTES {
            place.marked_at = place.position;
            let mark = Mark { segment_base: place.segment_base, position: place.position };
            self.reader.leave_mark(self.next.0 + 1, mark);
        }
    }
}

impl Place {
    /// The record at the current position, which must be that of `offset`; `None` at the end of the segment.
    fn read(&mut self, offset: Offset) -> Result<Option<Record>, LogError> {
        self.advance(offset, |payload| Record::decode(offset, payload).map_err(LogError::from))
    }

    fn skip(&mut self, offset: Offset) -> Result<bool, LogError> {
        Ok(self.advance(offset, |_| Ok(()))?.is_some())
    }

    fn advance<T>(
        &mut self,
        offset: Offset,
        take: impl FnOnce(&[u8]) -> Result<T, LogError>,
    ) -> Result<Option<T>, LogError> {
        // The buffer may have been filled before the writer wrote this record, so only what a fresh read says counts.
        let mut read_bytes = 0;
        let (taken, framed_bytes) = loop {
            let needed_bytes = match segment::frame(&self.buffer[self.start..]) {
                Frame::Record { lsn, payload, framed_bytes } if lsn == offset.0 + 1 => {
                    break (take(payload)?, framed_bytes);
                }
                Frame::Short { needed_bytes } if needed_bytes > read_bytes => needed_bytes,
                _ if read_bytes == 0 => READ_BYTES,
                Frame::Record { lsn, .. } => {
                    return Err(
                        self.damaged(offset, format!("found the record of offset {} here", lsn.wrapping_sub(1)))
                    );
                }
                Frame::End => return Ok(None),
                Frame::Damaged(detail) => return Err(self.damaged(offset, detail)),
                Frame::Short { .. } if self.buffer.is_empty() => return Ok(None),
                Frame::Short { .. } => return Err(self.damaged(offset, "the record is cut short")),
            };
            read_bytes = needed_bytes.max(READ_BYTES);
            self.fill(read_bytes)?;
        };
        self.start += framed_bytes;
        self.position += framed_bytes as u64;
        Ok(Some(taken))
    }

    /// Reads on from the current position, as far as the file goes.
    fn fill(&mut self, bytes: usize) -> Result<(), LogError> {
        self.buffer.resize(bytes, 0);
        self.start = 0;
        let filled = segment::read_at(&self.file, &mut self.buffer, self.position)
            .map_err(|source| LogError::Read { path: self.path.clone(), position: self.position, source })?;
        self.buffer.truncate(filled);
        Ok(())
    }

    fn damaged(&self, offset: Offset, detail: impl Into<String>) -> LogError {
        LogError::Damaged { path: self.path.clone(), position: self.position, offset, detail: detail.into() }
    }
}
