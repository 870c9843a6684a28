//! Every record in the log's order, from the archive and from the log, compared where both have it.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Range;
use std::vec::IntoIter;

use super::{Check, Conversations, Opened};
use crate::archive::ArchiveSnapshot;
use crate::log::LogReader;
use crate::model::{Offset, Record};
use crate::relay::conversation_key;

/// Reads records from both places and checks them against each other and each against its
/// conversation.
pub(super) struct Records<'a> {
    reader: &'a LogReader,
    /// `None` where it cannot be opened.
    snapshot: Option<ArchiveSnapshot>,
    log: Check,
    archive: Check,
    conversations: Conversations,
}

impl<'a> Records<'a> {
    /// Of a log that should reach to `end`.
    pub(super) fn new(
        reader: &'a LogReader,
        end: Offset,
        archive: Opened<ArchiveSnapshot>,
    ) -> Records<'a> {
        let (oldest, head) = (reader.oldest(), reader.head());
        let mut log = Check::new("log", oldest..end.max(head));
        if end > head {
            log.find_range(
                head..end,
                "the log has lost these records, which other stores committed",
            );
        }
        let (snapshot, archive) = match archive {
            Ok(snapshot) => {
                let mut check = Check::new("archive", Offset(0)..snapshot.table.cursor);
                check.see_files(&snapshot.table);
                (Some(snapshot), check)
            }
            Err(error) => {
                let mut check = Check::new("archive", Offset(0)..head);
                check.find_all(error);
                (None, check)
            }
        };
        Records { reader, snapshot, log, archive, conversations: Conversations::new() }
    }

    /// The records of a range, each once; of one that is nowhere there is a finding.
    pub(super) fn window(&mut self, range: Range<Offset>) -> Vec<Record> {
        let readable = self.snapshot.as_ref().map(|snapshot| snapshot.readable_of_range(&range));
        let (archived, unreadable) = readable.unwrap_or_default();
        for (offsets, error) in unreadable {
            self.archive.find(
                offsets.start,
                format!("a file of rows up to {} cannot be read: {error}", offsets.end),
            );
        }
        let mut archived = archived.into_iter().peekable();
        let mut logged = self.logged(&range).into_iter().peekable();
        let mut records = Vec::new();
        let mut offset = range.start;
        while offset < range.end {
            let row = self.row_of(&mut archived, offset);
            let kept = logged.next_if(|record| record.offset == offset);
            if let Some(record) = self.agreed(offset, row, kept) {
                self.follow(&record);
                records.push(record);
            }
            offset = offset.next();
        }
        records
    }

    /// The checks of log and archive, and where every conversation stands.
    pub(super) fn finish(self) -> (Vec<Check>, Conversations) {
        (vec![self.log, self.archive], self.conversations)
    }

    /// What the log has of a range. Damage is a finding, and what lies behind it is read on.
    fn logged(&mut self, range: &Range<Offset>) -> Vec<Record> {
        let start = range.start.max(self.log.from);
        if start >= range.end {
            return Vec::new();
        }
        match self.reader.range(start, range.end) {
            Ok(records) => records,
            Err(error) => {
                // The range is halved until the damaged frame stands alone.
                if range.end.since(start) == 1 {
                    self.log.find(start, format!("it cannot be read: {error}"));
                    return Vec::new();
                }
                let middle = start + range.end.since(start) / 2;
                let mut records = self.logged(&(start..middle));
                records.extend(self.logged(&(middle..range.end)));
                records
            }
        }
    }

    /// The archive's row of `offset`, without those that stand there once too often.
    fn row_of(
        &mut self,
        archived: &mut Peekable<IntoIter<Record>>,
        offset: Offset,
    ) -> Option<Record> {
        let mut row: Option<Record> = None;
        while let Some(next) = archived.peek() {
            match next.offset.cmp(&offset) {
                Ordering::Greater => break,
                Ordering::Less => drop(archived.next()),
                Ordering::Equal if row.is_none() => row = archived.next(),
                Ordering::Equal => {
                    self.archive.find(offset, "the row is doubled");
                    archived.next();
                }
            }
        }
        let is_due = self.snapshot.is_some() && offset < self.archive.to;
        match (&row, is_due) {
            (Some(_), true) => self.archive.checked += 1,
            (Some(_), false) => self.archive.find(offset, "a row beyond the cursor"),
            (None, true) => self.archive.find(offset, "the row is missing"),
            (None, false) => {}
        }
        row
    }

    /// The record of `offset`: the log's where it has it, else the archive's.
    fn agreed(
        &mut self,
        offset: Offset,
        row: Option<Record>,
        kept: Option<Record>,
    ) -> Option<Record> {
        match (row, kept) {
            (Some(row), Some(kept)) => {
                self.log.checked += 1;
                if !is_same(&row, &kept) {
                    self.archive.find(offset, "the row differs from the log");
                }
                Some(kept)
            }
            (None, Some(kept)) => {
                self.log.checked += 1;
                Some(kept)
            }
            (Some(row), None) => Some(row),
            (None, None) => {
                if offset >= self.log.from
                    && self.log.findings.last().is_none_or(|last| last.to <= offset)
                {
                    self.log.find(offset, "the record is missing");
                }
                None
            }
        }
    }

    /// Moves the record's conversation past it, after checking that it comes next there.
    fn follow(&mut self, record: &Record) {
        let key = conversation_key(&record.shop, &record.event.conversation);
        let conversation = self.conversations.entry(key).or_default();
        let check = if record.offset < self.log.from { &mut self.archive } else { &mut self.log };
        if record.seq != conversation.chain.next_seq() {
            check.find(record.offset, "its seq is not the next of its conversation");
            // The conversation goes on from here, so that one gap is one finding.
            conversation.chain.last_seq = crate::model::Seq(record.seq.0.saturating_sub(1));
        } else {
            match record.leaf_behind(&conversation.chain) {
                Some(leaf) if leaf == record.leaf => {}
                Some(_) => check.find(record.offset, "its leaf does not follow from what it says"),
                None => {
                    check.find(record.offset, "it has no salt, so that its leaf cannot be checked")
                }
            }
        }
        conversation.add(record);
    }
}

/// Whether a row and a log entry are the same record, to the last byte.
fn is_same(row: &Record, kept: &Record) -> bool {
    let text = |record: &Record| {
        let mut text = Vec::new();
        record.write_text(&mut text);
        text
    };
    row.leaf == kept.leaf
        && row.salt == kept.salt
        && row.erased == kept.erased
        && text(row) == text(kept)
}
