//! The conversations in which an episode is open: their states, the order in which the log's clock
//! will close them, and their rows as questions see them.
//!
//! Invariants: each open conversation has one slot in its shop and one deadline; a deadline is that
//! of the state, so the same states give the same order after a restart.
//!
//! What is here is bounded by what is really open. One open conversation takes about 1.3 KiB (`cargo
//! test --release --lib facts::tests::speed -- --nocapture` measures it), and as much again once a
//! question of its shop has been asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use rayon::prelude::*;

use super::chunk::{CHUNK_ITEMS, Chunk};
use super::row::FactRow;
use super::state::ConversationState;
use super::whose::Whose;
use crate::model::{ConversationKey, Micros, Offset, Rules};

/// Open turns, episodes and stints of one chunk.
type OpenBatches = (RecordBatch, RecordBatch, RecordBatch);
/// An empty place is one whose conversation has been closed.
type OpenChunk = Chunk<Option<Open>, OpenBatches>;

#[derive(Default)]
pub(crate) struct OpenConversations {
    shops: HashMap<Arc<str>, Shop>,
    /// By the log's clock; [`ConversationState::deadline`] says why no two are equal.
    deadlines: BTreeMap<(Micros, Offset), (Arc<str>, Arc<str>)>,
}

/// One open conversation.
#[derive(Clone, Debug)]
struct Open {
    conversation: Arc<str>,
    state: Arc<ConversationState>,
}

#[derive(Default)]
struct Shop {
    slots: HashMap<Arc<str>, Slot>,
    chunks: Vec<Arc<OpenChunk>>,
    /// Empty places, filled again before a chunk is added.
    empty: Vec<Slot>,
}

/// Where a conversation lies.
#[derive(Clone, Copy)]
struct Slot {
    chunk: usize,
    place: usize,
}

/// The open conversations of one shop at one moment: pointers.
pub(crate) struct OpenOfShop {
    shop: Arc<str>,
    chunks: Vec<Arc<OpenChunk>>,
}

/// What is open of one shop, as Arrow.
#[derive(Default)]
pub(crate) struct OpenRows {
    pub(crate) turns: Vec<RecordBatch>,
    pub(crate) episodes: Vec<RecordBatch>,
    pub(crate) stints: Vec<RecordBatch>,
}

impl OpenConversations {
    pub(crate) fn get(&self, key: &ConversationKey) -> Option<&Arc<ConversationState>> {
        let shop = self.shops.get(key.shop.as_str())?;
        let slot = shop.slots.get(key.id.as_str())?;
        let open = shop.chunks.get(slot.chunk)?.items().get(slot.place)?.as_ref()?;
        Some(&open.state)
    }

    /// Takes a conversation out, to be changed and put back.
    pub(crate) fn take(&mut self, key: &ConversationKey) -> Option<Arc<ConversationState>> {
        let state = self.shops.get_mut(key.shop.as_str())?.take(&key.id)?;
        if let Some(deadline) = state.deadline() {
            self.deadlines.remove(&deadline);
        }
        Some(state)
    }

    /// Puts a conversation in. Only an open one belongs here.
    pub(crate) fn put(&mut self, key: &ConversationKey, state: Arc<ConversationState>) {
        let Some(deadline) = state.deadline() else { return };
        let (shop, conversation) = (self.shop(&key.shop), Arc::<str>::from(key.id.as_str()));
        self.deadlines.insert(deadline, (shop.clone(), conversation.clone()));
        self.shops.entry(shop).or_default().put(Open { conversation, state });
    }

    /// The conversation whose deadline comes first, if that lies before `now`.
    pub(crate) fn first_due(&self, now: Micros) -> Option<ConversationKey> {
        let ((deadline, _), (shop, conversation)) = self.deadlines.first_key_value()?;
        (*deadline < now).then(|| ConversationKey::new(shop, conversation))
    }

    pub(crate) fn of_shop(&self, shop: &str) -> OpenOfShop {
        let chunks = self.shops.get(shop).map(|shop| shop.chunks.clone()).unwrap_or_default();
        OpenOfShop { shop: Arc::from(shop), chunks }
    }

    /// Rows of a shop's open conversations are made anew when a question asks next: its rules have changed.
    pub(crate) fn make_anew(&mut self, shop: &str) {
        for chunk in self.shops.get_mut(shop).iter_mut().flat_map(|shop| &mut shop.chunks) {
            Chunk::change(chunk);
        }
    }

    /// How many are open.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// The shop's name as it is held here, once for all its conversations.
    fn shop(&self, name: &str) -> Arc<str> {
        match self.shops.get_key_value(name) {
            Some((shop, _)) => shop.clone(),
            None => Arc::from(name),
        }
    }
}

impl Shop {
    fn take(&mut self, conversation: &str) -> Option<Arc<ConversationState>> {
        let slot = self.slots.remove(conversation)?;
        let chunk = self.chunks.get_mut(slot.chunk)?;
        let open = Chunk::change(chunk).get_mut(slot.place)?.take()?;
        self.empty.push(slot);
        Some(open.state)
    }

    fn put(&mut self, open: Open) {
        let slot = self.empty.pop().unwrap_or_else(|| self.add_place());
        if let Some(chunk) = self.chunks.get_mut(slot.chunk)
            && let Some(place) = Chunk::change(chunk).get_mut(slot.place)
        {
            self.slots.insert(open.conversation.clone(), slot);
            *place = Some(open);
        }
    }

    fn add_place(&mut self) -> Slot {
        if self.chunks.last().is_none_or(|last| last.items().len() >= CHUNK_ITEMS) {
            self.chunks.push(Arc::default());
        }
        let chunk = self.chunks.len() - 1;
        let places = Chunk::change(&mut self.chunks[chunk]);
        places.push(None);
        Slot { chunk, place: places.len() - 1 }
    }
}

impl OpenOfShop {
    /// What is open, by the shop's rules of that moment, as far as possible as an earlier question had it made.
    pub(crate) fn batches(&self, rules: &Rules) -> Result<OpenRows, ArrowError> {
        // After a start, all of them are made at once.
        let made = |chunk: &Arc<OpenChunk>| chunk.made(|open| batches(&self.shop, rules, open));
        let made: Vec<OpenBatches> = self.chunks.par_iter().map(made).collect::<Result<_, _>>()?;
        let mut rows = OpenRows::default();
        for (turns, episodes, stints) in made {
            rows.turns.push(turns);
            rows.episodes.push(episodes);
            rows.stints.push(stints);
        }
        Ok(rows)
    }
}

fn batches(shop: &str, rules: &Rules, chunk: &[Option<Open>]) -> Result<OpenBatches, ArrowError> {
    let (mut turns, mut episodes, mut stints) = (Vec::new(), Vec::new(), Vec::new());
    for Open { conversation, state } in chunk.iter().flatten() {
        let whose = Whose { shop, conversation, rules };
        turns.extend(state.open_turn(&whose));
        episodes.extend(state.open_episode(&whose));
        stints.extend(state.open_stint(&whose));
    }
    Ok((batch_of(&turns)?, batch_of(&episodes)?, batch_of(&stints)?))
}

fn batch_of<R: FactRow>(rows: &[R]) -> Result<RecordBatch, ArrowError> {
    R::batch(&rows.iter().collect::<Vec<_>>())
}
