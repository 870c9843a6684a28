//! Readers: any number, none of which the writer knows. Each sees what is durable and nothing beyond.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::LogError;
use super::recent::Recent;
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
    recent: Recent,
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
    pub(super) fn new(dir: Arc<Path>, head: watch::Receiver<Offset>, recent: Recent) -> LogReader {
        LogReader { dir, head, marks: Arc::default(), recent }
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
            records.extend(more.into_iter().map(Arc::unwrap_or_clone));
        }
        Ok(records)
    }

    fn mark_before(&self, lsn: u64) -> Option<(u64, Mark)> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.range(..=lsn).next_back().map(|(lsn, mark)| (*lsn, *mark))
    }

    /// Leaves a mark where `place` stands, before the record `lsn`, if the last one is far enough behind.
    fn mark(&self, place: &mut Place, lsn: u64) {
        if place.position >= place.marked_at + MARK_EVERY_BYTES {
            place.marked_at = place.position;
            let mark = Mark { segment_base: place.segment_base, position: place.position };
            self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(lsn, mark);
        }
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
    pub fn next_batch(&mut self, count_max: usize) -> Result<Vec<Arc<Record>>, LogError> {
        let available = usize::try_from(self.reader.head().since(self.next)).unwrap_or(usize::MAX);
        let count = available.min(count_max);
        let recent = self.reader.recent.from(self.next, count);
        if let Some(last) = recent.last() {
            self.next = last.offset.next();
            // The file is looked up anew, should this cursor ever fall behind.
            self.place = None;
            return Ok(recent);
        }
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            let offset = self.next;
            let record = self.place_at(offset)?.read(offset)?;
            match record {
                Some(record) => {
                    records.push(Arc::new(record));
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
            place.marked_at = mark.position;
            next = marked;
        }
        while next < lsn {
            if !place.skip(Offset(next - 1))? {
                return Err(place.damaged(Offset(next - 1), "the segment ends before this record"));
            }
            next += 1;
            self.reader.mark(&mut place, next);
        }
        Ok(place)
    }

    fn segment_bases(&self) -> Result<Vec<u64>, LogError> {
        let dir = &self.reader.dir;
        segment::list(dir).map_err(|source| LogError::Read {
            path: dir.to_path_buf(),
            position: 0,
            source,
        })
    }

    fn open_segment(&self, base: u64) -> Result<Place, LogError> {
        let path = segment::path_of(&self.reader.dir, base);
        let file = File::open(&path).map_err(|source| LogError::Read {
            path: path.clone(),
            position: 0,
            source,
        })?;
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
        if let Some(place) = &mut self.place {
            self.reader.mark(place, self.next.0 + 1);
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
                    return Err(self.damaged(
                        offset,
                        format!("found the record of offset {} here", lsn.wrapping_sub(1)),
                    ));
                }
                Frame::End => return Ok(None),
                Frame::Damaged(detail) => return Err(self.damaged(offset, detail)),
                // The zeros at the end of a full segment can be fewer than a record's header has bytes.
                Frame::Short { .. } if self.buffer.iter().all(|byte| *byte == 0) => {
                    return Ok(None);
                }
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
        let filled =
            segment::read_at(&self.file, &mut self.buffer, self.position).map_err(|source| {
                LogError::Read { path: self.path.clone(), position: self.position, source }
            })?;
        self.buffer.truncate(filled);
        Ok(())
    }

    fn damaged(&self, offset: Offset, detail: impl Into<String>) -> LogError {
        LogError::Damaged {
            path: self.path.clone(),
            position: self.position,
            offset,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Canonical, Event, Micros, Origin, Place as RecordPlace, Secret, Seq};

    fn record(offset: u64) -> Record {
        let json = format!(
            r#"{{"id":"m{offset}","conversation":"c","kind":"message","sender":{{"id":"u","role":"customer"}},"text":"退款"}}"#
        );
        let event = Event::parse(json.as_bytes()).unwrap();
        let canonical = Canonical::of("s", Origin::Live, &event);
        let place =
            RecordPlace { offset: Offset(offset), seq: Seq(1), prev: None, received_at: Micros(7) };
        Record::new(place, "s".to_string(), Origin::Live, event, &canonical, &Secret([7; 32]))
    }

    /// A segment that holds the record of `offset` and ends `rest` zero bytes after it.
    fn write_segment(dir: &Path, offset: u64, rest: usize) {
        let payload = record(offset).encode();
        let mut framed = Vec::new();
        framed.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        framed.extend_from_slice(&(offset + 1).to_le_bytes());
        framed.extend_from_slice(&[1, 0, 0, 0]);
        framed.extend_from_slice(&payload);
        framed.resize((framed.len() + 4).next_multiple_of(8) - 4, 0);
        let mut bytes = vec![0; usize::try_from(HEADER_BYTES).unwrap()];
        bytes.extend_from_slice(&open_wal::crc32c(&framed).to_le_bytes());
        bytes.extend_from_slice(&framed);
        bytes.resize(bytes.len() + rest, 0);
        std::fs::write(segment::path_of(dir, offset + 1), bytes).unwrap();
    }

    /// The pipeline benchmark met a segment with 16 bytes left, too few for a record's header: the reader took them
    /// for a cut record, and all followers stopped for good.
    #[test]
    fn a_segment_may_end_with_any_number_of_zeros() {
        for rest in [0, 8, 16, 24, 4_096] {
            let dir = tempfile::tempdir().unwrap();
            write_segment(dir.path(), 0, rest);
            write_segment(dir.path(), 1, 0);
            let (_head, seen) = watch::channel(Offset(2));
            let reader = LogReader::new(Arc::from(dir.path()), seen, Recent::default());
            let offsets: Vec<u64> = reader
                .range(Offset(0), Offset(2))
                .unwrap()
                .iter()
                .map(|record| record.offset.0)
                .collect();
            assert_eq!(offsets, [0, 1], "{rest} bytes left");
        }
    }

    /// The control: a record that is really cut short is damage.
    #[test]
    fn a_cut_record_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        write_segment(dir.path(), 0, 0);
        let path = segment::path_of(dir.path(), 1);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
        let (_head, seen) = watch::channel(Offset(1));
        let reader = LogReader::new(Arc::from(dir.path()), seen, Recent::default());
        assert!(matches!(reader.range(Offset(0), Offset(1)), Err(LogError::Damaged { .. })));
    }

    /// What a follower is handed from memory is what the log would have given it.
    #[test]
    fn records_in_memory_are_those_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader, _) = crate::log::open(dir.path()).unwrap();
        for offset in 0..10 {
            writer.append(Arc::new(record(offset))).unwrap();
        }
        assert!(
            reader.cursor(Offset(0)).next_batch(100).unwrap().is_empty(),
            "nothing before it is durable"
        );
        writer.commit().unwrap();
        let mut from_files =
            LogReader { recent: Recent::default(), ..reader.clone() }.cursor(Offset(3));
        let mut from_memory = reader.cursor(Offset(3));
        for count in [4, 3] {
            let (read, kept) =
                (from_files.next_batch(4).unwrap(), from_memory.next_batch(4).unwrap());
            assert_eq!((read.len(), kept.len()), (count, count));
            for (read, kept) in read.iter().zip(&kept) {
                assert_eq!((read.offset, read.encode()), (kept.offset, kept.encode()));
            }
        }
        assert!(from_memory.next_batch(4).unwrap().is_empty());
    }
}
