//! Passes fresh records to the WebSockets that subscribed to their conversations. Only a poke: a subscriber that
//! misses one reads it from the log, so nothing here needs to be kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::limits::SEND_QUEUE_RECORDS;
use crate::model::Record;

type Thread = (String, String);

/// One WebSocket's end of the hub.
pub struct Subscriber {
    number: u64,
    hub: Hub,
    wish: Wish,
}

/// Where a subscriber's records go, and how it learns that some found no room there.
#[derive(Clone)]
struct Wish {
    sender: mpsc::Sender<Arc<Record>>,
    is_behind: Arc<AtomicBool>,
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
    /// A new subscriber, wanting nothing yet, and the queue its records arrive in. Records for which
    /// the queue has no room are left out, and [`Subscriber::was_left_behind`] says so.
    pub fn connect(&self) -> (Subscriber, mpsc::Receiver<Arc<Record>>) {
        let (sender, receiver) = mpsc::channel(SEND_QUEUE_RECORDS);
        let mut subscriptions = self.lock();
        subscriptions.next_number += 1;
        let number = subscriptions.next_number;
        let wish = Wish { sender, is_behind: Arc::default() };
        (Subscriber { number, hub: self.clone(), wish }, receiver)
    }

    /// Hands records, already durable, to whoever wants them. Never waits: one sync may bring more records than a queue
    /// has room for, however fast its reader is.
    pub fn publish(&self, records: &[Arc<Record>]) {
        let subscriptions = self.lock();
        if subscriptions.by_thread.is_empty() {
            return;
        }
        for record in records {
            let thread = (record.shop.clone(), record.event.conversation.clone());
            for wish in subscriptions.by_thread.get(&thread).into_iter().flat_map(HashMap::values) {
                if wish.sender.try_send(record.clone()).is_err() {
                    // Set while the queue is full, so that its reader comes by and sees it.
                    wish.is_behind.store(true, Ordering::Release);
                }
            }
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

    /// Whether records were left out since this was last asked. They are in the log.
    pub fn was_left_behind(&self) -> bool {
        self.wish.is_behind.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.lock().remove(self.number);
    }
}
