//! Counts open WebSockets, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Problem;
use crate::model::ErrorKind;

/// WebSockets open at once, over all addresses.
const WEBSOCKETS_MAX: usize = 10_000;
/// WebSockets open at once from one address: a shop's office sits behind one.
const WEBSOCKETS_PER_ADDRESS_MAX: usize = 2_000;

/// The count of open WebSockets.
#[derive(Clone, Default)]
pub struct Connections {
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of the slots, given back when dropped.
pub(super) struct Slot {
    connections: Connections,
    address: IpAddr,
}

impl Connections {
    pub(super) fn take_slot(&self, address: IpAddr) -> Result<Slot, Problem> {
        let full =
            |what: String| Err(Problem::new(ErrorKind::Retry, format!("too much at once: {what}")));
        let mut by_address = self.by_address.lock();
        if by_address.values().sum::<usize>() >= WEBSOCKETS_MAX {
            return full(format!("{WEBSOCKETS_MAX} WebSockets are open"));
        }
        let count = by_address.entry(address).or_default();
        if *count >= WEBSOCKETS_PER_ADDRESS_MAX {
            return full(format!(
                "{WEBSOCKETS_PER_ADDRESS_MAX} WebSockets are open from {address}"
            ));
        }
        *count += 1;
        Ok(Slot { connections: self.clone(), address })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut by_address = self.connections.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
