//! Records read back from the files: what the log no longer holds is here alone.

use std::ops::Range;

use chrono::NaiveDate;

use super::row::records_of;
use super::{ArchiveError, ArchiveSnapshot};
use crate::model::{ConversationKey, Offset, Record};
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
        let overlaps = |file: &DataFile| {
            file.offsets().is_none_or(|held| held.start < range.end && range.start < held.end)
        };
        self.read(&wanted, overlaps)
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
