//! How many connections of the wire there are: in all and from one address, and of one shop half of either, since
//! behind a proxy all shops are of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// In all: × 5.3 MiB, what a client may have a connection keep (a MiB each of a message, of what was sent ahead,
/// of prepared statements, of what they take and give, and of portals; beside them what is gathered), = 1.3 GiB.
const CONNECTIONS_MAX: usize = 256;
/// From one address: a server of dashboards, with its pool.
const CONNECTIONS_OF_ADDRESS_MAX: usize = CONNECTIONS_MAX / 2;
/// Of one shop, and so many of them from one address.
const CONNECTIONS_OF_SHOP_MAX: usize = CONNECTIONS_MAX / 2;
const CONNECTIONS_OF_SHOP_AND_ADDRESS_MAX: usize = CONNECTIONS_OF_ADDRESS_MAX / 2;

#[derive(Clone, Default)]
pub(super) struct Places {
    /// Those that hold one, so no more than there are connections.
    taken: Arc<Mutex<HashMap<Holder, usize>>>,
}

/// A shop, and the address that its connections come from.
type Holder = (String, IpAddr);

/// One of them, given back once dropped.
pub(super) struct Place {
    places: Places,
    holder: Holder,
}

impl Places {
    /// A place, unless there are too many: the error says of what.
    pub(super) fn take(&self, shop: &str, address: IpAddr) -> Result<Place, String> {
        let mut taken = self.taken.lock();
        let (mut all, mut of_address, mut of_shop, mut of_both) = (0, 0, 0, 0);
        for ((known_shop, known_address), count) in taken.iter() {
            let (is_shop, is_address) = (known_shop == shop, *known_address == address);
            all += count;
            of_address += if is_address { *count } else { 0 };
            of_shop += if is_shop { *count } else { 0 };
            of_both += if is_shop && is_address { *count } else { 0 };
        }
        let bounds = [
            (all, CONNECTIONS_MAX, String::new()),
            (of_address, CONNECTIONS_OF_ADDRESS_MAX, format!(" from {address}")),
            (of_shop, CONNECTIONS_OF_SHOP_MAX, format!(" of `{shop}`")),
            (of_both, CONNECTIONS_OF_SHOP_AND_ADDRESS_MAX, format!(" of `{shop}` from {address}")),
        ];
        for (count, max, whose) in bounds {
            if count >= max {
                return Err(format!("{max} connections{whose} are open: close one, or try again"));
            }
        }
        let holder = (shop.to_string(), address);
        taken.insert(holder.clone(), of_both + 1);
        Ok(Place { places: self.clone(), holder })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        if let Some(count) = taken.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    /// So many places, all of which are there.
    fn held(places: &Places, shop: &str, address: IpAddr, count: usize) -> Vec<Place> {
        (0..count).map(|_| places.take(shop, address).unwrap()).collect()
    }

    /// One shop's idle connections behind a proxy left the others none.
    #[test]
    fn one_shop_leaves_the_others_half_of_an_address_and_of_all() {
        let places = Places::default();
        let refused = |shop, last| places.take(shop, address(last)).err().unwrap();
        let mut large = held(&places, "large", address(1), 64);
        assert!(refused("large", 1).starts_with("64 connections of `large` from 127.0.0.1"));
        let small = held(&places, "small", address(1), 64);
        assert!(refused("third", 1).starts_with("128 connections from 127.0.0.1"));
        large.extend(held(&places, "large", address(2), 64));
        assert!(refused("large", 3).starts_with("128 connections of `large` are"));
        let third = held(&places, "third", address(2), 64);
        assert!(refused("fourth", 3).starts_with("256 connections are"));
        drop((large, small, third));
        drop(places.take("third", address(1)).unwrap());
        assert!(places.taken.lock().is_empty(), "nobody is remembered for nothing");
    }
}
