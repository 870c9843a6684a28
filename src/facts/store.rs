//! The store that folds records into `turns` and `episodes`, and the reader through which questions
//! see both.
//!
//! There are three cursors: one in each Delta table and one with the states. A commit moves
//! `turns`, then `episodes`, then the states. After a crash in between, records are folded again
//! from the states' cursor; the fold is deterministic and each row names the record that closed it,
//! so rows a table has already are left out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use parking_lot::Mutex;

use super::states::States;
use super::{
    ConversationState, EpisodeRow, Facts, FactsError, FoldConfig, TurnRow, episodes_batch,
    episodes_schema, fold, turns_batch, turns_schema,
};
use crate::log::{Batch, LogError, LogReader, Slot, Store};
use crate::model::{ConversationKey, Micros, Offset};
use crate::table::{Maintenance, Table, TableOptions, TableSnapshot};

/// The folder of all Delta tables.
const TABLES_FOLDER: &str = "archive";
/// The state of each conversation's fold.
const STATES_FOLDER: &str = "facts";
/// Records folded at once while catching up with the tables.
const CATCH_UP_RECORDS: usize = 4_096;

const ROWS: TableOptions =
    TableOptions { sort: &["shop", "conversation"], encodings: &[], bloom: &["conversation"] };

/// What questions about turns and episodes are answered from, at one moment.
pub struct FactsSnapshot {
    pub turns: TableSnapshot,
    pub episodes: TableSnapshot,
    /// Rows the tables do not have: closed since their commit, or still open.
    pub turns_tail: RecordBatch,
    pub episodes_tail: RecordBatch,
    /// First offset not folded.
    pub applied: Offset,
}

/// What questions hold.
#[derive(Clone, Default)]
pub struct FactsReader {
    slot: Slot<Shown>,
}

/// What the store changes and questions read.
struct Shown {
    turns: TableSnapshot,
    episodes: TableSnapshot,
    /// Closed rows waiting for a commit.
    closed: Facts,
    /// States of conversations with something open. Those of millions of conversations that never
    /// end would be held here: imports of transcripts without a resolve are such.
    open: HashMap<ConversationKey, ConversationState>,
    applied: Offset,
    /// Batches made for an earlier question, good until the next record.
    tails: Option<(RecordBatch, RecordBatch)>,
}

/// Folds records and writes the rows they close.
pub struct FactStore {
    config: FoldConfig,
    turns: Table,
    episodes: Table,
    turns_maintenance: Maintenance,
    episodes_maintenance: Maintenance,
    states: States,
    /// States changed since the last commit.
    changed: HashMap<ConversationKey, ConversationState>,
    shown: Arc<Mutex<Shown>>,
}

impl FactsReader {
    /// Tables and tails of this moment.
    pub fn snapshot(&self) -> Result<FactsSnapshot, FactsError> {
        let shown = self.slot.current(FactStore::NAME)?;
        let mut shown = shown.lock();
        let (turns_tail, episodes_tail) = shown.tails()?;
        Ok(FactsSnapshot {
            turns: shown.turns.clone(),
            episodes: shown.episodes.clone(),
            turns_tail,
            episodes_tail,
            applied: shown.applied,
        })
    }
}

impl Shown {
    fn tails(&mut self) -> Result<(RecordBatch, RecordBatch), FactsError> {
        if let Some(tails) = &self.tails {
            return Ok(tails.clone());
        }
        let mut turns = self.closed.turns.clone();
        let mut episodes = self.closed.episodes.clone();
        for (ConversationKey { shop, id }, state) in &self.open {
            turns.extend(state.open_turn(shop, id));
            episodes.extend(state.open_episode(shop, id));
        }
        let tails = (turns_batch(&turns)?, episodes_batch(&episodes)?);
        self.tails = Some(tails.clone());
        Ok(tails)
    }
}

impl FactStore {
    /// Where a crash left the states behind the tables, they are brought up from the log before any
    /// question can see a row both open and closed.
    async fn catch_up_with_tables(&mut self, log: &LogReader) -> Result<(), FactsError> {
        let tables = self.turns.cursor().max(self.episodes.cursor());
        if tables > log.head() {
            return Err(FactsError::BeyondLog { tables, head: log.head() });
        }
        let mut scan = log.scan(self.applied());
        while self.applied() < tables {
            let count = usize::try_from(tables.since(self.applied())).unwrap_or(CATCH_UP_RECORDS);
            self.fold(scan.next_batch(count.min(CATCH_UP_RECORDS))?)?;
        }
        Ok(())
    }

    fn fold(&mut self, batch: Batch) -> Result<(), FactsError> {
        if batch.start() != self.applied() {
            let (expected, got) = (self.applied(), batch.start());
            return Err(LogError::Gap { expected, got }.into());
        }
        // States are read before the lock is taken, so that a question never waits for the store.
        let mut keys = Vec::with_capacity(batch.len());
        for record in batch.records() {
            let key = record.conversation();
            if !self.changed.contains_key(&key) {
                let state = self.states.get(&key)?;
                self.changed.insert(key.clone(), state);
            }
            keys.push(key);
        }
        let mut shown = self.shown.lock();
        for (record, key) in batch.records().iter().zip(&keys) {
            if let Some(state) = self.changed.get_mut(key) {
                fold(state, record, &self.config, &mut shown.closed);
            }
        }
        shown.applied = batch.end();
        // Copied once for each conversation, as it stands after all of its records.
        for key in keys.into_iter().collect::<HashSet<ConversationKey>>() {
            match self.changed.get(&key) {
                Some(state) if state.is_open() => drop(shown.open.insert(key, state.clone())),
                _ => drop(shown.open.remove(&key)),
            }
        }
        let (turns_at, episodes_at) = (self.turns.cursor(), self.episodes.cursor());
        let is_new = |closed: Option<Offset>, cursor| closed.is_some_and(|offset| offset >= cursor);
        shown.closed.turns.retain(|row| is_new(row.closed_offset, turns_at));
        shown.closed.episodes.retain(|row| is_new(row.closed_offset, episodes_at));
        shown.tails = None;
        Ok(())
    }

    /// Shows questions the tables as committed, and takes out of the tail what they now hold.
    fn publish(&self) {
        let mut shown = self.shown.lock();
        shown.turns = self.turns.snapshot();
        shown.episodes = self.episodes.snapshot();
        shown.closed = Facts::default();
        shown.tails = None;
    }
}

impl Store for FactStore {
    const NAME: &'static str = "facts";
    const FOLDERS: &'static [&'static str] = &["archive/turns", "archive/episodes", STATES_FOLDER];

    type Error = FactsError;
    type Options = FoldConfig;
    type Reader = FactsReader;

    async fn open(
        root: &Path,
        log: &LogReader,
        config: &FoldConfig,
        reader: &FactsReader,
    ) -> Result<FactStore, FactsError> {
        let folder = root.join(TABLES_FOLDER);
        let turns = Table::open_or_create(&folder, "turns", turns_schema(), ROWS).await?;
        let episodes = Table::open_or_create(&folder, "episodes", episodes_schema(), ROWS).await?;
        let states = States::open(&root.join(STATES_FOLDER))?;
        let applied = states.cursor()?;
        if applied > turns.cursor() || applied > episodes.cursor() {
            let (turns, episodes) = (turns.cursor(), episodes.cursor());
            return Err(FactsError::StatesAhead { turns, episodes, states: applied });
        }
        let shown = Shown {
            turns: turns.snapshot(),
            episodes: episodes.snapshot(),
            closed: Facts::default(),
            open: states.open_ones()?.into_iter().collect(),
            applied,
            tails: None,
        };
        let mut store = FactStore {
            config: *config,
            turns,
            episodes,
            turns_maintenance: Maintenance::default(),
            episodes_maintenance: Maintenance::default(),
            states,
            changed: HashMap::new(),
            shown: Arc::new(Mutex::new(shown)),
        };
        store.catch_up_with_tables(log).await?;
        reader.slot.show(store.shown.clone());
        Ok(store)
    }

    fn applied(&self) -> Offset {
        self.shown.lock().applied
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), FactsError> {
        self.fold(batch)
    }

    async fn commit(&mut self) -> Result<Offset, FactsError> {
        let (closed, applied) = {
            let shown = self.shown.lock();
            (shown.closed.clone(), shown.applied)
        };
        // A table that is ahead has these rows already: the states are catching up after a crash.
        if applied > self.turns.cursor() {
            let rows = by_day(closed.turns, |row: &TurnRow| row.waiting_since, turns_batch)?;
            self.turns.commit(rows, self.turns.cursor(), applied).await?;
        }
        if applied > self.episodes.cursor() {
            let rows = by_day(closed.episodes, |row: &EpisodeRow| row.started_at, episodes_batch)?;
            self.episodes.commit(rows, self.episodes.cursor(), applied).await?;
        }
        self.publish();
        self.states.put(self.changed.iter(), applied)?;
        self.changed.clear();
        self.turns_maintenance.after_commit(&mut self.turns).await?;
        self.episodes_maintenance.after_commit(&mut self.episodes).await?;
        self.publish();
        Ok(applied)
    }
}

/// One batch for each UTC day on which a row began.
fn by_day<R>(
    rows: Vec<R>,
    began: impl Fn(&R) -> Micros,
    batch: impl Fn(&[R]) -> Result<RecordBatch, arrow::error::ArrowError>,
) -> Result<Vec<(NaiveDate, RecordBatch)>, FactsError> {
    let mut days: BTreeMap<NaiveDate, Vec<R>> = BTreeMap::new();
    for row in rows {
        days.entry(began(&row).day()).or_default().push(row);
    }
    days.into_iter().map(|(day, rows)| Ok((day, batch(&rows)?))).collect()
}
