//! A gate that holds go through: closed while an erasure is committed, so that each hold was
//! acknowledged before the last look at what is held, or comes after the commit.
//!
//! Nothing but holds waits at it, and for no longer than a commit takes.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::model::{CanonicalEvent, Kind};

#[derive(Clone, Default)]
pub(super) struct HoldGate {
    gate: Arc<RwLock<()>>,
}

/// A hold on its way: dropped once it was answered.
pub(super) type Passing = OwnedRwLockReadGuard<()>;

/// Until it is dropped, holds wait.
#[must_use]
pub struct ClosedGate {
    _closed: OwnedRwLockWriteGuard<()>,
}

impl HoldGate {
    /// Waits while the gate is closed, where `events` put anything on hold.
    pub(super) async fn pass(&self, events: &[CanonicalEvent]) -> Option<Passing> {
        let has_hold = events.iter().any(|event| event.event().kind == Kind::Hold);
        if has_hold { Some(self.gate.clone().read_owned().await) } else { None }
    }

    /// Closes the gate, after waiting until every hold under way is answered.
    pub(super) async fn close(&self) -> ClosedGate {
        ClosedGate { _closed: self.gate.clone().write_owned().await }
    }
}
