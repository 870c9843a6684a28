//! Which bundles and packs are being made or sent. What was said lies in their files, which no erasure
//! reaches until they are gone: it waits for those that may have read what it erases.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::model::ConversationKey;

/// How long a client may take for a bundle that has what was erased since: after that it breaks off.
const SENDING_TIME_MAX: Duration = Duration::from_mins(10);

/// The leases of a service. A clone is the same.
#[derive(Clone, Default)]
pub struct Leases {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    bundles: HashMap<u64, OfBundle>,
    /// Of which something was erased, and is not done with.
    erased: HashSet<ConversationKey>,
}

struct OfBundle {
    shop: String,
    conversations: BTreeSet<String>,
    /// Those of them that may have been read before something of them was erased.
    outdated: HashSet<String>,
    outdated_since: Option<Instant>,
    ends: CancellationToken,
}

/// One bundle, with the pack that is made of it: until it is dropped, its files are there.
pub(super) struct Lease {
    leases: Leases,
    number: u64,
    ends: CancellationToken,
}

impl Leases {
    /// To be taken before the first record of a bundle is read.
    pub(super) fn take(&self, shop: &str, conversations: &BTreeSet<String>) -> Lease {
        let ends = CancellationToken::new();
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        let bundle = OfBundle {
            shop: shop.to_string(),
            conversations: conversations.clone(),
            outdated: HashSet::new(),
            outdated_since: None,
            ends: ends.clone(),
        };
        open.bundles.insert(number, bundle);
        Lease { leases: self.clone(), number, ends }
    }

    /// Something of a conversation is erased now, once until [`Leases::is_over`]: what is made from
    /// here on does not have it.
    pub fn is_erased(&self, key: &ConversationKey) {
        let mut open = self.open.lock();
        if !open.erased.insert(key.clone()) {
            return;
        }
        for bundle in open.bundles.values_mut() {
            if bundle.shop == key.shop && bundle.conversations.contains(&key.id) {
                bundle.outdated.insert(key.id.clone());
                bundle.outdated_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// That erasure is done, or another begins.
    pub fn is_over(&self, key: &ConversationKey) {
        self.open.lock().erased.remove(key);
    }

    /// Whether a bundle may have what was erased of a conversation. Ends those that take too long.
    pub fn may_have(&self, key: &ConversationKey) -> bool {
        self.may_have_after(key, SENDING_TIME_MAX)
    }

    fn may_have_after(&self, key: &ConversationKey, long: Duration) -> bool {
        let open = self.open.lock();
        let mut may_have = false;
        for bundle in open.bundles.values() {
            if bundle.shop == key.shop && bundle.outdated.contains(&key.id) {
                may_have = true;
                if bundle.outdated_since.is_some_and(|since| since.elapsed() >= long) {
                    bundle.ends.cancel();
                }
            }
        }
        may_have
    }
}

impl Lease {
    /// Cancelled when it must not be sent any longer.
    pub(super) fn ends(&self) -> CancellationToken {
        self.ends.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.open.lock().bundles.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    /// A receipt said that no file had it any more while a bundle was sent from one.
    #[test]
    fn an_erasure_waits_for_the_bundles_that_were_begun_before_it_and_no_others() {
        let leases = Leases::default();
        let key = ConversationKey::new("s", "c1");
        let before = leases.take("s", &names(&["c1", "c2"]));
        let _other = leases.take("s", &names(&["c2"]));
        let _stranger = leases.take("t", &names(&["c1"]));
        assert!(!leases.may_have(&key), "nothing is erased yet");
        leases.is_erased(&key);
        let after = leases.take("s", &names(&["c1"]));
        leases.is_erased(&key);
        assert!(leases.may_have(&key));
        assert!(!leases.may_have(&ConversationKey::new("s", "c2")));
        drop(before);
        assert!(!leases.may_have(&key), "what was begun after it does not have it");
        // Something else of it is erased: what did not have the one may have the other.
        leases.is_over(&key);
        leases.is_erased(&key);
        assert!(leases.may_have(&key));
        drop(after);
        assert!(!leases.may_have(&key));
    }

    #[test]
    fn a_bundle_that_takes_too_long_ends_and_others_go_on() {
        let leases = Leases::default();
        let key = ConversationKey::new("s", "c1");
        let slow = leases.take("s", &names(&["c1"]));
        let other = leases.take("s", &names(&["c2"]));
        leases.is_erased(&key);
        assert!(leases.may_have(&key) && !slow.ends().is_cancelled());
        assert!(leases.may_have_after(&key, Duration::ZERO), "until its files are gone");
        assert!(slow.ends().is_cancelled() && !other.ends().is_cancelled());
    }
}
