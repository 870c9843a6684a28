//! What questions of one shop are answered from, and the reader that hands it out.
//!
//! Invariant: under the lock that the store needs for every record, a question takes pointers to its
//! own shop's chunks, and nothing else. What is made of them is made afterwards.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::FactsError;
use super::log_fold::LogFold;
use super::settled::SettledOfShop;
use super::store::FactStore;
use super::tables::{Committed, TableSnapshots};
use crate::log::{Slot, Store};
use crate::model::{Offset, Rules, Schedules};
use crate::table::TableSnapshot;

/// One table at one moment, for one shop. No row is both in the files and in the tail.
#[derive(Debug)]
pub struct FactsTable {
    /// Files with rows of all shops.
    pub table: TableSnapshot,
    /// Rows of this shop that the files do not have: settled since their commit, or still open.
    pub tail: Vec<RecordBatch>,
}

/// All tables at one moment, for one shop.
#[derive(Debug)]
pub struct FactsSnapshot {
    pub turns: FactsTable,
    pub episodes: FactsTable,
    pub changes: FactsTable,
    pub tags: FactsTable,
    pub strays: FactsTable,
    pub stints: FactsTable,
    pub ratings: FactsTable,
    /// First offset not folded.
    pub applied: Offset,
    /// When somebody is there, as was decided below it.
    pub schedules: Arc<Schedules>,
}

/// What questions hold.
#[derive(Clone, Default)]
pub struct FactsReader {
    pub(super) slot: Slot<Shown>,
}

/// What the store changes and questions read.
pub(super) struct Shown {
    pub(super) tables: Arc<TableSnapshots>,
    pub(super) fold: LogFold,
    pub(super) applied: Offset,
}

impl FactsReader {
    /// The rules of the shops that let a model tag.
    pub fn classifying(&self) -> Result<Vec<(String, Rules)>, FactsError> {
        Ok(self.slot.current(FactStore::NAME)?.lock().fold.classifying())
    }

    /// Tables and tails of one shop at this moment. The first question after a change makes Arrow
    /// of what changed, so this may block for some milliseconds.
    pub fn snapshot(&self, shop: &str) -> Result<FactsSnapshot, FactsError> {
        let shown = self.slot.current(FactStore::NAME)?;
        let (tables, open, settled, applied, rules) = {
            let shown = shown.lock();
            let fold = &shown.fold;
            let (open, settled) = (fold.open.of_shop(shop), fold.settled.of_shop(shop));
            (shown.tables.clone(), open, settled, shown.applied, fold.rules_of(shop))
        };
        let SettledOfShop { turns, episodes, changes, tags, strays, stints, ratings } = settled;
        let open = open.batches(&rules)?;
        let with = |table: &Committed, mut tail: Vec<RecordBatch>, open: Vec<RecordBatch>| {
            tail.extend(open);
            FactsTable { table: table.newest(), tail }
        };
        Ok(FactsSnapshot {
            turns: with(&tables.turns, turns.batches()?, open.turns),
            episodes: with(&tables.episodes, episodes.batches()?, open.episodes),
            changes: with(&tables.changes, changes.batches()?, Vec::new()),
            tags: with(&tables.tags, tags.batches()?, Vec::new()),
            strays: with(&tables.strays, strays.batches()?, Vec::new()),
            stints: with(&tables.stints, stints.batches()?, open.stints),
            ratings: with(&tables.ratings, ratings.batches()?, Vec::new()),
            applied,
            schedules: rules.schedules,
        })
    }
}
