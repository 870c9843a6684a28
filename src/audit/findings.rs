//! What an audit says: of each store what was checked, and where it differs.

use std::ops::Range;

use serde::Serialize;

use crate::model::Offset;
use crate::table::TableSnapshot;

/// Findings of one store that are kept; more are counted.
const FINDINGS_MAX: usize = 1_000;

/// The whole audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub head: Offset,
    /// Whether nothing differs.
    pub agrees: bool,
    pub checks: Vec<Check>,
}

/// What was checked of one store.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub store: &'static str,
    /// The range it should hold.
    pub from: Offset,
    pub to: Offset,
    /// Records, rows, documents or entries that were compared.
    pub checked: u64,
    pub findings: Vec<Finding>,
    /// How many findings there are beyond those.
    pub more: u64,
    /// What to do, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// A stretch of the log in which a store is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub from: Offset,
    pub to: Offset,
    pub what: String,
}

impl Report {
    /// Of a log that cannot be opened for damage among its newest records: without its head nothing
    /// can be compared.
    pub fn of_damaged_log(offsets: Range<Offset>, what: String) -> Report {
        let head = offsets.start;
        let mut check = Check::new("log", offsets.clone());
        check.find_range(offsets, format!("{what}; nothing could be compared"));
        Report::new(head, Offset(0), vec![check])
    }

    /// Of a log from `oldest` to `head`.
    pub(super) fn new(head: Offset, oldest: Offset, mut checks: Vec<Check>) -> Report {
        for check in &mut checks {
            check.mend = check.mend_by(oldest);
        }
        let agrees = checks.iter().all(|check| check.findings.is_empty());
        Report { head, agrees, checks }
    }
}

impl Check {
    pub(super) fn new(store: &'static str, range: Range<Offset>) -> Check {
        let Range { start: from, end: to } = range;
        Check { store, from, to, checked: 0, findings: Vec::new(), more: 0, mend: None }
    }

    fn mend_by(&self, oldest: Offset) -> Option<String> {
        self.findings.first()?;
        Some(match self.store {
            "log" => "put back `log` from a copy".to_string(),
            "archive" if oldest > Offset(0) => format!(
                "put back `archive/events` from a copy: below {oldest} the log no longer has what it holds"
            ),
            "ledger" => "`verbatim rebuild ledger` makes it anew; where it then does not come out as it was signed, records are gone or were changed".to_string(),
            store => format!("`verbatim rebuild {store}` makes it anew"),
        })
    }

    /// Reads every file of a table whole and compares it with the hash in its name. Comparing rows does
    /// not see a bit that flipped in a file's statistics, and such a bit can hide rows from a question.
    pub(super) fn see_files(&mut self, table: &TableSnapshot) {
        for file in table.files.iter() {
            if let Err(error) = table.verify(file) {
                let offsets = file.offsets().unwrap_or(self.from..self.to);
                self.find_range(offsets, error.to_string());
            }
        }
    }

    /// Notes that something is wrong with all of it.
    pub(super) fn find_all(&mut self, what: impl Into<String>) {
        self.find_range(self.from..self.to, what);
    }

    /// Notes that something is wrong in a stretch.
    pub(super) fn find_range(&mut self, range: Range<Offset>, what: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { from: range.start, to: range.end, what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// Notes that something is wrong at one offset. Neighbours of which the same is said become one
    /// finding.
    pub(super) fn find(&mut self, offset: Offset, what: impl Into<String>) {
        let what = what.into();
        if let Some(last) = self.findings.last_mut()
            && last.to == offset
            && last.what == what
        {
            last.to = offset.next();
        } else {
            self.find_range(offset..offset.next(), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_which_the_same_is_said_are_one_finding() {
        let mut check = Check::new("index", Offset(0)..Offset(9));
        for (offset, what) in [(1, "missing"), (2, "missing"), (3, "doubled"), (5, "doubled")] {
            check.find(Offset(offset), what);
        }
        let ranges: Vec<(u64, u64)> =
            check.findings.iter().map(|finding| (finding.from.0, finding.to.0)).collect();
        assert_eq!(ranges, [(1, 3), (3, 4), (5, 6)]);
        assert!(!Report::new(Offset(9), Offset(0), vec![check]).agrees);
    }
}
