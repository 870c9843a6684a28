//! When a search ends without an answer: once it took too long, or nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tantivy::TantivyError;

/// Longest a search waits, and longest it runs.
pub(super) const SEARCH_TIME_MAX: Duration = Duration::from_secs(20);

/// When a search ends without an answer.
#[derive(Clone, Debug, Default)]
pub struct Deadline {
    at: Option<Instant>,
    is_left: Arc<AtomicBool>,
}

/// Whoever waits for an answer. Dropped, the search ends.
pub(super) struct Asker {
    is_left: Arc<AtomicBool>,
}

impl Deadline {
    /// In `time` from now, for as long as the asker is there.
    pub(super) fn within(time: Duration) -> (Deadline, Asker) {
        let is_left = Arc::new(AtomicBool::new(false));
        let at = Some(Instant::now() + time);
        (Deadline { at, is_left: is_left.clone() }, Asker { is_left })
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_left.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// An error once it is over. Whoever asked knows the deadline: what is said here is never shown.
    pub(super) fn check(&self) -> tantivy::Result<()> {
        if self.is_over() {
            return Err(TantivyError::InternalError("the deadline is over".to_string()));
        }
        Ok(())
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.is_left.store(true, Ordering::Relaxed);
    }
}
