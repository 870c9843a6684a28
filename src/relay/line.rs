//! What one sender sends, in order: a request, or all that comes over one socket.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::RelayError;
use crate::model::{CanonicalEvent, ErrorKind, Kinded};

/// Conversations that a line remembers to wait in: × about 200 bytes. Beyond them it waits whole.
const CONVERSATIONS_MAX: usize = 1_024;

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
            None if self.first.len() >= CONVERSATIONS_MAX => Err(RelayError::AfterRefused),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, Origin};

    /// While nothing is taken, one socket may go on naming conversations.
    #[test]
    fn a_line_remembers_so_many_conversations_and_then_waits_whole() {
        let event = |id: &str| {
            let json = format!(
                r#"{{"id":"{id}","conversation":"c","kind":"open","sender":{{"id":"u","role":"customer"}}}}"#
            );
            CanonicalEvent::new("s", Origin::Live, None, Event::parse(json.as_bytes()).unwrap())
        };
        let mut refused = Refused::default();
        for number in 0..CONVERSATIONS_MAX + 10 {
            let key = number.to_string().into_bytes();
            if refused.check(&key, &event("m")).is_ok() {
                refused.note(key, "m".to_string(), Some(&RelayError::LookupBehind));
            }
        }
        assert_eq!(refused.first.len(), CONVERSATIONS_MAX);
        assert!(refused.check(b"0", &event("m")).is_ok(), "what was refused first goes first");
        refused.note(b"0".to_vec(), "m".to_string(), None);
        assert!(refused.check(b"another", &event("m")).is_ok());
    }
}
