//! How many of the rows behind a figure it counts, and how many it leaves out and why: in words, beside the rows.

use std::collections::BTreeMap;

use super::shown::shown;
use crate::export::{RecordBatch, texts_of};
use crate::sql::Counted;

/// The column that says why a row is left out.
const LEFT_OUT: &str = "left_out";

/// How many rows have each reason.
#[derive(Default)]
pub(super) struct Reasons {
    without: u64,
    with: BTreeMap<String, u64>,
}

impl Reasons {
    /// Adds rows as they come.
    pub(super) fn add(&mut self, rows: &RecordBatch) {
        for reason in texts_of(rows, LEFT_OUT) {
            self.note(reason.as_deref());
        }
    }

    fn note(&mut self, reason: Option<&str>) {
        let Some(reason) = reason else {
            self.without += 1;
            return;
        };
        match self.with.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.with.insert(reason.to_string(), 1)),
        }
    }

    /// What is to be said of them, as the page of the figure does.
    pub(super) fn told(&self, figure: &str) -> String {
        let counted = Counted::of(Some(figure), |reason| self.with.contains_key(reason));
        let with = self.with.iter().map(|(reason, count)| (Some(reason.as_str()), *count));
        let all = with.chain([(None, self.without)]).filter(|(_, count)| *count > 0);
        let (counts, left): (Vec<_>, Vec<_>) = all.partition(|(reason, _)| counted.counts(*reason));
        let sum: u64 = counts.iter().map(|(_, count)| count).sum();
        let listed = left.iter().map(|(reason, count)| match reason {
            Some(reason) => format!("{count} {}", shown(reason, " ")),
            None => format!("{count} that other figures count"),
        });
        let listed = listed.collect::<Vec<_>>().join(", ");
        let figure = shown(figure, " ");
        match (listed.as_str(), figure.ends_with("_rate")) {
            ("", _) => format!("`{figure}` counts all {sum} rows"),
            (listed, false) => format!("`{figure}` counts {sum} rows; left out: {listed}"),
            (listed, true) => {
                let all = sum + left.iter().map(|(_, count)| count).sum::<u64>();
                format!("`{figure}` counts {sum} of {all} rows; the others: {listed}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_goes_by_the_figure() {
        let mut reasons = Reasons::default();
        for reason in [None, None, Some("pending"), Some("untimed"), None, Some("pending")] {
            reasons.note(reason);
        }
        for (figure, told) in [
            ("p90_s", "`p90_s` counts 3 rows; left out: 2 pending, 1 untimed"),
            (
                "n_pending",
                "`n_pending` counts 2 rows; left out: 1 untimed, 3 that other figures count",
            ),
            ("met_rate", "`met_rate` counts 3 of 6 rows; the others: 2 pending, 1 untimed"),
        ] {
            assert_eq!(reasons.told(figure), told);
        }
        let mut whole = Reasons::default();
        whole.note(None);
        assert_eq!(whole.told("n"), "`n` counts all 1 rows");
    }
}
