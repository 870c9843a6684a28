//! Passes fresh records to the WebSockets that subscribed to their conversations. Only a poke: a subscriber that
//! misses one reads it from the log, so nothing here needs to be kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::limits::SEND_QUEUE_RECORDS;
use crate::model::Record;

type Thread = (String, String);

/// One WebSocket's end of the hub.
pub struct Subscriber {
    number: u64,
    hub: Hub,
    wish: Wish,
}

/// Where a subscriber's records go, and how it learns that it was too slow for them.
#[derive(Clone)]
struct Wish {
    sender: mpsc::Sender<Arc<Record>>,
    cut_off: CancellationToken,
}

#[derive(Default)]
struct Subscriptions {
    by_thread: HashMap<Thread, HashMap<u64, Wish>>,
    threads_of: HashMap<u64, Vec<Thread>>,
    next_number: u64,
}

/// Who wants which conversation. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    subscriptions: Arc<Mutex<Subscriptions>>,
}

impl Hub {
    /// A new subscriber, wanting nothing yet, and the queue its records arrive in. When the queue is full the
    /// subscriber is forgotten and [`Subscriber::cut_off`] resolves: its reader was too slow.
    pub fn connect(&self) -> (Subscriber, mpsc::Receiver<Arc<Record>>) {
        let (sender, receiver) = mpsc::channel(SEND_QUEUE_RECORDS);
        let mut subscriptions = self.lock();
        subscriptions.next_number += 1;
        let number = subscriptions.next_number;
        let wish = Wish { sender, cut_off: CancellationToken::new() };
        (Subscriber { number, hub: self.clone(), wish }, receiver)
    }

    /// Hands records, already durable, to whoever wants them. Never waits.
    pub fn publish(&self, records: &[Arc<Record>]) {
        let mut subscriptions = self.lock();
        if subscriptions.by_thread.is_empty() {
            return;
        }
        let mut too_slow = Vec::new();
        for record in records {
            let thread = (record.shop.clone(), record.event.conversation.clone());
            let Some(wanting) = subscriptions.by_thread.get(&thread) else { continue };
            for (number, wish) in wanting {
                if wish.sender.try_send(record.clone()).is_err() {
                    wish.cut_off.cancel();
                    too_slow.push(*number);
                }
            }
        }
        for number in too_slow {
            subscriptions.remove(number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriptions {
    fn remove(&mut self, number: u64) {
        for thread in self.threads_of.remove(&number).unwrap_or_default() {
            self.remove_from(&thread, number);
        }
    }

    fn remove_from(&mut self, thread: &Thread, number: u64) {
        if let Some(wanting) = self.by_thread.get_mut(thread) {
            wanting.remove(&number);
            if wanting.is_empty() {
                self.by_thread.remove(thread);
            }
        }
    }
}

impl Subscriber {
    /// From now on, records of this conversation arrive in the queue.
    pub fn want(&self, shop: &str, conversation: &str) {
        let thread = (shop.to_string(), conversation.to_string());
        let mut subscriptions = self.hub.lock();
        let wanting = subscriptions.by_thread.entry(thread.clone()).or_default();
        if wanting.insert(self.number, self.wish.clone()).is_none() {
            subscriptions.threads_of.entry(self.number).or_default().push(thread);
        }
    }

    /// No further records of this conversation, beyond those already in the queue.
    pub fn unwant(&self, shop: &str, conversation: &str) {
        let thread = (shop.to_string(), conversation.to_string());
        let mut subscriptions = self.hub.lock();
        subscriptions.remove_from(&thread, self.number);
        if let Some(threads) = subscriptions.threads_of.get_mut(&self.number) {
            threads.retain(|known| *known != thread);
        }
    }

    /// Resolves when the hub gave up on this subscriber because its queue was full.
    pub async fn cut_off(&self) {
        self.wish.cut_off.cancelled().await;
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.lock().remove(self.number);
    }
}
