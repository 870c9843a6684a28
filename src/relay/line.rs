//! What one sender sends, in order: a request, or all that comes over one socket.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::RelayError;
use crate::model::{CanonicalEvent, ErrorKind, Kinded};

/// Conversations of which an event could not be taken for now, by their keys, and the id of the
/// first such event. What follows in them waits until that one was sent again: a later message must
/// not stand before it.
#[derive(Clone, Default)]
pub struct Line {
    refused: Arc<Mutex<Refused>>,
}

#[derive(Default)]
pub(super) struct Refused {
    first: HashMap<Vec<u8>, String>,
}

impl Line {
    pub(super) fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock()
    }
}

impl Refused {
    /// Refuses what comes behind a refused event.
    pub(super) fn check(&self, key: &[u8], event: &CanonicalEvent) -> Result<(), RelayError> {
        match self.first.get(key) {
            Some(first) if *first != event.event().id => Err(RelayError::AfterRefused),
            _ => Ok(()),
        }
    }

    /// What became of an event of this line.
    pub(super) fn note(&mut self, key: Vec<u8>, id: String, error: Option<&RelayError>) {
        match error.map(Kinded::kind) {
            Some(ErrorKind::Retry) => drop(self.first.entry(key).or_insert(id)),
            // It stands, or never will.
            _ => {
                if self.first.get(&key) == Some(&id) {
                    self.first.remove(&key);
                }
            }
        }
    }
}
