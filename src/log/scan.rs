//! Reads forward from one offset: from memory where a scan keeps up, else from the segment files.

use std::collections::VecDeque;
use std::sync::Arc;

use super::codec::Unpacker;
use super::cursor::{Cursor, Parked};
use super::size::bytes_of;
use super::{Batch, LogError, LogReader};
use crate::model::{Offset, Record};

/// A batch ends with the record that reaches this size in memory.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Trimmed records read at once: they lie by conversation, so each read goes through whole files.
/// × about 1 KiB = 64 MiB.
const PAST_RECORDS: u64 = 65_536;
/// Trimmed records in one batch: × about 1 KiB = 4 MiB.
const PAST_HANDED_RECORDS: usize = 4_096;

/// Reads forward from one offset, as far as the log is durable. It reads on while segments are
/// sealed and moved under it.
pub struct LogScan {
    reader: LogReader,
    next: Offset,
    files: Option<FromFiles>,
    /// Trimmed records that were read and not yet handed out.
    past: VecDeque<Arc<Record>>,
}

/// What a scan that reads the files holds.
struct FromFiles {
    cursor: Option<Parked>,
    unpacker: Unpacker,
    /// Records of the frame behind the cursor that were not yet handed out.
    decoded: VecDeque<Arc<Record>>,
}

impl LogReader {
    /// A scan from `from` on.
    pub fn scan(&self, from: Offset) -> LogScan {
        LogScan { reader: self.clone(), next: from, files: None, past: VecDeque::new() }
    }
}

impl LogScan {
    /// Waits until there is more to read. False when the writer is gone and no more will come.
    pub async fn wait_for_more(&mut self) -> bool {
        self.reader.head.wait_for(|head| *head > self.next).await.is_ok()
    }

    /// Up to `count_max` of the next records, and no more than about 4 MiB of them; fewer when the
    /// durable end comes first, none when it is reached.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] where the next record is no longer in the log, and damage.
    pub fn next_batch(&mut self, count_max: usize) -> Result<Batch, LogError> {
        let (start, oldest) = (self.next, self.reader.oldest());
        let available = usize::try_from(self.reader.head().since(start)).unwrap_or(usize::MAX);
        let count = available.min(count_max);
        let is_past = count > 0 && (start < oldest || !self.past.is_empty());
        let mut records = if is_past {
            self.read_past(count, oldest)?
        } else {
            self.reader.recent.from(start, count, BATCH_BYTES)
        };
        if is_past {
            self.files = None;
        } else if records.is_empty() {
            records = match self.read(count) {
                // Trimmed under this scan: what it has read is read again.
                Err(LogError::Trimmed { oldest, .. }) => {
                    self.files = None;
                    self.read_past(count, oldest)?
                }
                read => self.reader.met.noting(read)?,
            };
        } else {
            // The file is looked up anew, should this scan ever fall behind.
            self.files = None;
        }
        let batch = Batch::new(start, records)?;
        self.next = batch.end();
        Ok(batch)
    }

    /// At most `count` of the next records, from where trimmed ones are kept.
    fn read_past(&mut self, count: usize, oldest: Offset) -> Result<Vec<Arc<Record>>, LogError> {
        let start = self.next;
        if self.past.is_empty() {
            let Some(history) = self.reader.history.get() else {
                return Err(LogError::Trimmed { offset: start, oldest });
            };
            let end = (start + PAST_RECORDS).min(oldest);
            let records = history.read(start..end)?;
            self.past = records.into_iter().map(Arc::new).collect();
        }
        let count = count.min(PAST_HANDED_RECORDS).min(self.past.len());
        Ok(self.past.drain(..count).collect())
    }

    /// The next `count` records, from the files.
    fn read(&mut self, count: usize) -> Result<Vec<Arc<Record>>, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < count && bytes < BATCH_BYTES {
            let files = match &mut self.files {
                Some(files) => files,
                none => none.insert(FromFiles {
                    cursor: None,
                    unpacker: Unpacker::open()?,
                    decoded: VecDeque::new(),
                }),
            };
            match files.decoded.pop_front() {
                Some(record) => {
                    bytes += bytes_of(&record);
                    records.push(record);
                }
                None => files.read_frame(&self.reader, self.next + records.len() as u64)?,
            }
        }
        Ok(records)
    }
}

impl FromFiles {
    /// Reads the frame that holds `offset`, from there on.
    fn read_frame(&mut self, reader: &LogReader, offset: Offset) -> Result<(), LogError> {
        let seek = || Ok(Cursor::near(reader.segments.holding(offset)?, offset));
        let mut cursor = match self.cursor.take().and_then(Parked::resume) {
            Some(cursor) => cursor,
            None => seek()?,
        };
        let mut passed = cursor.pass_to(offset)?;
        if passed.is_none() {
            cursor = seek()?;
            passed = cursor.pass_to(offset)?;
        }
        let Some(passed) = passed else {
            return Err(cursor.damaged("the segment ends before this record"));
        };
        let records = cursor.records(&passed, &mut self.unpacker)?;
        let earlier = usize::try_from(offset.since(passed.offsets.start)).unwrap_or(usize::MAX);
        self.decoded.extend(records.into_iter().skip(earlier).map(Arc::new));
        self.cursor = Some(cursor.park());
        Ok(())
    }
}
