//! Readers: any number, none of which the writer knows. Each sees what is durable and nothing
//! beyond.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::codec::Unpacker;
use super::cursor::Cursor;
use super::folder::LogFolder;
use super::recent::Recent;
use super::scrub::{Damage, Met};
use super::segments::Segments;
use super::survey::Survey;
use super::{History, LogError};
use crate::model::{Offset, Record};

/// The reading side of the log: for any number of scans.
#[derive(Clone)]
pub struct LogReader {
    pub(super) segments: Arc<Segments>,
    pub(super) head: watch::Receiver<Offset>,
    pub(super) recent: Recent,
    /// Where what was trimmed is kept, once somebody has said so.
    pub(super) history: Arc<OnceLock<Arc<dyn History>>>,
    pub(super) met: Met,
}

impl LogReader {
    pub(super) fn new(
        segments: Arc<Segments>,
        head: watch::Receiver<Offset>,
        recent: Recent,
    ) -> LogReader {
        LogReader { segments, head, recent, history: Arc::default(), met: Met::default() }
    }

    /// A reader of a log that another process may be writing: without a lock and without a repair.
    /// Its head stays where the last whole frame ended; an unfinished write is no error. A frame
    /// that is whole but not yet synced counts: its writer may still answer that it failed.
    pub fn open_read_only(dir: &Path) -> Result<LogReader, LogError> {
        let folder = LogFolder::new(dir);
        let Survey { oldest, sealed, active, next } = Survey::of_moving(&folder)?;
        let segments = Segments::new(folder, oldest, sealed, active, None);
        // Without a sender no more will come.
        let (_, head) = watch::channel(next.offset);
        Ok(LogReader::new(Arc::new(segments), head, Recent::default()))
    }

    /// From now on, scans of this reader and its clones read what was trimmed from `history`. The
    /// first one that is set stays.
    pub fn set_history(&self, history: Arc<dyn History>) {
        let _ = self.history.set(history);
    }

    /// First offset not yet durable.
    pub fn head(&self) -> Offset {
        *self.head.borrow()
    }

    /// Below it is every durable record that an answer over chat may show; between it and the head are
    /// records of the access trail alone.
    pub fn chats_end(&self) -> Offset {
        self.recent.chats_end().unwrap_or_else(|| self.head())
    }

    /// What reads of this reader and its clones found damaged.
    pub fn damages_met(&self) -> Vec<Damage> {
        self.met.since(self.oldest())
    }

    /// First offset still in the log.
    pub fn oldest(&self) -> Offset {
        self.segments.oldest()
    }

    /// The durable records of `[from, to)`. For short stretches: they are all held in memory.
    pub fn range(&self, from: Offset, to: Offset) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let mut scan = self.scan(from);
        loop {
            let count_max = to.since(from + records.len() as u64);
            let more = scan.next_batch(usize::try_from(count_max).unwrap_or(usize::MAX))?;
            if more.is_empty() {
                return Ok(records);
            }
            records.extend(more.into_records().into_iter().map(Arc::unwrap_or_clone));
        }
    }

    /// The durable records at `offsets`, which must ascend. Each frame that holds some of them is
    /// read and unpacked once, and only they are decoded.
    pub fn records_at(&self, offsets: &[Offset]) -> Result<Vec<Record>, LogError> {
        let durable = offsets.partition_point(|offset| *offset < self.head());
        let mut wanted = &offsets[..durable];
        self.require_kept(wanted)?;
        let mut records = Vec::with_capacity(wanted.len());
        let mut pick = None;
        while let Some((offset, later)) = wanted.split_first() {
            if let Some(record) = self.recent.at(*offset) {
                records.push(Record::clone(&record));
                wanted = later;
                continue;
            }
            let pick = match &mut pick {
                Some(pick) => pick,
                none => none.insert(Pick { cursor: None, unpacker: Unpacker::open()? }),
            };
            let read = self.met.noting(pick.read(&self.segments, *offset, wanted))?;
            wanted = &wanted[read.len()..];
            records.extend(read);
        }
        Ok(records)
    }

    /// Refuses what was trimmed, whether or not it is still in memory.
    fn require_kept(&self, wanted: &[Offset]) -> Result<(), LogError> {
        let oldest = self.oldest();
        match wanted.first() {
            Some(offset) if *offset < oldest => Err(LogError::Trimmed { offset: *offset, oldest }),
            _ => Ok(()),
        }
    }

    /// A reader of an empty log that says its head is `head`, and what keeps it open.
    #[cfg(test)]
    pub(crate) fn at_head(dir: &Path, head: Offset) -> (watch::Sender<Offset>, LogReader) {
        let (sender, seen) = watch::channel(head);
        let folder = LogFolder::new(dir);
        let segments = Segments::new(folder, Offset(0), Vec::new(), Vec::new(), None);
        (sender, LogReader::new(Arc::new(segments), seen, Recent::default()))
    }
}

/// Reads single records out of their frames.
struct Pick {
    /// Behind the last frame that was read.
    cursor: Option<Cursor>,
    unpacker: Unpacker,
}

impl Pick {
    /// Those of `wanted` that are in the frame of its first, `offset`.
    fn read(
        &mut self,
        segments: &Segments,
        offset: Offset,
        wanted: &[Offset],
    ) -> Result<Vec<Record>, LogError> {
        let segment = segments.holding(offset)?;
        // What was read ahead is used where no known frame lies nearer.
        let near = segment.before(offset);
        let mut cursor = match self.cursor.take() {
            Some(cursor) if cursor.is_between(&segment, near.offset, offset) => cursor,
            _ => Cursor::new(segment, near),
        };
        let Some(passed) = cursor.pass_to(offset)? else {
            return Err(cursor.damaged("the segment ends before this record"));
        };
        let count = wanted.partition_point(|offset| *offset < passed.offsets.end);
        let records = cursor.records_at(&passed, &wanted[..count], &mut self.unpacker)?;
        self.cursor = Some(cursor);
        Ok(records)
    }
}
