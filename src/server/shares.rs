//! How much of something each subject holds, so that no one holds it all, and all together no more than
//! there is.

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
#[derive(Clone)]
pub(super) struct Shares {
    max_of_all: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    of_all: usize,
    of: HashMap<Subject, usize>,
}

/// What is held of it at one place; given back once dropped.
pub(super) struct Share {
    shares: Shares,
    subject: Subject,
    count: usize,
}

/// Why there is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    OfSubject,
    OfAll,
}

impl Default for Shares {
    /// As much as all subjects want together.
    fn default() -> Shares {
        Shares::within(usize::MAX)
    }
}

impl Shares {
    /// Of all subjects together `max_of_all`.
    pub(super) fn within(max_of_all: usize) -> Shares {
        Shares { max_of_all, held: Arc::default() }
    }

    /// One, unless the subject holds `max` of them.
    pub(super) fn take(&self, subject: Subject, max: usize) -> Result<Share, Full> {
        let mut share = self.none(subject);
        share.grow(1, max)?;
        Ok(share)
    }

    /// Nothing yet.
    pub(super) fn none(&self, subject: Subject) -> Share {
        Share { shares: self.clone(), subject, count: 0 }
    }
}

impl Share {
    /// So many more, unless the subject would hold more than `max` then.
    pub(super) fn grow(&mut self, by: usize, max: usize) -> Result<(), Full> {
        let mut held = self.shares.held.lock();
        let Held { of_all, of } = &mut *held;
        if self.shares.max_of_all - *of_all < by {
            return Err(Full::OfAll);
        }
        let known = of.get(&self.subject).copied().unwrap_or(0);
        if known + by > max {
            return Err(Full::OfSubject);
        }
        of.insert(self.subject.clone(), known + by);
        *of_all += by;
        self.count += by;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        held.of_all -= self.count;
        if let Some(known) = held.of.get_mut(&self.subject) {
            *known -= self.count;
            if *known == 0 {
                held.of.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        ("shop".to_string(), name.to_string())
    }

    #[test]
    fn a_subject_holds_so_many_and_others_theirs() {
        let shares = Shares::default();
        let first = shares.take(subject("carl"), 2).unwrap();
        let _second = shares.take(subject("carl"), 2).unwrap();
        assert_eq!(shares.take(subject("carl"), 2).err(), Some(Full::OfSubject));
        let _other = shares.take(subject("dora"), 2).unwrap();
        drop(first);
        drop(shares.take(subject("carl"), 2).unwrap());
        assert_eq!(shares.held.lock().of.len(), 2);
        drop((_second, _other));
        assert!(shares.held.lock().of.is_empty(), "nobody is remembered for nothing");
    }

    #[test]
    fn all_together_hold_no_more_than_there_is() {
        let shares = Shares::within(10);
        let mut carl = shares.none(subject("carl"));
        carl.grow(6, 8).unwrap();
        assert_eq!(carl.grow(3, 8), Err(Full::OfSubject));
        let mut dora = shares.none(subject("dora"));
        assert_eq!(dora.grow(5, 8), Err(Full::OfAll));
        dora.grow(4, 8).unwrap();
        assert_eq!(carl.grow(1, 8), Err(Full::OfAll));
        drop(dora);
        carl.grow(2, 8).unwrap();
        drop(carl);
        assert_eq!(shares.held.lock().of_all, 0);
    }
}
