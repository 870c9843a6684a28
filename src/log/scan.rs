//! Reads forward from one offset: from memory where a scan keeps up, else from the segment files.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::reader::{FilePosition, INDEX_EVERY_BYTES};
use super::segment::{self, Frame, HEADER_BYTES};
use super::{Batch, LogError, LogReader};
use crate::model::{Offset, Record};

/// How much is read from a file at once.
const READ_BYTES: usize = 256 * 1024;

/// Reads forward from one offset, as far as the log is durable.
pub struct LogScan {
    reader: LogReader,
    next: Offset,
    cursor: Option<SegmentCursor>,
}

/// An open segment and what was read of it.
struct SegmentCursor {
    file: File,
    path: PathBuf,
    segment: Offset,
    /// File position of `buffer[start]`.
    byte: u64,
    buffer: Vec<u8>,
    start: usize,
    /// Where the offset index was last added to.
    indexed_byte: u64,
}

impl LogReader {
    /// A scan from `from` on.
    pub fn scan(&self, from: Offset) -> LogScan {
        LogScan { reader: self.clone(), next: from, cursor: None }
    }

    /// The records of `[from, to)`, as far as they are durable. For short stretches: they are all
    /// held in memory.
    pub fn range(&self, from: Offset, to: Offset) -> Result<Vec<Record>, LogError> {
        let count_max = usize::try_from(to.since(from)).unwrap_or(usize::MAX);
        let mut records = Vec::new();
        let mut scan = self.scan(from);
        while records.len() < count_max {
            let more = scan.next_batch(count_max - records.len())?;
            if more.is_empty() {
                break;
            }
            records.extend(more.into_records().into_iter().map(Arc::unwrap_or_clone));
        }
        Ok(records)
    }
}

impl LogScan {
    /// Waits until there is more to read. False when the writer is gone and no more will come.
    pub async fn wait_for_more(&mut self) -> bool {
        self.reader.head.wait_for(|head| *head > self.next).await.is_ok()
    }

    /// Up to `count_max` of the next records; fewer when the durable end comes first, none when it
    /// is reached.
    pub fn next_batch(&mut self, count_max: usize) -> Result<Batch, LogError> {
        let start = self.next;
        let available = usize::try_from(self.reader.head().since(start)).unwrap_or(usize::MAX);
        let count = available.min(count_max);
        let mut records = self.reader.recent.from(start, count);
        if records.is_empty() {
            records = self.read(count)?;
        } else {
            // The file is looked up anew, should this scan ever fall behind.
            self.cursor = None;
        }
        let batch = Batch::new(start, records)?;
        self.next = batch.end();
        Ok(batch)
    }

    /// The next `count` records, from the files.
    fn read(&mut self, count: usize) -> Result<Vec<Arc<Record>>, LogError> {
        let mut records = Vec::with_capacity(count);
        let mut offset = self.next;
        while records.len() < count {
            let mut cursor = match self.cursor.take() {
                Some(cursor) => cursor,
                None => self.seek(offset)?,
            };
            match cursor.read(offset)? {
                Some(record) => {
                    records.push(Arc::new(record));
                    offset = offset.next();
                    cursor.note(&self.reader, offset);
                    self.cursor = Some(cursor);
                }
                None => self.cursor = Some(SegmentCursor::open(&self.reader, offset)?),
            }
        }
        Ok(records)
    }

    /// Opens the segment that holds `offset` at the nearest known position before it and skips
    /// forward.
    fn seek(&self, offset: Offset) -> Result<SegmentCursor, LogError> {
        let segments = segment::list(&self.reader.dir).map_err(|source| LogError::Read {
            path: self.reader.dir.to_path_buf(),
            position: 0,
            source,
        })?;
        let Some(segment) = segments.iter().copied().rfind(|first| *first <= offset) else {
            let oldest = segments.first().copied().unwrap_or_default();
            return Err(LogError::Trimmed { offset, oldest });
        };
        let mut cursor = SegmentCursor::open(&self.reader, segment)?;
        let mut next = segment;
        if let Some((indexed, position)) = self.reader.indexed_before(offset)
            && position.segment == segment
        {
            cursor.byte = position.byte;
            cursor.indexed_byte = position.byte;
            next = indexed;
        }
        while next < offset {
            if !cursor.skip(next)? {
                return Err(cursor.damaged(next, "the segment ends before this record"));
            }
            next = next.next();
            cursor.note(&self.reader, next);
        }
        Ok(cursor)
    }
}

impl SegmentCursor {
    fn open(reader: &LogReader, segment: Offset) -> Result<SegmentCursor, LogError> {
        let path = segment::path_of(&reader.dir, segment);
        let file = File::open(&path).map_err(|source| LogError::Read {
            path: path.clone(),
            position: 0,
            source,
        })?;
        Ok(SegmentCursor {
            file,
            path,
            segment,
            byte: HEADER_BYTES,
            buffer: Vec::new(),
            start: 0,
            indexed_byte: HEADER_BYTES,
        })
    }

    /// Notes where the record `next` lies, if the last one noted is far enough behind.
    fn note(&mut self, reader: &LogReader, next: Offset) {
        if self.byte >= self.indexed_byte + INDEX_EVERY_BYTES {
            self.indexed_byte = self.byte;
            reader.note(next, FilePosition { segment: self.segment, byte: self.byte });
        }
    }

    /// The record at the current position, which must be that of `offset`; `None` at the end of the
    /// segment.
    fn read(&mut self, offset: Offset) -> Result<Option<Record>, LogError> {
        self.advance(offset, |payload| segment::decode(offset, payload))
    }

    fn skip(&mut self, offset: Offset) -> Result<bool, LogError> {
        Ok(self.advance(offset, |_| Ok(()))?.is_some())
    }

    fn advance<T>(
        &mut self,
        offset: Offset,
        take: impl FnOnce(&[u8]) -> Result<T, LogError>,
    ) -> Result<Option<T>, LogError> {
        // The buffer may have been filled before the writer wrote this record, so only what a fresh
        // read says counts.
        let mut read_bytes = 0;
        let (taken, framed_bytes) = loop {
            let needed_bytes = match segment::frame(&self.buffer[self.start..]) {
                Frame::Record { offset: found, payload, framed_bytes } if found == offset => {
                    break (take(payload)?, framed_bytes);
                }
                Frame::Short { needed_bytes } if needed_bytes > read_bytes => needed_bytes,
                _ if read_bytes == 0 => READ_BYTES,
                Frame::Record { offset: found, .. } => {
                    let detail = format!("found the record of offset {found} here");
                    return Err(self.damaged(offset, detail));
                }
                Frame::End => return Ok(None),
                Frame::Damaged(detail) => return Err(self.damaged(offset, detail)),
                // The zeros at the end of a full segment can be fewer than a record's header has
                // bytes.
                Frame::Short { .. } if self.buffer.iter().all(|byte| *byte == 0) => {
                    return Ok(None);
                }
                Frame::Short { .. } => return Err(self.damaged(offset, "the record is cut short")),
            };
            read_bytes = needed_bytes.max(READ_BYTES);
            self.fill(read_bytes)?;
        };
        self.start += framed_bytes;
        self.byte += framed_bytes as u64;
        Ok(Some(taken))
    }

    /// Reads on from the current position, as far as the file goes.
    fn fill(&mut self, bytes: usize) -> Result<(), LogError> {
        self.buffer.resize(bytes, 0);
        self.start = 0;
        let filled =
            segment::read_at(&self.file, &mut self.buffer, self.byte).map_err(|source| {
                LogError::Read { path: self.path.clone(), position: self.byte, source }
            })?;
        self.buffer.truncate(filled);
        Ok(())
    }

    fn damaged(&self, offset: Offset, detail: impl Into<String>) -> LogError {
        LogError::Damaged {
            path: self.path.clone(),
            position: self.byte,
            offset,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::log::recent::Recent;
    use crate::model::testing;

    fn record(offset: u64) -> Record {
        let event = format!(
            r#"{{"id":"m{offset}","conversation":"c","kind":"message","sender":{{"id":"u","role":"customer"}},"text":"退款"}}"#
        );
        testing::record(offset, &event)
    }

    /// A segment that holds the record of `offset` and ends `rest` zero bytes after it.
    fn write_segment(dir: &Path, offset: u64, rest: usize) {
        let payload = segment::encode(&record(offset));
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
        std::fs::write(segment::path_of(dir, Offset(offset)), bytes).unwrap();
    }

    /// The pipeline benchmark met a segment with 16 bytes left, too few for a record's header: the
    /// reader took them for a cut record, and all stores stopped for good.
    #[test]
    fn a_segment_may_end_with_any_number_of_zeros() {
        for rest in [0, 8, 16, 24, 4_096] {
            let dir = tempfile::tempdir().unwrap();
            write_segment(dir.path(), 0, rest);
            write_segment(dir.path(), 1, 0);
            let (_head, reader) = LogReader::at_head(dir.path(), Offset(2));
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
        let path = segment::path_of(dir.path(), Offset(0));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
        let (_head, reader) = LogReader::at_head(dir.path(), Offset(1));
        assert!(matches!(reader.range(Offset(0), Offset(1)), Err(LogError::Damaged { .. })));
    }

    /// What a scan hands out from memory is what the log would have given it.
    #[test]
    fn records_in_memory_are_those_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader, _) = crate::log::open(dir.path()).unwrap();
        for offset in 0..10 {
            writer.append(Arc::new(record(offset))).unwrap();
        }
        assert!(
            reader.scan(Offset(0)).next_batch(100).unwrap().is_empty(),
            "nothing before it is durable"
        );
        writer.commit().unwrap();
        let mut without_memory = reader.clone();
        without_memory.recent = Recent::default();
        let mut from_files = without_memory.scan(Offset(3));
        let mut from_memory = reader.scan(Offset(3));
        for count in [4, 3] {
            let (read, kept) =
                (from_files.next_batch(4).unwrap(), from_memory.next_batch(4).unwrap());
            assert_eq!((read.len(), kept.len()), (count, count));
            for (read, kept) in read.records().iter().zip(kept.records()) {
                assert_eq!((read.offset, read.to_text()), (kept.offset, kept.to_text()));
            }
        }
        assert!(from_memory.next_batch(4).unwrap().is_empty());
    }
}
