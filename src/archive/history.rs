//! Records read back from the files: what the log no longer holds is here alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::row::{asides_of, conversations_of, offsets_naming, receipts_of, records_of};
use super::{ArchiveError, ArchiveReader, ArchiveSnapshot};
use arrow::array::AsArray;

use crate::log::{History, LogError};
use crate::model::{ErrorKind, Kinded, LeafHash, Offset, Record, Salt};
use crate::table::{self, DataFile, Wanted};

impl ArchiveSnapshot {
    /// The records at these offsets that are in files, by offset. Of each file that may hold one, the
    /// offsets are read, and the rest only of the rows that are wanted.
    pub fn records_at(&self, offsets: &[Offset]) -> Result<Vec<Record>, ArchiveError> {
        let values: Arc<BTreeSet<i64>> =
            Arc::new(offsets.iter().map(|offset| offset.signed()).collect());
        let wanted = Wanted::AnyInt("offset", values.clone());
        let may_hold = |file: &DataFile| match file.offsets() {
            Some(held) => values.range(held.start.signed()..held.end.signed()).next().is_some(),
            None => true,
        };
        self.read(&wanted, may_hold)
    }

    /// The records of these offsets that are in files, by offset. For stretches that fit in memory:
    /// files are sorted by conversation, so each that has any offset of the range is read.
    pub fn records_of_range(&self, range: Range<Offset>) -> Result<Vec<Record>, ArchiveError> {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        self.read(&wanted, |file| overlaps(file, &range))
    }

    /// [`ArchiveSnapshot::records_of_range`], of the files that can be read; of the others, which
    /// offsets they may hold and why not.
    #[allow(clippy::type_complexity)]
    pub fn readable_of_range(
        &self,
        range: &Range<Offset>,
    ) -> (Vec<Record>, Vec<(Range<Offset>, ArchiveError)>) {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for file in self.table.files.iter().filter(|file| overlaps(file, range)) {
            match self.decoded(file, &wanted) {
                Ok(rows) => records.extend(rows),
                Err(error) => {
                    let held = file.offsets().unwrap_or(range.clone());
                    let held = held.start.max(range.start)..held.end.min(range.end);
                    unreadable.push((held, error));
                }
            }
        }
        records.sort_unstable_by_key(|record| record.offset);
        (records, unreadable)
    }

    /// Offset, leaf and salt of the records of these offsets that are in files, by offset.
    pub fn receipts_of_range(
        &self,
        range: Range<Offset>,
    ) -> Result<Vec<(Offset, LeafHash, Option<Salt>)>, ArchiveError> {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        let mut receipts = Vec::new();
        for file in self.table.files.iter().filter(|file| overlaps(file, &range)) {
            self.table.require_whole(file)?;
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["offset", "leaf", "salt"])? {
                receipts.extend(receipts_of(&batch)?);
            }
        }
        receipts.sort_unstable_by_key(|(offset, ..)| *offset);
        Ok(receipts)
    }

    /// Offsets of the records of a shop in files that name any of these attachments, by their hashes.
    pub fn offsets_naming(
        &self,
        shop: &str,
        names: &HashSet<String>,
    ) -> Result<Vec<Offset>, ArchiveError> {
        let wanted = Wanted::Texts(vec![("shop", shop.to_string())]);
        let mut offsets = Vec::new();
        for file in self.table.files.iter() {
            self.table.require_whole(file)?;
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["offset", "attachments"])? {
                offsets.extend(offsets_naming(&batch, names)?);
            }
        }
        Ok(offsets)
    }

    /// The conversations of a shop that have records of these offsets in files, and the last of them.
    pub fn conversations_of_range(
        &self,
        shop: &str,
        range: &Range<Offset>,
    ) -> Result<BTreeMap<String, Offset>, ArchiveError> {
        let wanted = Wanted::Ints("offset", range.start.signed()..range.end.signed());
        let mut last: BTreeMap<String, Offset> = BTreeMap::new();
        for file in self.table.files.iter().filter(|file| overlaps(file, range)) {
            self.table.require_whole(file)?;
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["offset", "shop", "conversation"])? {
                for (name, offset) in conversations_of(&batch, shop)? {
                    let known = last.entry(name).or_default();
                    *known = offset.max(*known);
                }
            }
        }
        Ok(last)
    }

    /// What was said about a shop's chats from an offset on and is no part of them ([`crate::model::Event::is_aside`]),
    /// in files and in the tail.
    pub fn asides_since(&self, shop: &str, from: Offset) -> Result<HashSet<Offset>, ArchiveError> {
        let wanted = Wanted::Texts(vec![("shop", shop.to_string())]);
        let mut found = HashSet::new();
        let is_since = |file: &&DataFile| file.offsets().is_none_or(|held| from < held.end);
        for file in self.table.files.iter().filter(is_since) {
            self.table.require_whole(file)?;
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["offset", "kind", "automatic"])? {
                found.extend(asides_of(&batch)?);
            }
        }
        let is_one = |record: &&Record| record.shop == shop && record.event.is_aside();
        found.extend(self.tail.records().filter(is_one).map(|record| record.offset));
        Ok(found)
    }

    /// The conversations of a shop with an order number, in files and in the tail.
    pub fn conversations_of_order(
        &self,
        shop: &str,
        order: &str,
    ) -> Result<BTreeSet<String>, ArchiveError> {
        let wanted = Wanted::Texts(vec![("shop", shop.to_string()), ("order", order.to_string())]);
        let mut found = BTreeSet::new();
        for file in self.table.files.iter() {
            self.table.require_whole(file)?;
            let path = self.table.path_of(file);
            for batch in table::read_columns(&path, &wanted, &["conversation"])? {
                let names = batch.column_by_name("conversation");
                let names = names.and_then(|column| column.as_string_opt::<i32>());
                let names = names.ok_or(ArchiveError::Column { column: "conversation" })?;
                found.extend(names.iter().flatten().map(str::to_string));
            }
        }
        let is_one =
            |record: &&Record| record.shop == shop && record.event.order.as_deref() == Some(order);
        let tail = self.tail.records().filter(is_one);
        found.extend(tail.map(|record| record.event.conversation.clone()));
        Ok(found)
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
            records.extend(self.rows_of(file, wanted)?);
        }
        records.sort_unstable_by_key(|record| record.offset);
        Ok(records)
    }

    fn rows_of(&self, file: &DataFile, wanted: &Wanted) -> Result<Vec<Record>, ArchiveError> {
        self.table.require_whole(file)?;
        self.decoded(file, wanted)
    }

    /// Whatever the file's bytes say: for an audit, which compares each row.
    fn decoded(&self, file: &DataFile, wanted: &Wanted) -> Result<Vec<Record>, ArchiveError> {
        let mut records = Vec::new();
        for batch in table::read_rows(&self.table.path_of(file), wanted)? {
            records.extend(records_of(&batch)?);
        }
        Ok(records)
    }
}

/// Whether a file may hold records of these offsets.
fn overlaps(file: &DataFile, range: &Range<Offset>) -> bool {
    file.offsets().is_none_or(|held| held.start < range.end && range.start < held.end)
}

impl History for ArchiveReader {
    fn read(&self, range: Range<Offset>) -> Result<Vec<Record>, LogError> {
        // One after the other: each holds tens of thousands of records of all shops.
        let _turn = self.turn.lock();
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
