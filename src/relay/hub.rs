//! Passes new records to the WebSockets that subscribed to their conversations. A best-effort
//! notification: a subscriber that misses one reads it from the log, so nothing here needs to be
//! kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc;

use crate::model::{ConversationKey, Record};

/// Records waiting to be sent to one subscriber: × about 1 KiB = 256 KiB. What finds no room is
/// read from the log.
const SEND_QUEUE_RECORDS: usize = 256;

/// A durable record on its way to its subscribers, who may be thousands.
pub struct Published {
    pub record: Arc<Record>,
    /// What is sent to those who see all of it, as the first of them made it.
    pub whole: OnceLock<Bytes>,
    /// What is sent to customers.
    pub for_customers: OnceLock<Bytes>,
}

/// One WebSocket's end of the hub.
pub struct Subscriber {
    number: u64,
    hub: Hub,
    queue: Queue,
}

/// Where a subscriber's records go, and how it learns that some found no room there.
#[derive(Clone)]
struct Queue {
    sender: mpsc::Sender<Arc<Published>>,
    is_behind: Arc<AtomicBool>,
}

#[derive(Default)]
struct Subscriptions {
    by_conversation: HashMap<ConversationKey, HashMap<u64, Queue>>,
    conversations_of: HashMap<u64, Vec<ConversationKey>>,
    next_number: u64,
}

/// Who subscribed to which conversation.
#[derive(Clone, Default)]
pub struct Hub {
    subscriptions: Arc<Mutex<Subscriptions>>,
}

impl Hub {
    /// A subscriber to nothing yet, and the queue its records arrive in. Records for which
    /// the queue has no room are left out, and [`Subscriber::was_left_behind`] says so.
    pub fn connect(&self) -> (Subscriber, mpsc::Receiver<Arc<Published>>) {
        let (sender, receiver) = mpsc::channel(SEND_QUEUE_RECORDS);
        let mut subscriptions = self.lock();
        subscriptions.next_number += 1;
        let number = subscriptions.next_number;
        let queue = Queue { sender, is_behind: Arc::default() };
        (Subscriber { number, hub: self.clone(), queue }, receiver)
    }

    /// Hands records, already durable, to whoever subscribed. Never waits: one sync may bring more
    /// records than a queue has room for, however fast its reader is.
    pub fn publish(&self, records: &[Arc<Record>]) {
        let subscriptions = self.lock();
        if subscriptions.by_conversation.is_empty() {
            return;
        }
        for record in records {
            let Some(subscribed) = subscriptions.by_conversation.get(&record.conversation()) else {
                continue;
            };
            let published = Arc::new(Published::of(record));
            for queue in subscribed.values() {
                if queue.sender.try_send(published.clone()).is_err() {
                    queue.is_behind.store(true, Ordering::Release);
                    // Its reader may have emptied it just before that and wait for the next record:
                    // this is the next. Where the queue is still full, its reader is about to take
                    // a record, and looks at the mark after each.
                    let _ = queue.sender.try_send(published.clone());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock()
    }
}

impl Published {
    pub(crate) fn of(record: &Arc<Record>) -> Published {
        let (whole, for_customers) = Default::default();
        Published { record: record.clone(), whole, for_customers }
    }
}

impl Subscriptions {
    fn remove(&mut self, number: u64) {
        for key in self.conversations_of.remove(&number).unwrap_or_default() {
            self.remove_from(&key, number);
        }
    }

    fn remove_from(&mut self, key: &ConversationKey, number: u64) {
        if let Some(subscribed) = self.by_conversation.get_mut(key) {
            subscribed.remove(&number);
            if subscribed.is_empty() {
                self.by_conversation.remove(key);
            }
        }
    }
}

impl Subscriber {
    /// From now on, records of this conversation arrive in the queue.
    pub fn subscribe(&self, shop: &str, conversation: &str) {
        let key = ConversationKey::new(shop, conversation);
        let mut subscriptions = self.hub.lock();
        let subscribed = subscriptions.by_conversation.entry(key.clone()).or_default();
        if subscribed.insert(self.number, self.queue.clone()).is_none() {
            subscriptions.conversations_of.entry(self.number).or_default().push(key);
        }
    }

    /// No further records of this conversation, beyond those already in the queue.
    pub fn unsubscribe(&self, shop: &str, conversation: &str) {
        let key = ConversationKey::new(shop, conversation);
        let mut subscriptions = self.hub.lock();
        subscriptions.remove_from(&key, self.number);
        if let Some(conversations) = subscriptions.conversations_of.get_mut(&self.number) {
            conversations.retain(|known| *known != key);
        }
    }

    /// Whether records were left out since this was last asked. They are in the log.
    pub fn was_left_behind(&self) -> bool {
        self.queue.is_behind.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.lock().remove(self.number);
    }
}
