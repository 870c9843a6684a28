//! How many connections of the wire there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// In all: × 5.3 MiB, what a client may have a connection keep (a MiB each of a message, of what was sent ahead,
/// of prepared statements, of what they take and give, and of portals; beside them what is gathered), = 1.3 GiB.
pub(super) const CONNECTIONS_MAX: usize = 256;
/// From one address: a server of dashboards, with its pool.
pub(super) const CONNECTIONS_OF_ADDRESS_MAX: usize = 128;

#[derive(Clone, Default)]
pub(super) struct Places {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, given back once dropped.
pub(super) struct Place {
    places: Places,
    address: IpAddr,
}

impl Places {
    /// A place, unless there are too many.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock();
        let all: usize = taken.values().sum();
        let of_address = taken.get(&address).copied().unwrap_or(0);
        if all >= CONNECTIONS_MAX || of_address >= CONNECTIONS_OF_ADDRESS_MAX {
            return None;
        }
        taken.insert(address, of_address + 1);
        Some(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_the_others_half() {
        let places = Places::default();
        let [one, other, third] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let take = |address, count| (0..count).map(|_| places.take(address)).collect::<Vec<_>>();
        let mut held = take(one, CONNECTIONS_OF_ADDRESS_MAX);
        assert!(held.iter().all(Option::is_some) && places.take(one).is_none());
        held.extend(take(other, CONNECTIONS_MAX - CONNECTIONS_OF_ADDRESS_MAX));
        assert!(held.iter().all(Option::is_some) && places.take(third).is_none());
        drop(held);
        assert!(places.take(third).is_some());
        assert!(places.taken.lock().is_empty(), "nobody is remembered for nothing");
    }
}
