//! What is counted of events as they are answered, for operators: by what became of them, never by
//! whose they are.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::model::{ErrorKind, Kinded};
use crate::relay::{Outcome, RelayError};

/// A refusal's kind, as a label.
pub(super) type Refusal = [(&'static str, &'static str); 1];

/// Counters since the start. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) acknowledged: Counter,
    pub(super) repeated: Counter,
    pub(super) refused: Family<Refusal, Counter>,
}

impl Counts {
    /// Counts what became of one event.
    pub(super) fn count(&self, outcome: &Result<Outcome, RelayError>) {
        match outcome {
            Ok(Outcome { duplicate: true, .. }) => {
                self.repeated.inc();
            }
            Ok(_) => {
                self.acknowledged.inc();
            }
            Err(error) => self.count_refusal(error.kind()),
        }
    }

    pub(super) fn count_refusal(&self, kind: ErrorKind) {
        self.refused.get_or_create(&[("kind", kind.as_str())]).inc();
    }

    /// Counts events that came faster than one subject may send.
    pub(super) fn count_too_fast(&self, events: usize) {
        self.refused.get_or_create(&[("kind", "too_fast")]).inc_by(events as u64);
    }

    /// Counts what became of many: × 50,000 in one body.
    pub(super) fn count_all(&self, outcomes: &[Result<Outcome, RelayError>]) {
        let repeated = outcomes.iter().flatten().filter(|outcome| outcome.duplicate).count();
        let answered = outcomes.iter().flatten().count();
        self.repeated.inc_by(repeated as u64);
        self.acknowledged.inc_by((answered - repeated) as u64);
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            self.count_refusal(error.kind());
        }
    }
}
