//! How far a store is: what follows it reports, and what waits for it watches.

use crate::model::{ErrorKind, Micros, Offset};

/// How far a store is, and why not further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// It was opened, so its reader shows something. It goes on showing that while it stands still.
    pub is_open: bool,
    /// First offset that questions cannot see yet.
    pub applied: Offset,
    /// Its cursor: all offsets below are in it for good.
    pub committed: Offset,
    /// Why it stands still, if it does.
    pub failed: Option<Failure>,
}

impl State {
    /// Whether there is nothing to wait for: questions see everything below `head`, or the store
    /// stands still.
    pub fn is_settled(&self, head: Offset) -> bool {
        self.failed.is_some() || self.shows(head)
    }

    /// Whether questions see everything below `head`.
    pub fn shows(&self, head: Offset) -> bool {
        self.is_open && self.applied >= head
    }
}

/// Why a store stands still, and when it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub text: String,
    pub kind: ErrorKind,
    /// Failures since it last moved on.
    pub tries: u32,
    pub next_try: Micros,
}
