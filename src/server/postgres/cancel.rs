//! Requests to cancel: they come on a connection of their own, with what the other was told at its
//! login.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// What a client was told: the number of its connection, and a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) number: i32,
    pub(super) secret: i32,
}

/// The statements that run, by the keys of their connections.
#[derive(Clone, Default)]
pub(super) struct Cancels {
    running: Arc<Mutex<HashMap<Key, CancellationToken>>>,
}

/// The way to cancel what runs on one connection. It ends with it.
pub(super) struct Cancel {
    cancels: Cancels,
    key: Key,
}

impl Cancels {
    /// A key of a new connection.
    pub(super) fn of_connection(&self) -> Cancel {
        let mut running = self.running.lock();
        loop {
            let key = Key { number: rand::random_range(1..i32::MAX), secret: rand::random() };
            if let std::collections::hash_map::Entry::Vacant(place) = running.entry(key) {
                place.insert(CancellationToken::new());
                return Cancel { cancels: self.clone(), key };
            }
        }
    }

    /// Cancels what runs on the connection of this key, if there is one. Nobody is told.
    pub(super) fn cancel(&self, key: Key) {
        if let Some(running) = self.running.lock().get(&key) {
            running.cancel();
        }
    }
}

impl Cancel {
    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// Begins a statement: cancelled when it is to stop. Requests that came before it are forgotten.
    pub(super) fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        self.cancels.running.lock().insert(self.key, token.clone());
        token
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.cancels.running.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reaches_the_statement_that_runs_on_its_own_connection() {
        let cancels = Cancels::default();
        let (one, other) = (cancels.of_connection(), cancels.of_connection());
        let (running, others) = (one.begin(), other.begin());
        cancels.cancel(Key { secret: one.key.secret.wrapping_add(1), ..one.key });
        assert!(!running.is_cancelled(), "a secret that is wrong");
        cancels.cancel(one.key);
        assert!(running.is_cancelled() && !others.is_cancelled());
        assert!(!one.begin().is_cancelled(), "the next statement is not meant");
        let key = other.key;
        drop((one, other));
        cancels.cancel(key);
        assert!(cancels.running.lock().is_empty());
    }
}
