//! What the appender must know to place an event: was this id seen, and where does this
//! conversation stand. Derived from the log and never synced on its own; opening it reads what the
//! log has beyond its cursor.
//!
//! ```text
//! ids            shop 0 conversation 0 id   → offset u64 ‖ seq u32 ‖ received_at i64 ‖ leaf[32] ‖ fingerprint[8] ‖ role u8 ‖ sender[8]
//! conversations  shop 0 conversation        → JSON of [`Conversation`]
//! threads        shop 0 conversation 0 seq u32 → offset u64
//! meta           "cursor"                   → u64                       integers big-endian
//! ```
//! The zero byte separates because no id holds a control character. One atomic write per batch,
//! cursor included.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::RelayError;
use crate::log::LogReader;
use crate::model::{Ack, Chain, Fingerprint, LeafHash, Micros, Offset, Record, Role, Seq};

/// Records applied in one write while catching up.
const CATCH_UP_RECORDS: usize = 4_096;
/// Customers remembered as taking part in one conversation.
const CUSTOMERS_MAX: usize = 32;
const CURSOR_KEY: &str = "cursor";
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    pub chain: Chain,
    /// Ids of the customers who take part, in order of appearance.
    pub customers: Vec<String>,
}

/// What is kept of a record to answer its id again and to judge edits of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: Offset,
    pub seq: Seq,
    pub received_at: Micros,
    pub leaf: LeafHash,
    pub fingerprint: Fingerprint,
    pub role: Role,
    /// First 8 bytes of the SHA-256 of the sender's id: enough to distinguish senders.
    pub sender: [u8; 8],
}

/// The lookup store.
#[derive(Clone)]
pub struct Lookup {
    database: Database,
    ids: Keyspace,
    conversations: Keyspace,
    threads: Keyspace,
    meta: Keyspace,
    path: String,
}

impl Lookup {
    /// Opens the store in `dir` and applies what the log has beyond its cursor.
    pub fn open(dir: &Path, log: &LogReader) -> Result<Lookup, RelayError> {
        let database = Database::builder(dir).cache_size(CACHE_BYTES).worker_threads(1).open()?;
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        let lookup = Lookup {
            ids: keyspace("ids")?,
            conversations: keyspace("conversations")?,
            threads: keyspace("threads")?,
            meta: keyspace("meta")?,
            path: dir.display().to_string(),
            database,
        };
        lookup.catch_up(log)?;
        Ok(lookup)
    }

    /// First offset this store has not seen.
    pub fn cursor(&self) -> Result<Offset, RelayError> {
        match self.meta.get(CURSOR_KEY)? {
            None => Ok(Offset(0)),
            Some(bytes) => Ok(Offset(u64::from_be_bytes(self.fixed(&bytes, "cursor")?))),
        }
    }

    /// What is known of an id, if it was used, by its [`key_of`] shop, conversation and id.
    pub fn seen(&self, key: &[u8]) -> Result<Option<Seen>, RelayError> {
        self.ids
            .get(key)?
            .map(|bytes| Seen::decode(&bytes).ok_or_else(|| self.damaged("an entry of ids")))
            .transpose()
    }

    /// Where a conversation stands, if it exists.
    pub fn conversation(
        &self,
        shop: &str,
        conversation: &str,
    ) -> Result<Option<Conversation>, RelayError> {
        self.conversation_at(&key_of(&[shop, conversation]))
    }

    /// Where a conversation stands, by its [`key_of`] shop and conversation.
    pub fn conversation_at(&self, key: &[u8]) -> Result<Option<Conversation>, RelayError> {
        let Some(bytes) = self.conversations.get(key)? else { return Ok(None) };
        let state =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(&error.to_string()))?;
        Ok(Some(state))
    }

    /// Offsets of a conversation's records with seq above `after`, in order, at most `count_max`.
    pub fn offsets(
        &self,
        shop: &str,
        conversation: &str,
        after: Seq,
        count_max: usize,
    ) -> Result<Vec<Offset>, RelayError> {
        let prefix = key_of(&[shop, conversation, ""]);
        let bound = |seq: u32| [prefix.as_slice(), &seq.to_be_bytes()].concat();
        let range = bound(after.0.saturating_add(1))..=bound(u32::MAX);
        let mut offsets = Vec::new();
        for entry in self.threads.range(range).take(count_max) {
            offsets.push(Offset(u64::from_be_bytes(
                self.fixed(&entry.value()?, "an entry of threads")?,
            )));
        }
        Ok(offsets)
    }

    /// Adds records that the log holds, which begin at the cursor.
    fn apply(&self, records: &[(Arc<Record>, Fingerprint)]) -> Result<(), RelayError> {
        let mut touched: HashMap<Vec<u8>, Conversation> = HashMap::new();
        for (record, _) in records {
            let state = match touched.entry(key_of(&[&record.shop, &record.event.conversation])) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let state = self.conversation(&record.shop, &record.event.conversation)?;
                    entry.insert(state.unwrap_or_default())
                }
            };
            state.add(record);
        }
        self.put(records, touched)
    }

    /// Adds records that the log holds, which begin at the cursor, with the states of their
    /// conversations after them, in one atomic write.
    pub fn put(
        &self,
        records: &[(Arc<Record>, Fingerprint)],
        states: HashMap<Vec<u8>, Conversation>,
    ) -> Result<(), RelayError> {
        let mut batch = self.database.batch();
        for (record, fingerprint) in records {
            let event = &record.event;
            let id_key = key_of(&[&record.shop, &event.conversation, &event.id]);
            let thread_key = &id_key[..id_key.len() - event.id.len()];
            let thread_entry = [thread_key, &record.seq.0.to_be_bytes()].concat();
            batch.insert(&self.ids, id_key, Seen::of(record, *fingerprint).encode());
            batch.insert(&self.threads, thread_entry, record.offset.0.to_be_bytes());
        }
        for (key, state) in states {
            let json =
                serde_json::to_vec(&state).map_err(|error| self.damaged(&error.to_string()))?;
            batch.insert(&self.conversations, key, json);
        }
        if let Some((last, _)) = records.last() {
            batch.insert(&self.meta, CURSOR_KEY, last.offset.next().0.to_be_bytes());
        }
        Ok(batch.commit()?)
    }

    fn catch_up(&self, log: &LogReader) -> Result<(), RelayError> {
        let cursor = self.cursor()?;
        if cursor > log.head() {
            let detail = format!("its cursor {cursor} lies beyond the log's head {}", log.head());
            return Err(self.damaged(&detail));
        }
        let mut scan = log.scan(cursor);
        loop {
            let records = scan.next_batch(CATCH_UP_RECORDS)?.into_records();
            if records.is_empty() {
                return Ok(());
            }
            let fingerprint =
                |record: &Record| Fingerprint::of(&record.shop, record.origin, &record.event);
            let records: Vec<_> =
                records.into_iter().map(|record| (record.clone(), fingerprint(&record))).collect();
            self.apply(&records)?;
        }
    }

    fn fixed<const N: usize>(&self, bytes: &[u8], what: &str) -> Result<[u8; N], RelayError> {
        bytes
            .try_into()
            .map_err(|_| self.damaged(&format!("{what} has {} bytes, want {N}", bytes.len())))
    }

    fn damaged(&self, detail: &str) -> RelayError {
        RelayError::LookupDamaged { path: self.path.clone(), detail: detail.to_string() }
    }
}

impl Conversation {
    /// Moves the state past `record`.
    pub fn add(&mut self, record: &Record) {
        self.chain.add(record.leaf);
        let sender = &record.event.sender;
        let is_new = sender.role == Role::Customer && !self.customers.contains(&sender.id);
        if is_new && self.customers.len() < CUSTOMERS_MAX {
            self.customers.push(sender.id.clone());
        }
    }
}

impl Seen {
    const BYTES: usize = 8 + 4 + 8 + 32 + 8 + 1 + 8;

    /// What is kept of `record`.
    pub fn of(record: &Record, fingerprint: Fingerprint) -> Seen {
        Seen {
            offset: record.offset,
            seq: record.seq,
            received_at: record.received_at,
            leaf: record.leaf,
            fingerprint,
            role: record.event.sender.role,
            sender: sender_mark(&record.event.sender.id),
        }
    }

    /// The ack that was given for it.
    pub fn ack(&self, id: &str) -> Ack {
        Ack {
            id: id.to_string(),
            offset: self.offset,
            seq: self.seq,
            received_at: self.received_at,
            leaf: self.leaf,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Seen::BYTES);
        bytes.extend_from_slice(&self.offset.0.to_be_bytes());
        bytes.extend_from_slice(&self.seq.0.to_be_bytes());
        bytes.extend_from_slice(&self.received_at.0.to_be_bytes());
        bytes.extend_from_slice(&self.leaf.0);
        bytes.extend_from_slice(&self.fingerprint.0);
        bytes.push(self.role as u8);
        bytes.extend_from_slice(&self.sender);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Seen> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (received_at, rest) = rest.split_first_chunk()?;
        let (leaf, rest) = rest.split_first_chunk()?;
        let (fingerprint, rest) = rest.split_first_chunk()?;
        let (role, sender) = rest.split_first()?;
        Some(Seen {
            offset: Offset(u64::from_be_bytes(*offset)),
            seq: Seq(u32::from_be_bytes(*seq)),
            received_at: Micros(i64::from_be_bytes(*received_at)),
            leaf: LeafHash(*leaf),
            fingerprint: Fingerprint(*fingerprint),
            role: Role::from_repr(*role)?,
            sender: sender.try_into().ok()?,
        })
    }
}

/// See [`Seen::sender`].
pub fn sender_mark(id: &str) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    std::array::from_fn(|index| digest[index])
}

/// The key of an id (shop, conversation, id) or a conversation (shop, conversation).
pub fn key_of(parts: &[&str]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_round_trips() {
        let seen = Seen {
            offset: Offset(7),
            seq: Seq(3),
            received_at: Micros(1_700_000_000_000_000),
            leaf: LeafHash([9; 32]),
            fingerprint: Fingerprint([4; 8]),
            role: Role::Bot,
            sender: sender_mark("bot-1"),
        };
        let bytes = seen.encode();
        assert_eq!(bytes.len(), Seen::BYTES);
        assert_eq!(Seen::decode(&bytes), Some(seen));
        assert_eq!(Seen::decode(&bytes[1..]), None);
    }
}
