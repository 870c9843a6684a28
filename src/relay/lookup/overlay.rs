//! What is durable in the log and not written behind yet: in memory, and answered first.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Conversation, id_key};
use crate::log::Forgotten;
use crate::model::{ConversationKey, Offset, Record};

/// Records beyond the store's cursor, as the appender made them durable. Its records are shared with
/// the log's newest and with the other stores' tails; [`super::store`] bounds how many there are.
pub(super) struct Overlay {
    /// Everything below it is written.
    written_to: Offset,
    /// First offset of the log that was not added yet.
    end: Offset,
    /// By [`id_key`].
    records: HashMap<Vec<u8>, Arc<Record>>,
    /// By [`super::conversation_key`].
    standing: HashMap<Vec<u8>, Standing>,
}

/// Where a conversation stands that spoke lately.
struct Standing {
    conversation: Arc<Conversation>,
    /// Of its records in the overlay.
    offsets: Vec<Offset>,
}

/// What the overlay knows of an id.
pub(super) enum Found {
    Record(Arc<Record>),
    /// All records of its conversation are here, and none has it: no disk need be asked.
    Nowhere,
    NotHere,
}

impl Standing {
    /// Whether every record of the conversation is in the overlay: it counts them from 1.
    fn is_whole(&self) -> bool {
        self.offsets.len() == self.conversation.chain.last_seq.0 as usize
    }
}

impl Overlay {
    /// One that is empty because everything below `end` is written.
    pub(super) fn starting_at(end: Offset) -> Overlay {
        let (records, standing) = (HashMap::new(), HashMap::new());
        Overlay { written_to: end, end, records, standing }
    }

    /// First offset that was not added yet. The log lets its followers see a record a moment before
    /// the appender adds it here.
    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// First offset that is not known to be written.
    pub(super) fn written_to(&self) -> Offset {
        self.written_to
    }

    /// How many records wait to be written.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Where the id with this key was used.
    pub(super) fn find(&self, id_key: &[u8]) -> Found {
        if let Some(record) = self.records.get(id_key) {
            return Found::Record(record.clone());
        }
        let conversation = id_key.iter().rposition(|byte| *byte == 0).unwrap_or(0);
        match self.standing.get(&id_key[..conversation]) {
            Some(standing) if standing.is_whole() => Found::Nowhere,
            _ => Found::NotHere,
        }
    }

    pub(super) fn conversation(&self, key: &[u8]) -> Option<Arc<Conversation>> {
        self.standing.get(key).map(|standing| standing.conversation.clone())
    }

    /// Lets a conversation forget; false where nothing of it is here, or nothing to forget.
    pub(super) fn forget(
        &mut self,
        key: &[u8],
        of: &ConversationKey,
        forgotten: &Forgotten,
    ) -> bool {
        let Some(standing) = self.standing.get_mut(key) else { return false };
        let Some(state) = standing.conversation.forgetting(of, forgotten) else { return false };
        standing.conversation = Arc::new(state);
        true
    }

    /// The conversations whose keys begin with `prefix`, and where they stand.
    pub(super) fn standing_under(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Arc<Conversation>)> {
        let of = self.standing.iter().filter(|(key, _)| key.starts_with(prefix));
        of.map(|(key, standing)| (key.clone(), standing.conversation.clone())).collect()
    }

    pub(super) fn offsets(&self, key: &[u8]) -> Vec<Offset> {
        self.standing.get(key).map(|standing| standing.offsets.clone()).unwrap_or_default()
    }

    /// The ids with keys in `[prefix, end)`, and where their records are, in no order.
    pub(super) fn ids(&self, prefix: &[u8], end: &[u8]) -> Vec<(String, Offset)> {
        let range = prefix..end;
        let within = self.records.iter().filter(|(key, _)| range.contains(&key.as_slice()));
        within.map(|(_, record)| (record.event.id.clone(), record.offset)).collect()
    }

    /// Adds records and where their conversations stand after them: of each there is one.
    pub(super) fn add(
        &mut self,
        records: &[Arc<Record>],
        standing: impl IntoIterator<Item = (Vec<u8>, Arc<Conversation>)>,
    ) {
        for (key, conversation) in standing {
            let before = self.standing.remove(&key);
            let offsets = before.map(|standing| standing.offsets).unwrap_or_default();
            self.standing.insert(key, Standing { conversation, offsets });
        }
        for record in records {
            let (shop, event) = (&record.shop, &record.event);
            let key = id_key(shop, &event.conversation, &event.id);
            let of_conversation = key.len() - event.id.len() - 1;
            if let Some(standing) = self.standing.get_mut(&key[..of_conversation]) {
                standing.offsets.push(record.offset);
            }
            self.records.insert(key, record.clone());
            self.end = record.offset.next();
        }
    }

    /// Forgets all that lies below `end` and is written now.
    pub(super) fn forget_below(&mut self, end: Offset) {
        self.written_to = self.written_to.max(end);
        self.records.retain(|_, record| record.offset >= end);
        self.standing.retain(|_, standing| {
            standing.offsets.retain(|offset| *offset >= end);
            !standing.offsets.is_empty()
        });
    }

    /// Forgets what is written now: `records`, of which the conversations have these keys. A
    /// conversation stays while it has later records here.
    pub(super) fn remove<'a>(
        &mut self,
        records: &[Arc<Record>],
        conversations: impl Iterator<Item = &'a Vec<u8>>,
        cursor: Offset,
    ) {
        self.written_to = self.written_to.max(cursor);
        for record in records {
            let event = &record.event;
            self.records.remove(&id_key(&record.shop, &event.conversation, &event.id));
        }
        for key in conversations {
            let Some(standing) = self.standing.get_mut(key) else { continue };
            standing.offsets.retain(|offset| *offset >= cursor);
            if standing.offsets.is_empty() {
                self.standing.remove(key);
            }
        }
    }
}
