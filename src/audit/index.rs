//! The index against the records: one document each, with the words the record has.

use super::{AuditError, Check};
use crate::index::{self, IndexSnapshot};
use crate::model::{Offset, Record};

pub(super) struct IndexCheck {
    check: Check,
    /// What each document says, in the order of offsets, and the next to be asked for.
    marks: Vec<(Offset, u64)>,
    next: usize,
}

impl IndexCheck {
    pub(super) fn new(snapshot: &IndexSnapshot) -> Result<IndexCheck, AuditError> {
        let mut check = Check::new("index", Offset(0)..snapshot.cursor());
        for file in index::damaged_files(snapshot.dir())? {
            check.find(Offset(0), format!("`{}` is not what was written", file.display()));
        }
        let mut marks = index::marks(snapshot)?;
        marks.sort_unstable();
        Ok(IndexCheck { check, marks, next: 0 })
    }

    /// Checks the document of `record`; records come in order.
    pub(super) fn see(&mut self, record: &Record) {
        let mut of_record = 0;
        while let Some((offset, mark)) = self.marks.get(self.next)
            && *offset <= record.offset
        {
            if *offset < record.offset {
                self.check.find(*offset, "a document of no record");
            } else {
                of_record += 1;
                if *mark != index::mark_of(record) {
                    self.check.find(*offset, "the document differs from the record");
                }
            }
            self.next += 1;
        }
        let is_due = record.offset < self.check.to;
        match (of_record, is_due) {
            (1, true) => self.check.checked += 1,
            (0, true) => self.check.find(record.offset, "the document is missing"),
            (0, false) => {}
            (_, true) => self.check.find(record.offset, "the document is doubled"),
            (_, false) => self.check.find(record.offset, "a document beyond the cursor"),
        }
    }

    pub(super) fn finish(mut self) -> Check {
        for (offset, _) in &self.marks[self.next..] {
            self.check.find(*offset, "a document of no record");
        }
        self.check
    }
}
