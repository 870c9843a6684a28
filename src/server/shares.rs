//! How much of something each subject holds, so that no one holds it all, no shop either where it is shared by
//! shops, and all together no more than there is.

use std::collections::HashMap;
use std::hash::Hash;
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
    max_of_shop: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    of_all: usize,
    of_shops: HashMap<String, usize>,
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
    Subject,
    Shop,
    All,
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
        Shares { max_of_all, max_of_shop: max_of_all, held: Arc::default() }
    }

    /// Of all subjects together `max_of_all`, and of those of one shop half of it: a shop with many people leaves
    /// the others theirs.
    pub(super) fn shared_by_shops(max_of_all: usize) -> Shares {
        Shares { max_of_shop: max_of_all.div_ceil(2), ..Shares::within(max_of_all) }
    }

    /// How many those of one shop hold together at most.
    pub(super) fn max_of_shop(&self) -> usize {
        self.max_of_shop
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
        let Held { of_all, of_shops, of } = &mut *held;
        if self.shares.max_of_all - *of_all < by {
            return Err(Full::All);
        }
        let known = of.get(&self.subject).copied().unwrap_or(0);
        if known + by > max {
            return Err(Full::Subject);
        }
        let (shop, _) = &self.subject;
        let of_shop = of_shops.get(shop).copied().unwrap_or(0);
        if self.shares.max_of_shop - of_shop < by {
            return Err(Full::Shop);
        }
        of_shops.insert(shop.clone(), of_shop + by);
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
        give_back(&mut held.of_shops, &self.subject.0, self.count);
        give_back(&mut held.of, &self.subject, self.count);
    }
}

/// Takes `count` from what is held; who holds nothing is not remembered.
fn give_back<K: Eq + Hash>(held: &mut HashMap<K, usize>, whose: &K, count: usize) {
    if let Some(known) = held.get_mut(whose) {
        *known -= count;
        if *known == 0 {
            held.remove(whose);
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
        assert_eq!(shares.take(subject("carl"), 2).err(), Some(Full::Subject));
        let _other = shares.take(subject("dora"), 2).unwrap();
        drop(first);
        drop(shares.take(subject("carl"), 2).unwrap());
        assert_eq!(shares.held.lock().of.len(), 2);
        drop((_second, _other));
        let held = shares.held.lock();
        assert!(held.of.is_empty() && held.of_shops.is_empty(), "nobody is remembered for nothing");
    }

    #[test]
    fn all_together_hold_no_more_than_there_is() {
        let shares = Shares::within(10);
        let mut carl = shares.none(subject("carl"));
        carl.grow(6, 8).unwrap();
        assert_eq!(carl.grow(3, 8), Err(Full::Subject));
        let mut dora = shares.none(subject("dora"));
        assert_eq!(dora.grow(5, 8), Err(Full::All));
        dora.grow(4, 8).unwrap();
        assert_eq!(carl.grow(1, 8), Err(Full::All));
        drop(dora);
        carl.grow(2, 8).unwrap();
        drop(carl);
        assert_eq!(shares.held.lock().of_all, 0);
    }

    /// Four clerks of one shop, each with two, left other shops nothing.
    #[test]
    fn one_shop_with_its_half_leaves_the_others_theirs() {
        let shares = Shares::shared_by_shops(8);
        let of = |shop: &str, name: String| shares.take((shop.to_string(), name), 2);
        let held: Vec<Share> =
            (0..4).map(|number| of("large", format!("clerk {}", number / 2)).unwrap()).collect();
        assert_eq!(of("large", "clerk 2".to_string()).err(), Some(Full::Shop));
        assert_eq!(of("large", "clerk 0".to_string()).err(), Some(Full::Subject));
        let small: Vec<Share> =
            (0..4).map(|number| of("small", format!("clerk {number}")).unwrap()).collect();
        assert_eq!(of("third", "clerk".to_string()).err(), Some(Full::All));
        drop(held);
        of("large", "clerk 2".to_string()).unwrap();
        drop(small);
    }
}
