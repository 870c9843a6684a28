//! What is asked for and not held back.

use std::collections::{HashMap, HashSet};

use super::Erasing;
use super::begun::Begun;
use super::obstacles::Obstacles;
use super::planned::Planned;
use crate::erasure::{Asked, ErasureState, Held, is_held_back, tombstones};
use crate::model::{ConversationKey, Erasure, Seq, held_by};
use crate::records::PageSize;

/// Conversations erased together: each is in memory, whole.
const CONVERSATIONS_MAX: usize = 256;

/// Some conversations of which anything is asked to be erased, in the order in which it was: those
/// that are not held, and after them those that are `stuck`, or were begun before they were held.
pub(super) fn chosen(
    state: &ErasureState,
    begun: &Begun,
    stuck: &HashSet<ConversationKey>,
) -> Vec<(ConversationKey, Vec<Asked>)> {
    let held: HashSet<ConversationKey> = state.holds.iter().map(Held::key).collect();
    let mut places: HashMap<ConversationKey, usize> = HashMap::new();
    let mut all: Vec<(ConversationKey, Vec<Asked>)> = Vec::new();
    for asked in &state.pending {
        let key = asked.key();
        if held.contains(&key) && !begun.has(&key) {
            continue;
        }
        let place = *places.entry(key.clone()).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, erasures)) => erasures.push(asked.clone()),
            None => all.push((key, vec![asked.clone()])),
        }
    }
    all.sort_by_key(|(key, _)| stuck.contains(key) || held.contains(key));
    all.truncate(CONVERSATIONS_MAX);
    all
}

impl Erasing {
    /// Reads what was chosen. What cannot be read, and what a hold keeps back, is left out.
    pub(super) fn planned(
        &self,
        chosen: Vec<(ConversationKey, Vec<Asked>)>,
        obstacles: &mut Obstacles,
    ) -> Vec<Planned> {
        let mut planned = Vec::new();
        for (key, erasures) in chosen {
            let records = match self.records.conversation(&key.shop, &key.id) {
                Ok(records) => records,
                Err(error) => {
                    let (records, tombstones) = (Vec::new(), Vec::new());
                    obstacles.add(&Planned { key, records, erasures, tombstones }, &error.into());
                    continue;
                }
            };
            let of: Vec<Erasure> = erasures.iter().map(|asked| asked.erasure.clone()).collect();
            let tombstones = tombstones(&records, &of, &self.pseudonyms);
            if !is_held_back(!held_by(&records).is_empty(), &tombstones) {
                planned.push(Planned { key, records, erasures, tombstones });
            }
        }
        planned
    }

    /// Whether a conversation is held by now.
    pub(super) fn is_held(&self, of: &Planned) -> anyhow::Result<bool> {
        let last = of.records.last().map_or(Seq(0), |record| record.seq);
        let since = self.records.after(&of.key.shop, &of.key.id, last, PageSize::WHOLE)?.records;
        Ok(!held_by(of.records.iter().chain(&since)).is_empty())
    }
}
