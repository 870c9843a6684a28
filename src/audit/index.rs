//! The index against the records: one document each, with the words the record has.

use super::{Check, Opened};
use crate::index::{self, IndexSnapshot};
use crate::model::{Offset, Record};

pub(super) struct IndexCheck {
    check: Check,
    head: Offset,
    /// What each document says, in the order of offsets; `None` where they cannot be read.
    marks: Option<Vec<(Offset, u64)>>,
    /// The next to be asked for.
    next: usize,
}

impl IndexCheck {
    pub(super) fn new(index: Opened<IndexSnapshot>, head: Offset) -> IndexCheck {
        let cursor = index.as_ref().map_or(head, IndexSnapshot::cursor);
        let mut check = Check::new("index", Offset(0)..cursor);
        let marks =
            index.and_then(|snapshot| index::marks(&snapshot).map_err(|error| error.to_string()));
        match marks {
            Ok(mut marks) => {
                marks.sort_unstable();
                IndexCheck { check, head, marks: Some(marks), next: 0 }
            }
            Err(error) => {
                check.find_all(error);
                IndexCheck { check, head, marks: None, next: 0 }
            }
        }
    }

    /// Checks the document of `record`; records come in order.
    pub(super) fn see(&mut self, record: &Record) {
        let Some(marks) = &self.marks else { return };
        let mut of_record = 0;
        while let Some((offset, mark)) = marks.get(self.next)
            && *offset <= record.offset
        {
            // A document before it is of a record that neither log nor archive have: it is missing
            // there.
            if *offset == record.offset {
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
        let rest = self.marks.iter().flat_map(|marks| &marks[self.next..]);
        for (offset, _) in rest.filter(|(offset, _)| *offset >= self.head) {
            self.check.find(*offset, "a document beyond the log's head");
        }
        self.check
    }
}
