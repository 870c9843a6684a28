//! The ledger against the records: each leaf at its offset, every hash above, and the roots that were
//! committed and signed.

use super::{Check, Opened};
use crate::ledger::{LedgerReader, TreeComparison};
use crate::model::{Offset, Record};

pub(super) struct LedgerCheck {
    check: Check,
    /// `None` where there is nothing to compare, or no more.
    comparison: Option<TreeComparison>,
    /// The offset of the next leaf.
    next: Offset,
}

impl LedgerCheck {
    /// `ledger` is `None` where it has not begun.
    pub(super) fn new(ledger: Opened<Option<LedgerReader>>, head: Offset) -> LedgerCheck {
        let comparison = ledger.and_then(|reader| {
            let compare = |reader| TreeComparison::new(&reader).map_err(|error| error.to_string());
            reader.map(compare).transpose()
        });
        let next = Offset(0);
        let mut check = Check::new("ledger", Offset(0)..head);
        match comparison {
            Ok(comparison) => {
                check.to = Offset(comparison.as_ref().map_or(0, TreeComparison::size));
                if let Some(signed) = comparison.as_ref().map(TreeComparison::signed)
                    && signed.size > head.0
                {
                    let (from, to) = (head, Offset(signed.size));
                    let what = format!("signed as `{}`, and not in the log", signed.origin);
                    check.find_range(from..to, what);
                }
                LedgerCheck { check, comparison, next }
            }
            Err(error) => {
                check.find_all(error);
                LedgerCheck { check, comparison: None, next }
            }
        }
    }

    /// Compares the leaf of `record`; records come in order.
    pub(super) fn see(&mut self, record: &Record) {
        let Some(comparison) = &mut self.comparison else { return };
        if record.offset >= self.check.to {
            return;
        }
        if record.offset != self.next {
            // Every hash above a record that is missing depends on it.
            let missing = self.next..record.offset;
            self.check.find_range(missing, "the tree cannot be computed without these records");
            self.comparison = None;
            return;
        }
        self.next = self.next.next();
        match comparison.see(record.leaf.0) {
            Ok(true) => self.check.checked += 1,
            Ok(false) => self.check.find(record.offset, "the tree has another leaf or hash here"),
            Err(error) => {
                self.check.find_all(error.to_string());
                self.comparison = None;
            }
        }
    }

    pub(super) fn finish(mut self) -> Check {
        if let Some(comparison) = self.comparison.take() {
            if self.next < self.check.to {
                let missing = self.next..self.check.to;
                self.check.find_range(missing, "leaves of records that are not there");
            } else if !comparison.agrees() {
                let signed = comparison.signed();
                let what = format!(
                    "the tree of these records is not the one that was signed as `{}` at {}",
                    signed.origin, signed.size
                );
                self.check.find_all(what);
            }
        }
        self.check
    }
}
