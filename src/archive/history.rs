//! Records read back from the files: what the log no longer holds is here alone.

use std::ops::Range;

use chrono::NaiveDate;

use super::row::{receipts_of, records_of};
use super::{ArchiveError, ArchiveReader, ArchiveSnapshot};
use crate::log::{History, LogError};
use crate::model::{ConversationKey, ErrorKind, Kinded, LeafHash, Offset, Record, Salt};
use crate::table::{self, DataFile, Wanted};

impl ArchiveSnapshot {
    /// The records of a conversation that are in files of days that `has_day` names, by offset.
    pub fn records_of_conversation(
        &self,
        key: &ConversationKey,
        has_day: impl Fn(NaiveDate) -> bool,
    ) -> Result<Vec<Record>, ArchiveError> {
        let wanted =
            Wanted::Texts(vec![("conversation", key.id.clone()), ("shop", key.shop.clone())]);
        self.read(&wanted, |file| has_day(file.day))
    }

    /// The records of these offsets that are in files, by offset. For stretches that fit in memory:
    /// files are sorted by conversation, so each that has any offset of the range is read.
    pub fn records_of_range(&self, range: Range<Offset>) -> Result<Vec<Record>, ArchiveError> {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        self.read(&wanted, |file| overlaps(file, &range))
    }

    /// Offset, leaf and salt of the records of these offsets that are in files, by offset.
    pub fn receipts_of_range(
        &self,
        range: Range<Offset>,
    ) -> Result<Vec<(Offset, LeafHash, Option<Salt>)>, ArchiveError> {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        let mut receipts = Vec::new();
        for file in self.table.files.iter().filter(|file| overlaps(file, &range)) {
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["offset", "leaf", "salt"])? {
                receipts.extend(receipts_of(&batch)?);
            }
        }
        receipts.sort_unstable_by_key(|(offset, ..)| *offset);
        Ok(receipts)
    }

    /// Reads whole the files that may hold records of these offsets.
    ///
    /// # Errors
    /// Where one is not, to the last bit, what was written.
    pub fn verify_files(&self, range: &Range<Offset>) -> Result<(), ArchiveError> {
        for file in self.table.files.iter().filter(|file| overlaps(file, range)) {
            self.table.verify(file)?;
        }
        Ok(())
    }

    fn read(
        &self,
        wanted: &Wanted,
        may_hold: impl Fn(&DataFile) -> bool,
    ) -> Result<Vec<Record>, ArchiveError> {
        let mut records = Vec::new();
        for file in self.table.files.iter().filter(|file| may_hold(file)) {
            for batch in table::read_rows(&self.table.path_of(file), wanted)? {
                records.extend(records_of(&batch)?);
            }
        }
        records.sort_unstable_by_key(|record| record.offset);
        Ok(records)
    }
}

/// Whether a file may hold records of these offsets.
fn overlaps(file: &DataFile, range: &Range<Offset>) -> bool {
    file.offsets().is_none_or(|held| held.start < range.end && range.start < held.end)
}

impl History for ArchiveReader {
    fn read(&self, range: Range<Offset>) -> Result<Vec<Record>, LogError> {
        let failed = |error: ArchiveError| LogError::History {
            range: range.clone(),
            kind: error.kind(),
            shown: error.to_string(),
        };
        let snapshot = self.snapshot().map_err(|error| failed(error.into()))?;
        let records = snapshot.records_of_range(range.clone()).map_err(failed)?;
        let mut expected = range.start;
        for record in &records {
            if record.offset != expected {
                break;
            }
            expected = expected.next();
        }
        if expected != range.end {
            let shown = format!("the record at offset {expected} is not there once");
            return Err(LogError::History { range, kind: ErrorKind::Corrupt, shown });
        }
        Ok(records)
    }
}
