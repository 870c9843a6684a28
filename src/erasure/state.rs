//! What is held and what was asked to be erased, folded from the records that say so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::model::{ConversationKey, Erasure, Keeping, Micros, Offset, Record};

/// Who sends what verbatim itself decides: receipts, and erasures of what a shop keeps no longer.
pub const VERBATIM: &str = "verbatim";

/// The state after all records below its cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErasureState {
    pub cursor: Offset,
    /// The newest record that says anything of the kind.
    pub newest: Offset,
    /// In the order in which they were put on hold.
    pub holds: Vec<Held>,
    /// What is not done, in the order in which it was asked for. The rest is in the records.
    pub pending: Vec<Asked>,
    /// Where they are of all that people ever asked for, in the same order. In a file of its own, since it
    /// grows and seldom changes.
    #[serde(skip)]
    pub listed: Arc<Vec<Listed>>,
}

/// Where the records of an erasure in one conversation are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub shop: String,
    pub conversation: String,
    pub id: String,
    pub asked: Offset,
    /// The receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Offset>,
}

/// A conversation, and a case that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    pub offset: Offset,
    pub at: Micros,
    pub receipt: Value,
}

impl Held {
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.conversation)
    }
}

impl Listed {
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.conversation)
    }

    /// What is not done.
    pub fn of(asked: &Asked) -> Listed {
        Listed {
            shop: asked.shop.clone(),
            conversation: asked.conversation.clone(),
            id: asked.id.clone(),
            asked: asked.erasure.asked,
            done: None,
        }
    }
}

impl Asked {
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(&self.shop, &self.conversation)
    }

    /// Whether verbatim asked, for what a shop keeps no longer.
    pub fn is_own(&self) -> bool {
        self.by == VERBATIM
    }

    fn of(record: &Record, erasure: Erasure) -> Asked {
        Asked {
            shop: record.shop.clone(),
            conversation: record.event.conversation.clone(),
            id: record.event.id.clone(),
            by: by(record),
            erasure,
            done: None,
        }
    }
}

impl Done {
    fn of(record: &Record) -> Done {
        let receipt = record.event.data.as_deref();
        let receipt = receipt.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
        let receipt = receipt.map(|data| data["receipt"].clone()).unwrap_or_default();
        Done { offset: record.offset, at: record.received_at, receipt }
    }
}

impl ErasureState {
    /// Moves past a record. Returns whether it changed anything.
    pub fn add(&mut self, record: &Record) -> bool {
        self.cursor = record.offset.next();
        let Some(keeping) = Keeping::of(record) else { return false };
        self.newest = record.offset;
        let (shop, event) = (&record.shop, &record.event);
        let is_here = |held: &Held| held.shop == *shop && held.conversation == event.conversation;
        match keeping {
            Keeping::Hold { case } => {
                if !self.holds.iter().any(|held| is_here(held) && held.case == case) {
                    self.holds.push(Held {
                        shop: shop.clone(),
                        conversation: event.conversation.clone(),
                        case,
                        offset: record.offset,
                        at: record.received_at,
                        by: by(record),
                        reason: event.text.clone(),
                    });
                }
            }
            Keeping::Release { case } => {
                self.holds.retain(|held| !(is_here(held) && held.case == case));
            }
            Keeping::Erase(erasure) => {
                let asked = Asked::of(record, erasure);
                if !asked.is_own() {
                    Arc::make_mut(&mut self.listed).push(Listed::of(&asked));
                }
                self.pending.push(asked);
            }
            Keeping::Done { id } => {
                let key = record.conversation();
                let is_it = |asked: &Asked| asked.id == id && asked.key() == key;
                if let Some(place) = self.pending.iter().position(is_it) {
                    let done = self.pending.remove(place);
                    self.list_done(&done, record.offset);
                }
            }
        }
        true
    }

    /// What the record at this offset asks for, where that is not done.
    pub fn pending_at(&self, asked: Offset) -> Option<&Asked> {
        let place = self.pending.binary_search_by_key(&asked, |pending| pending.erasure.asked);
        self.pending.get(place.ok()?)
    }

    fn list_done(&mut self, asked: &Asked, receipt: Offset) {
        let of = |listed: &Listed| listed.asked;
        if let Ok(place) = self.listed.binary_search_by_key(&asked.erasure.asked, of) {
            Arc::make_mut(&mut self.listed)[place].done = Some(receipt);
        }
    }

    /// The cases that hold a conversation.
    pub fn cases_of(&self, shop: &str, conversation: &str) -> Vec<&str> {
        let is_here = |held: &&Held| held.shop == shop && held.conversation == conversation;
        self.holds.iter().filter(is_here).map(|held| held.case.as_str()).collect()
    }
}

/// Every erasure that `records` ask for, in their order, and what became of it.
pub fn erasures<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    for record in records {
        match Keeping::of(record) {
            Some(Keeping::Erase(erasure)) => all.push(Asked::of(record, erasure)),
            Some(Keeping::Done { id }) => {
                let key = record.conversation();
                for asked in all.iter_mut().filter(|asked| asked.id == id && asked.key() == key) {
                    asked.done.get_or_insert_with(|| Done::of(record));
                }
            }
            _ => {}
        }
    }
    all
}

fn by(record: &Record) -> String {
    record.by.as_ref().map_or(&record.event.sender.id, |by| &by.sub).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    /// It was written whole at each commit, with every erasure there ever was.
    #[test]
    fn what_is_done_is_in_the_records_and_not_in_the_state() {
        let said = |offset: u64, rest: &str| {
            record(
                offset,
                format!(
                    r#"{{"id":"m{offset}","conversation":"c","kind":"erase","text":"asked",
                    "sender":{{"id":"boss","role":"human"}}{rest}}}"#
                ),
            )
        };
        let receipt = r#","target":"m0","data":{"receipt":{"records":2}}"#;
        let records = [said(0, ""), said(1, ""), said(2, receipt)];
        let mut state = ErasureState::default();
        records.iter().for_each(|record| assert!(state.add(record)));
        let ids = |all: &[Asked]| all.iter().map(|asked| asked.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&state.pending), ["m1"]);
        let listed: Vec<(Offset, Option<Offset>)> =
            state.listed.iter().map(|of| (of.asked, of.done)).collect();
        assert_eq!(listed, [(Offset(0), Some(Offset(2))), (Offset(1), None)]);
        let all = erasures(&records);
        assert_eq!(ids(&all), ["m0", "m1"]);
        assert_eq!(all[0].done.as_ref().unwrap().receipt["records"], 2);
        assert_eq!((all[0].by.as_str(), &all[1].done), ("boss", &None));
    }
}
