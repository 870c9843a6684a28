//! Counts open connections, and of them the WebSockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Problem;
use super::shares::{Share, Shares, subject_of};
use crate::access::Identity;
use crate::model::ErrorKind;

/// Connections open at once, where there are descriptors for them.
const CONNECTIONS_MAX: usize = 20_000;
/// Descriptors for everything else: log, tables, index, lookup, and what replaces them meanwhile.
const DESCRIPTORS_KEPT: usize = 1_024;
/// WebSockets open at once.
const WEBSOCKETS_MAX: usize = 12_000;
/// WebSockets of one customer: their devices.
const WEBSOCKETS_PER_CUSTOMER_MAX: usize = 32;
/// WebSockets of one subject of the shop: a person's windows, or all of an integration. Where there are few
/// descriptors, half of the connections that there may be.
const WEBSOCKETS_PER_SUBJECT_MAX: usize = 10_000;

/// The count of open connections.
#[derive(Clone)]
pub struct Connections {
    max: usize,
    open: Arc<Mutex<Open>>,
    websockets_of: Shares,
    known_of: Shares,
    closed: Arc<Notify>,
}

#[derive(Default)]
struct Open {
    count: usize,
    next_number: u64,
    /// Those that have shown no token yet, in the order in which they came.
    strangers: BTreeMap<u64, CancellationToken>,
    websockets: usize,
    /// Strangers who were sent away and are not gone yet.
    leaving: usize,
}

/// An open connection, no longer counted once dropped. It goes with each of its requests, and stays
/// with what a request makes of it.
pub(super) struct Connection {
    connections: Connections,
    number: u64,
    evicted: CancellationToken,
    of_subject: Mutex<Option<Share>>,
}

/// An open WebSocket, no longer counted once dropped.
pub(super) struct WebSocketSlot {
    connections: Connections,
    _of_subject: Share,
}

impl Connections {
    /// As many as `descriptors`, the process's limit, leaves room for.
    pub(super) fn within(descriptors: u64) -> Connections {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        // A process that may open few needs half of them for its files.
        let kept = DESCRIPTORS_KEPT.min(descriptors / 2);
        let max = (descriptors - kept).min(CONNECTIONS_MAX);
        Connections {
            max,
            open: Arc::default(),
            websockets_of: Shares::default(),
            known_of: Shares::default(),
            closed: Arc::default(),
        }
    }

    /// How many connections are open, and of them WebSockets.
    pub(super) fn count(&self) -> (usize, usize) {
        let open = self.open.lock();
        (open.count, open.websockets)
    }

    /// Waits until one more connection has room. Where there are too many, the stranger who came
    /// first is sent away; where nobody is a stranger, somebody has to leave.
    pub(super) async fn room(&self) {
        loop {
            let closed = self.closed.notified();
            {
                let mut open = self.open.lock();
                if open.count < self.max {
                    return;
                }
                // One at a time: the place is free once it is gone.
                if open.leaving == 0
                    && let Some((_, first)) = open.strangers.pop_first()
                {
                    first.cancel();
                    open.leaving += 1;
                }
            }
            closed.await;
        }
    }

    /// Waits until only strangers are left: nothing is owed to them.
    pub(super) async fn drained(&self) {
        loop {
            let closed = self.closed.notified();
            {
                let open = self.open.lock();
                if open.count == open.strangers.len() + open.leaving {
                    return;
                }
            }
            closed.await;
        }
    }

    /// Counts one more connection.
    pub(super) fn open(&self) -> Connection {
        let mut open = self.open.lock();
        open.count += 1;
        open.next_number += 1;
        let (number, evicted) = (open.next_number, CancellationToken::new());
        open.strangers.insert(number, evicted.clone());
        Connection { connections: self.clone(), number, evicted, of_subject: Mutex::default() }
    }

    /// Counts one more WebSocket, while there are not too many.
    pub(super) fn open_websocket(&self, identity: &Identity) -> Result<WebSocketSlot, Problem> {
        let full =
            |what: String| Err(Problem::new(ErrorKind::Retry, format!("too much at once: {what}")));
        let max = if identity.is_customer() {
            WEBSOCKETS_PER_CUSTOMER_MAX
        } else {
            WEBSOCKETS_PER_SUBJECT_MAX
        };
        let max = max.min(self.half());
        let Ok(share) = self.websockets_of.take(subject_of(identity), max) else {
            return full(format!("{max} WebSockets of `{}` are open", identity.subject));
        };
        let mut open = self.open.lock();
        if open.websockets >= WEBSOCKETS_MAX {
            return full(format!("{WEBSOCKETS_MAX} WebSockets are open"));
        }
        open.websockets += 1;
        drop(open);
        Ok(WebSocketSlot { connections: self.clone(), _of_subject: share })
    }

    /// Connections that one subject may hold beside others: of a customer, their devices' and browsers'.
    fn max_of(&self, identity: &Identity) -> usize {
        let max = if identity.is_customer() {
            2 * WEBSOCKETS_PER_CUSTOMER_MAX
        } else {
            WEBSOCKETS_PER_SUBJECT_MAX
        };
        max.min(self.half())
    }

    /// No subject has more, of whatever holds a connection.
    fn half(&self) -> usize {
        self.max.div_ceil(2)
    }
}

impl Connection {
    /// It has become a WebSocket, of which there is a bound of its own: nobody takes its place.
    pub(super) fn becomes_websocket(&self) {
        self.connections.open.lock().strangers.remove(&self.number);
    }

    /// It has shown a token: nobody takes its place, unless the subject has so many already that some
    /// of them are treated as strangers'.
    pub(super) fn becomes_known(&self, identity: &Identity) {
        let mut share = self.of_subject.lock();
        if share.is_none() {
            let max = self.connections.max_of(identity);
            *share = self.connections.known_of.take(subject_of(identity), max).ok();
            if share.is_some() {
                self.connections.open.lock().strangers.remove(&self.number);
            }
        }
    }

    /// Cancelled when it has to make room.
    pub(super) fn evicted(&self) -> CancellationToken {
        self.evicted.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.count -= 1;
        open.strangers.remove(&self.number);
        open.leaving -= usize::from(self.evicted.is_cancelled());
        drop(open);
        // Both ports may wait, for room and for an end.
        self.connections.closed.notify_waiters();
    }
}

impl Drop for WebSocketSlot {
    fn drop(&mut self) {
        self.connections.open.lock().websockets -= 1;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_stranger_who_came_first_makes_room_and_nobody_with_a_token_does() {
        let connections = Connections::within(6);
        let has_room = || connections.room().now_or_never().is_some();
        let first = connections.open();
        first.becomes_known(&crate::access::operator("s"));
        let other = crate::access::operator("other");
        let (second, third) = (connections.open(), connections.open());
        assert!(!has_room(), "three of three are open");
        assert!(second.evicted().is_cancelled(), "it came first of those that showed nothing");
        assert!(!first.evicted().is_cancelled() && !third.evicted().is_cancelled());
        assert!(!has_room(), "it is not gone yet");
        assert!(!third.evicted().is_cancelled(), "nobody else has to go for the same place");
        drop(second);
        assert!(has_room());
        let fourth = connections.open();
        third.becomes_known(&crate::access::operator("s"));
        fourth.becomes_known(&other);
        assert!(!has_room());
        assert!(!third.evicted().is_cancelled() && !fourth.evicted().is_cancelled());
    }

    #[tokio::test]
    async fn it_is_drained_when_only_strangers_are_left() {
        let connections = Connections::within(20);
        let (known, _stranger) = (connections.open(), connections.open());
        known.becomes_known(&crate::access::operator("s"));
        let draining = tokio::spawn({
            let connections = connections.clone();
            async move { connections.drained().await }
        });
        tokio::task::yield_now().await;
        assert!(!draining.is_finished());
        drop(known);
        draining.await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_room_gets_it_when_somebody_leaves() {
        let connections = Connections::within(2);
        let only = connections.open();
        only.becomes_known(&crate::access::operator("s"));
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(only);
        waiting.await.unwrap();
    }

    /// A customer held every connection there was: one answer, even a refusal, made each of them
    /// known.
    #[test]
    fn a_customer_with_too_many_connections_is_a_stranger_in_the_rest() {
        let connections = Connections::within(2_000);
        let roles = vec![crate::access::TokenRole::Customer];
        let carl = Identity { subject: "carl".to_string(), shop: "s".to_string(), roles };
        let all: Vec<Connection> = (0..100)
            .map(|_| {
                let connection = connections.open();
                connection.becomes_known(&carl);
                connection.becomes_known(&carl);
                connection
            })
            .collect();
        assert_eq!(connections.open.lock().strangers.len(), 100 - connections.max_of(&carl));
        let last = all.last().unwrap();
        last.becomes_websocket();
        assert!(!connections.open.lock().strangers.contains_key(&last.number));
        drop(all);
        connections.open().becomes_known(&carl);
        assert!(connections.open.lock().strangers.is_empty());
    }

    /// Where there were few descriptors, one subject's idle connections took all of them.
    #[test]
    fn a_subject_is_known_for_half_of_what_there_is() {
        let connections = Connections::within(200);
        let ann = crate::access::operator("s");
        let all: Vec<Connection> = (0..100)
            .map(|_| {
                let connection = connections.open();
                connection.becomes_known(&ann);
                connection
            })
            .collect();
        assert_eq!(connections.open.lock().strangers.len(), 50);
        assert!(connections.room().now_or_never().is_none());
        assert!(all[50].evicted().is_cancelled(), "it makes room for another's");
        let sockets: Vec<_> = (0..51).map(|_| connections.open_websocket(&ann)).collect();
        assert!(sockets[49].is_ok() && sockets[50].is_err());
    }
}
