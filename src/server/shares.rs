//! How many of something each subject holds, so that no one holds them all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::Identity;

/// Shop and subject.
pub(super) type Subject = (String, String);

/// The subject of a token; all its tokens together are one.
pub(super) fn subject_of(identity: &Identity) -> Subject {
    (identity.shop.clone(), identity.subject.clone())
}

/// What each subject holds.
#[derive(Clone, Default)]
pub(super) struct Shares {
    held: Arc<Mutex<HashMap<Subject, usize>>>,
}

/// One of what a subject holds; given back once dropped.
pub(super) struct Share {
    shares: Shares,
    subject: Subject,
}

impl Shares {
    /// One more, unless the subject holds `max` of them.
    pub(super) fn take(&self, subject: Subject, max: usize) -> Option<Share> {
        let mut held = self.held.lock();
        let of_subject = held.entry(subject.clone()).or_default();
        if *of_subject >= max {
            return None;
        }
        *of_subject += 1;
        drop(held);
        Some(Share { shares: self.clone(), subject })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        if let Some(count) = held.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_holds_so_many_and_others_theirs() {
        let subject = |name: &str| ("shop".to_string(), name.to_string());
        let shares = Shares::default();
        let first = shares.take(subject("carl"), 2).unwrap();
        let _second = shares.take(subject("carl"), 2).unwrap();
        assert!(shares.take(subject("carl"), 2).is_none());
        let _other = shares.take(subject("dora"), 2).unwrap();
        drop(first);
        drop(shares.take(subject("carl"), 2).unwrap());
        assert_eq!(shares.held.lock().len(), 2);
        drop((_second, _other));
        assert!(shares.held.lock().is_empty(), "nobody is remembered for nothing");
    }
}
