//! Gates that some events go through, each closed while something is done that must not miss one of
//! them: every one was then acknowledged before the last look, or comes after what was done.
//!
//! - holds, while an erasure is committed;
//! - what names a file, while one is removed that nothing named.
//!
//! Nothing else waits at them, and for no longer than the commit, or the removal of one file, takes.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::model::{CanonicalEvent, Event, Kind};

#[derive(Clone, Default)]
pub(super) struct Gates {
    pub(super) holds: Gate,
    pub(super) names: Gate,
}

#[derive(Clone, Default)]
pub(super) struct Gate {
    gate: Arc<RwLock<()>>,
}

/// Events on their way: dropped once they were answered.
pub(super) struct Passing {
    _gates: [Option<OwnedRwLockReadGuard<()>>; 2],
}

/// Until it is dropped, whoever goes through the gate waits.
#[must_use]
pub struct ClosedGate {
    _closed: OwnedRwLockWriteGuard<()>,
}

impl Gates {
    /// Waits while a gate is closed that any of `events` goes through.
    pub(super) async fn pass(&self, events: &[CanonicalEvent]) -> Passing {
        let any = |goes: fn(&Event) -> bool| events.iter().any(|event| goes(event.event()));
        let holds = self.holds.pass(any(|event| event.kind == Kind::Hold)).await;
        let names = self.names.pass(any(|event| !event.attachments.is_empty())).await;
        Passing { _gates: [holds, names] }
    }
}

impl Gate {
    async fn pass(&self, goes_through: bool) -> Option<OwnedRwLockReadGuard<()>> {
        if goes_through { Some(self.gate.clone().read_owned().await) } else { None }
    }

    /// Closes the gate, after waiting until all that is under way is answered.
    pub(super) async fn close(&self) -> ClosedGate {
        ClosedGate { _closed: self.gate.clone().write_owned().await }
    }
}
