//! What shuts a handle on a table after a failed write: whether that commit is there is known only
//! to whoever opens the table next.
//!
//! It does not know what a write is: whoever begins one says when it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a write through a handle went wrong.
#[derive(Debug, Default)]
pub(super) struct Poison {
    is_poisoned: Arc<AtomicBool>,
}

/// A write that has begun. Dropped before it is done, by an error or because nobody waits for it
/// any more, it poisons its handle.
#[derive(Debug)]
#[must_use]
pub(super) struct Write {
    is_poisoned: Arc<AtomicBool>,
    is_done: bool,
}

impl Poison {
    pub(super) fn is_poisoned(&self) -> bool {
        self.is_poisoned.load(Ordering::Acquire)
    }

    /// Begins a write. The caller has checked that the handle is not poisoned.
    pub(super) fn begin_write(&self) -> Write {
        Write { is_poisoned: self.is_poisoned.clone(), is_done: false }
    }
}

impl Write {
    /// It succeeded, or changed nothing.
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if !self.is_done {
            self.is_poisoned.store(true, Ordering::Release);
        }
    }
}
