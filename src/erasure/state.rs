//! What is held and what was asked to be erased, folded from the records that say so.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{ConversationKey, Erasure, Keeping, Micros, Offset, Record};

/// Who sends what verbatim itself decides: receipts, and erasures of what a shop keeps no longer.
pub const VERBATIM: &str = "verbatim";

/// The state after all records below its cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErasureState {
    pub cursor: Offset,
    /// In the order in which they were put on hold.
    pub holds: Vec<Held>,
    /// In the order in which they were asked for. Of what a shop kept no longer, only what is not done.
    pub asked: Vec<Asked>,
}

/// A conversation, and a case that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub shop: String,
    pub conversation: String,
    /// Empty where it has no name.
    pub case: String,
    pub offset: Offset,
    pub at: Micros,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An erasure in one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub shop: String,
    pub conversation: String,
    /// Of the event that asked, in as many conversations as it was about.
    pub id: String,
    pub by: String,
    #[serde(flatten)]
    pub erasure: Erasure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

/// That it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub offset: Offset,
    pub at: Micros,
    pub receipt: Value,
}

impl Asked {
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.conversation)
    }

    fn is_own(&self) -> bool {
        self.by == VERBATIM
    }
}

impl ErasureState {
    /// Moves past a record. Returns whether it changed anything.
    pub fn add(&mut self, record: &Record) -> bool {
        self.cursor = record.offset.next();
        let Some(keeping) = Keeping::of(record) else { return false };
        let (shop, event) = (&record.shop, &record.event);
        let is_here = |held: &Held| held.shop == *shop && held.conversation == event.conversation;
        let by = record.by.as_ref().map_or(&event.sender.id, |by| &by.sub).clone();
        match keeping {
            Keeping::Hold { case } => {
                if !self.holds.iter().any(|held| is_here(held) && held.case == case) {
                    self.holds.push(Held {
                        shop: shop.clone(),
                        conversation: event.conversation.clone(),
                        case,
                        offset: record.offset,
                        at: record.received_at,
                        by,
                        reason: event.text.clone(),
                    });
                }
            }
            Keeping::Release { case } => {
                self.holds.retain(|held| !(is_here(held) && held.case == case));
            }
            Keeping::Erase(erasure) => self.asked.push(Asked {
                shop: shop.clone(),
                conversation: event.conversation.clone(),
                id: event.id.clone(),
                by,
                erasure,
                done: None,
            }),
            Keeping::Done { id } => self.end(record, &id),
        }
        true
    }

    /// The cases that hold a conversation.
    pub fn cases_of(&self, shop: &str, conversation: &str) -> Vec<&str> {
        let is_here = |held: &&Held| held.shop == shop && held.conversation == conversation;
        self.holds.iter().filter(is_here).map(|held| held.case.as_str()).collect()
    }

    /// What is not done, in the order in which it was asked for.
    pub fn pending(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.done.is_none())
    }

    fn end(&mut self, record: &Record, id: &str) {
        let key = record.conversation();
        let receipt = record.event.data.as_deref();
        let receipt = receipt.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
        let receipt = receipt.map(|data| data["receipt"].clone()).unwrap_or_default();
        let done = Done { offset: record.offset, at: record.received_at, receipt };
        for asked in self.asked.iter_mut().filter(|asked| asked.id == id && asked.key() == key) {
            asked.done.get_or_insert_with(|| done.clone());
        }
        self.asked.retain(|asked| asked.done.is_none() || !asked.is_own());
    }
}
