//! The fold over the log: each record is folded into its conversation, after the log's clock, which
//! is the time at which that record was received, has closed what has gone idle.
//!
//! Invariants: the same records, from the same states on, give the same rows, whatever is committed
//! or restarted in between; what is due is closed in the order of deadlines, and at equal ones in
//! the order of last activities; a conversation that is due is never changed by a record of its own
//! before it is closed. Records in the conversations of a shop's administration (their names begin
//! with `@`) move the clock, set rules, and enter nothing else.
//! It reads and writes no store: who feeds it fetches the states of conversations it does not hold.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use super::change_row::ChangeRow;
use super::closer::Closer;
use super::fold::{close_idle, fold};
use super::open::OpenConversations;
use super::rows::Facts;
use super::settled::{Settled, TableCursors};
use super::state::ConversationState;
use super::whose::Whose;
use crate::log::Forgotten;
use crate::model::{ConversationKey, RESERVED_PREFIX, Record, Rules, RulesChange};

/// Most conversations that one record closes: × 3 µs = 25 ms, in which a question waits. What is
/// left is closed by the records that follow: a hundred of them for a million conversations that
/// were imported together.
const CLOSED_BY_ONE_RECORD_MAX: usize = 8_192;

#[derive(Default)]
pub(crate) struct LogFold {
    pub(crate) open: OpenConversations,
    /// Final rows that wait for a commit.
    pub(crate) settled: Settled,
    rules: RulesOfShops,
    changed: Changed,
    /// Reused for each record.
    facts: Facts,
}

#[derive(Default)]
struct RulesOfShops {
    set: HashMap<String, Rules>,
    /// Those of a shop that has set none.
    usual: Rules,
}

/// What changed since the last commit.
#[derive(Default)]
struct Changed {
    /// Conversations that are open now.
    open: HashSet<ConversationKey>,
    /// Conversations in which nothing is open now, whole: they are kept nowhere else in memory.
    resting: HashMap<ConversationKey, Arc<ConversationState>>,
    /// Shops whose rules changed.
    rules: HashSet<String>,
}

/// What is to be stored at a commit: pointers.
pub(crate) struct Uncommitted {
    pub(crate) open: Vec<(ConversationKey, Arc<ConversationState>)>,
    pub(crate) resting: Vec<(ConversationKey, Arc<ConversationState>)>,
    pub(crate) rules: Vec<(String, Rules)>,
}

impl LogFold {
    /// One in which nothing is open, under these rules.
    pub(crate) fn new(rules: HashMap<String, Rules>) -> LogFold {
        let rules = RulesOfShops { set: rules, usual: Rules::default() };
        LogFold { rules, ..LogFold::default() }
    }

    /// Goes on with an open conversation as it was stored.
    pub(crate) fn go_on_with(&mut self, key: &ConversationKey, state: ConversationState) {
        self.open.put(key, Arc::new(state));
    }

    /// Whether the state of a conversation is here. What is not must be brought by
    /// [`LogFold::bring`] before a record of it is folded.
    pub(crate) fn has(&self, key: &ConversationKey) -> bool {
        self.open.get(key).is_some() || self.changed.resting.contains_key(key)
    }

    /// Brings the stored state of a conversation in which nothing is open.
    pub(crate) fn bring(&mut self, key: ConversationKey, state: ConversationState) {
        self.changed.resting.insert(key, Arc::new(state));
    }

    /// Folds the next record of the log. `change` is what it does to a message, where it does.
    pub(crate) fn fold(
        &mut self,
        record: &Record,
        change: Option<ChangeRow>,
        tables: &TableCursors,
    ) {
        self.close_what_is_due(record);
        if let Some(change) = RulesChange::of(record) {
            let rules = self.rules_of(&record.shop).with(&change);
            self.rules.set.insert(record.shop.clone(), rules);
            self.open.make_anew(&record.shop);
            self.changed.rules.insert(record.shop.clone());
        }
        if !is_reserved(&record.event.conversation) {
            self.facts.changes.extend(change);
            self.fold_into_its_conversation(record);
        }
        self.settled.take(&mut self.facts, tables);
    }

    fn close_what_is_due(&mut self, record: &Record) {
        for _ in 0..CLOSED_BY_ONE_RECORD_MAX {
            let Some(key) = self.open.first_due(record.received_at) else { return };
            let Some(mut state) = self.open.take(&key) else { return };
            let by = Closer::of(record);
            let rules = self.rules.of(&key.shop);
            let whose = Whose { shop: &key.shop, conversation: &key.id, rules };
            close_idle(Arc::make_mut(&mut state), &whose, by, &mut self.facts);
            self.put(key, state);
        }
    }

    fn fold_into_its_conversation(&mut self, record: &Record) {
        let key = record.conversation();
        let rules = self.rules.of(&record.shop);
        let resting = || self.changed.resting.remove(&key).unwrap_or_default();
        let mut state = self.open.take(&key).unwrap_or_else(resting);
        fold(Arc::make_mut(&mut state), record, rules, &mut self.facts);
        self.put(key, state);
    }

    fn put(&mut self, key: ConversationKey, state: Arc<ConversationState>) {
        if state.is_open() {
            self.open.put(&key, state);
            self.changed.open.insert(key);
        } else {
            self.changed.open.remove(&key);
            self.changed.resting.insert(key, state);
        }
    }

    /// Takes out what changed since the last time. What rests is then no longer here.
    pub(crate) fn take_uncommitted(&mut self) -> Uncommitted {
        let Changed { open, resting, rules } = mem::take(&mut self.changed);
        let state_of = |key: ConversationKey| self.open.get(&key).map(|state| (key, state.clone()));
        Uncommitted {
            open: open.into_iter().filter_map(state_of).collect(),
            resting: resting.into_iter().collect(),
            rules: rules.into_iter().map(|shop| (shop.clone(), self.rules_of(&shop))).collect(),
        }
    }

    /// Lets an open conversation forget. What rests is stored: nothing else of it is here after a
    /// commit.
    pub(crate) fn forget(&mut self, key: &ConversationKey, forgotten: &Forgotten) {
        let Some(state) = self.open.get(key).and_then(|state| state.forgetting(key, forgotten))
        else {
            return;
        };
        drop(self.open.take(key));
        self.open.put(key, Arc::new(state));
    }

    /// The rules of the shops that let a model tag.
    pub(crate) fn classifying(&self) -> Vec<(String, Rules)> {
        let classify = self.rules.set.iter().filter(|(_, rules)| rules.classifier.is_some());
        classify.map(|(shop, rules)| (shop.clone(), rules.clone())).collect()
    }

    /// The rules of a shop now.
    pub(crate) fn rules_of(&self, shop: &str) -> Rules {
        self.rules.of(shop).clone()
    }
}

impl RulesOfShops {
    fn of(&self, shop: &str) -> &Rules {
        self.set.get(shop).unwrap_or(&self.usual)
    }
}

/// Whether a conversation is one of the shop's administration.
pub(crate) fn is_reserved(conversation: &str) -> bool {
    conversation.starts_with(RESERVED_PREFIX)
}
