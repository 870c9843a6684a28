//! The follower that folds records into `turns` and `episodes`, and the handle through which questions see both.
//!
//! There are three cursors: one in each Delta table and one with the states. A commit moves `turns`, then `episodes`,
//! then the states. After a crash in between, records are folded again from the states' cursor; the fold is
//! deterministic and each row names the record that closed it, so rows a table has already are left out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use chrono::NaiveDate;

use super::states::{States, Thread};
use super::{
    ConversationState, EpisodeRow, Facts, FoldConfig, TurnRow, episodes_batch, episodes_schema,
    fold, turns_batch, turns_schema,
};
use crate::log::{LogError, LogReader, Sink};
use crate::model::{ErrorKind, Kinded, Micros, Offset, Record};
use crate::table::{Table, TableError, TableOptions, TableSnapshot, Upkeep};

/// Records folded at once while catching up with the tables.
const CATCH_UP_RECORDS: usize = 4_096;

const ROWS: TableOptions = TableOptions {
    sort: &["shop", "conversation"],
    unique: &[],
    hashes: &[],
    bloom: &["conversation"],
};

#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the states of the fold cannot be read or written: {0}")]
    States(#[from] fjall::Error),
    #[error(
        "the states of the fold in `{path}` are damaged: {detail}; delete that folder and those of turns and episodes, and they are made anew from the log"
    )]
    StatesDamaged { path: String, detail: String },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(
        "the tables `turns` and `episodes` reach to {tables}, beyond the log's head {head}: the log was cut, or they belong to another"
    )]
    BeyondLog { tables: Offset, head: Offset },
    #[error("cannot make a batch of rows: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(
        "the tables `turns` and `episodes` stand at {turns} and {episodes}, before their states at {states}; delete the folders of both and that of the states, `facts`, and all are made anew from the log"
    )]
    StatesAhead { turns: Offset, episodes: Offset, states: Offset },
}

impl Kinded for FactsError {
    fn kind(&self) -> ErrorKind {
        match self {
            FactsError::Table(error) => error.kind(),
            FactsError::States(_) => ErrorKind::Retry,
            FactsError::Log(error) => error.kind(),
            FactsError::StatesDamaged { .. }
            | FactsError::StatesAhead { .. }
            | FactsError::BeyondLog { .. } => ErrorKind::Corrupt,
            FactsError::Arrow(_) => ErrorKind::Bug,
        }
    }
}

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

/// What questions hold. Cheap to clone.
#[derive(Clone)]
pub struct FactsHandle {
    shared: Arc<Mutex<Shared>>,
}

/// What the follower changes and questions read.
struct Shared {
    turns: TableSnapshot,
    episodes: TableSnapshot,
    /// Closed rows waiting for a commit.
    closed: Facts,
    /// States of conversations with something open. Those of millions of conversations that never end would be held
    /// here: imports of transcripts without a resolve are such.
    open: HashMap<Thread, ConversationState>,
    applied: Offset,
    /// Batches made for an earlier question, good until the next record.
    tails: Option<(RecordBatch, RecordBatch)>,
}

/// Folds records and writes the rows they close.
pub struct FactsSink {
    config: FoldConfig,
    turns: Table,
    episodes: Table,
    turns_upkeep: Upkeep,
    episodes_upkeep: Upkeep,
    states: States,
    /// States changed since the last commit.
    changed: HashMap<Thread, ConversationState>,
    shared: Arc<Mutex<Shared>>,
}

impl FactsHandle {
    /// Tables and tails of this moment.
    pub fn snapshot(&self) -> Result<FactsSnapshot, FactsError> {
        let mut shared = locked(&self.shared);
        let (turns_tail, episodes_tail) = shared.tails()?;
        Ok(FactsSnapshot {
            turns: shared.turns.clone(),
            episodes: shared.episodes.clone(),
            turns_tail,
            episodes_tail,
            applied: shared.applied,
        })
    }
}

impl Shared {
    fn tails(&mut self) -> Result<(RecordBatch, RecordBatch), FactsError> {
        if let Some(tails) = &self.tails {
            return Ok(tails.clone());
        }
        let mut turns = self.closed.turns.clone();
        let mut episodes = self.closed.episodes.clone();
        for ((shop, conversation), state) in &self.open {
            turns.extend(state.open_turn(shop, conversation));
            episodes.extend(state.open_episode(shop, conversation));
        }
        let tails = (turns_batch(&turns)?, episodes_batch(&episodes)?);
        self.tails = Some(tails.clone());
        Ok(tails)
    }
}

impl FactsSink {
    /// Opens the tables in the folder `archive` and the states in `states`. Where a crash left the states behind the
    /// tables, they are brought up from the log before any question can see a row both open and closed.
    pub async fn open(
        archive: &Path,
        states: &Path,
        log: &LogReader,
        config: FoldConfig,
    ) -> Result<FactsSink, FactsError> {
        let turns = Table::open_or_create(archive, "turns", turns_schema(), ROWS).await?;
        let episodes = Table::open_or_create(archive, "episodes", episodes_schema(), ROWS).await?;
        let states = States::open(states)?;
        let applied = states.cursor()?;
        if applied > turns.cursor() || applied > episodes.cursor() {
            let (turns, episodes) = (turns.cursor(), episodes.cursor());
            return Err(FactsError::StatesAhead { turns, episodes, states: applied });
        }
        let shared = Shared {
            turns: turns.snapshot(),
            episodes: episodes.snapshot(),
            closed: Facts::default(),
            open: states.open_ones()?.into_iter().collect(),
            applied,
            tails: None,
        };
        let mut sink = FactsSink {
            config,
            turns,
            episodes,
            turns_upkeep: Upkeep::default(),
            episodes_upkeep: Upkeep::default(),
            states,
            changed: HashMap::new(),
            shared: Arc::new(Mutex::new(shared)),
        };
        sink.catch_up_with_tables(log).await?;
        Ok(sink)
    }

    async fn catch_up_with_tables(&mut self, log: &LogReader) -> Result<(), FactsError> {
        let tables_at = self.cursor_max();
        if tables_at > log.head() {
            return Err(FactsError::BeyondLog { tables: tables_at, head: log.head() });
        }
        let mut cursor = log.cursor(self.position());
        while self.position() < tables_at {
            let count =
                usize::try_from(tables_at.since(self.position())).unwrap_or(CATCH_UP_RECORDS);
            let records = cursor.next_batch(count.min(CATCH_UP_RECORDS))?;
            self.apply(records).await?;
        }
        Ok(())
    }

    /// What questions use.
    pub fn handle(&self) -> FactsHandle {
        FactsHandle { shared: self.shared.clone() }
    }

    /// The further of the tables' cursors.
    fn cursor_max(&self) -> Offset {
        self.turns.cursor().max(self.episodes.cursor())
    }
}

impl Sink for FactsSink {
    type Error = FactsError;

    fn position(&self) -> Offset {
        locked(&self.shared).applied
    }

    async fn apply(&mut self, records: Vec<Arc<Record>>) -> Result<(), FactsError> {
        // States are read before the lock is taken, so that a question never waits for the store.
        let mut threads = Vec::with_capacity(records.len());
        for record in &records {
            let thread = thread_of(record);
            if !self.changed.contains_key(&thread) {
                let state = self.states.get(&thread)?;
                self.changed.insert(thread.clone(), state);
            }
            threads.push(thread);
        }
        let mut shared = locked(&self.shared);
        for (record, thread) in records.iter().zip(&threads) {
            if let Some(state) = self.changed.get_mut(thread) {
                fold(state, record, &self.config, &mut shared.closed);
            }
            shared.applied = record.offset.next();
        }
        // Copied once for each conversation, as it stands after all of its records.
        for thread in threads.into_iter().collect::<HashSet<Thread>>() {
            match self.changed.get(&thread) {
                Some(state) if state.is_open() => drop(shared.open.insert(thread, state.clone())),
                _ => drop(shared.open.remove(&thread)),
            }
        }
        let (turns_at, episodes_at) = (self.turns.cursor(), self.episodes.cursor());
        let is_new = |closed: Option<Offset>, cursor| closed.is_some_and(|offset| offset >= cursor);
        shared.closed.turns.retain(|row| is_new(row.closed_offset, turns_at));
        shared.closed.episodes.retain(|row| is_new(row.closed_offset, episodes_at));
        shared.tails = None;
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, FactsError> {
        let (closed, applied) = {
            let shared = locked(&self.shared);
            (shared.closed.clone(), shared.applied)
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
        self.turns_upkeep.after_commit(&mut self.turns).await?;
        self.episodes_upkeep.after_commit(&mut self.episodes).await?;
        self.publish();
        Ok(applied)
    }
}

impl FactsSink {
    /// Shows questions the tables as committed, and takes out of the tail what they now hold.
    fn publish(&self) {
        let mut shared = locked(&self.shared);
        shared.turns = self.turns.snapshot();
        shared.episodes = self.episodes.snapshot();
        shared.closed = Facts::default();
        shared.tails = None;
    }
}

fn thread_of(record: &Record) -> Thread {
    (record.shop.clone(), record.event.conversation.clone())
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

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
