//! The Delta tables of facts, each with its own cursor. A table that has no rows to write is left
//! alone, so its cursor may lie behind: below it are all of its rows up to the states' cursor.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::FactsError;
use super::change_row::ChangeRow;
use super::rating_row::RatingRow;
use super::row::FactRow;
use super::rows::{EpisodeRow, StintRow, TurnRow};
use super::settled::{Rows, SettledOfShop, TableCursors};
use super::stray_row::StrayRow;
use super::tag_row::TagRow;
use crate::model::{MaintenanceState, Offset};
use crate::table::{Maintenance, Rewrite, Table, TableError, TableOptions, TableSnapshot};

const ROWS: TableOptions =
    TableOptions { sort: &["shop", "conversation"], encodings: &[], bloom: &["conversation"] };

/// The one writer of all of them.
pub(crate) struct Tables {
    turns: FactTable,
    episodes: FactTable,
    changes: FactTable,
    tags: FactTable,
    strays: FactTable,
    stints: FactTable,
    ratings: FactTable,
}

/// What they hold since the last commit.
pub(crate) struct TableSnapshots {
    pub(crate) turns: Committed,
    pub(crate) episodes: Committed,
    pub(crate) changes: Committed,
    pub(crate) tags: Committed,
    pub(crate) strays: Committed,
    pub(crate) stints: Committed,
    pub(crate) ratings: Committed,
}

/// A table as it was committed.
pub(crate) struct Committed {
    table: Table,
    snapshot: TableSnapshot,
}

impl Committed {
    fn of(table: &Table) -> Committed {
        Committed { table: table.clone(), snapshot: table.snapshot() }
    }

    /// The rows of that commit, in the files that hold them now: they may have been compacted since.
    pub(crate) fn newest(&self) -> TableSnapshot {
        let newest = self.table.snapshot();
        if newest.cursor == self.snapshot.cursor { newest } else { self.snapshot.clone() }
    }
}

impl TableSnapshots {
    /// What the maintenance of all of them is at.
    pub(crate) fn maintenance(&self) -> MaintenanceState {
        let mut all = MaintenanceState::default();
        let TableSnapshots { turns, episodes, changes, tags, strays, stints, ratings } = self;
        for committed in [turns, episodes, changes, tags, strays, stints, ratings] {
            all.add(committed.table.maintenance());
        }
        all
    }
}

struct FactTable {
    table: Table,
    _maintenance: Maintenance,
}

impl Tables {
    pub(crate) async fn open(folder: &Path) -> Result<Tables, FactsError> {
        Ok(Tables {
            turns: FactTable::open::<TurnRow>(folder).await?,
            episodes: FactTable::open::<EpisodeRow>(folder).await?,
            changes: FactTable::open::<ChangeRow>(folder).await?,
            tags: FactTable::open::<TagRow>(folder).await?,
            strays: FactTable::open::<StrayRow>(folder).await?,
            stints: FactTable::open::<StintRow>(folder).await?,
            ratings: FactTable::open::<RatingRow>(folder).await?,
        })
    }

    /// The cursors of the tables in `folder`, which are not opened for more.
    pub(crate) async fn committed(folder: &Path) -> Result<TableCursors, FactsError> {
        let cursor = async |name| match Table::open_read_only(folder, name).await {
            Ok(snapshot) => Ok(snapshot.cursor),
            Err(TableError::NotFound { .. }) => Ok(Offset(0)),
            Err(error) => Err(FactsError::from(error)),
        };
        Ok(TableCursors {
            turns: cursor(TurnRow::TABLE).await?,
            episodes: cursor(EpisodeRow::TABLE).await?,
            changes: cursor(ChangeRow::TABLE).await?,
            tags: cursor(TagRow::TABLE).await?,
            strays: cursor(StrayRow::TABLE).await?,
            stints: cursor(StintRow::TABLE).await?,
            ratings: cursor(RatingRow::TABLE).await?,
        })
    }

    pub(crate) fn cursors(&self) -> TableCursors {
        TableCursors {
            turns: self.turns.table.cursor(),
            episodes: self.episodes.table.cursor(),
            changes: self.changes.table.cursor(),
            tags: self.tags.table.cursor(),
            strays: self.strays.table.cursor(),
            stints: self.stints.table.cursor(),
            ratings: self.ratings.table.cursor(),
        }
    }

    pub(crate) fn snapshots(&self) -> TableSnapshots {
        TableSnapshots {
            turns: Committed::of(&self.turns.table),
            episodes: Committed::of(&self.episodes.table),
            changes: Committed::of(&self.changes.table),
            tags: Committed::of(&self.tags.table),
            strays: Committed::of(&self.strays.table),
            stints: Committed::of(&self.stints.table),
            ratings: Committed::of(&self.ratings.table),
        }
    }

    /// Writes the rows of all shops that were settled below `applied`.
    pub(crate) async fn commit(
        &mut self,
        settled: &[SettledOfShop],
        applied: Offset,
    ) -> Result<(), FactsError> {
        self.turns.commit(settled, |shop| &shop.turns, applied).await?;
        self.episodes.commit(settled, |shop| &shop.episodes, applied).await?;
        self.changes.commit(settled, |shop| &shop.changes, applied).await?;
        self.tags.commit(settled, |shop| &shop.tags, applied).await?;
        self.strays.commit(settled, |shop| &shop.strays, applied).await?;
        self.stints.commit(settled, |shop| &shop.stints, applied).await?;
        self.ratings.commit(settled, |shop| &shop.ratings, applied).await
    }
}

impl Tables {
    /// Changes rows of all tables; `told` hears which files are about to leave them.
    pub(crate) async fn rewrite(
        &self,
        rewrite: &Rewrite,
        told: &impl Fn(Vec<String>),
    ) -> Result<(), FactsError> {
        for table in self.all() {
            table.rewrite(rewrite, told).await?;
        }
        Ok(())
    }

    /// Deletes files that left the tables; false while somebody reads one.
    pub(crate) async fn sweep(&self) -> Result<bool, FactsError> {
        let mut is_clean = true;
        for table in self.all() {
            is_clean &= table.sweep_now().await?;
        }
        Ok(is_clean)
    }

    fn all(&self) -> [&Table; 7] {
        let Tables { turns, episodes, changes, tags, strays, stints, ratings } = self;
        [turns, episodes, changes, tags, strays, stints, ratings].map(|of| &of.table)
    }
}

impl FactTable {
    async fn open<R: FactRow>(folder: &Path) -> Result<FactTable, FactsError> {
        let table = Table::open_or_create(folder, R::TABLE, R::schema(), ROWS).await?;
        Ok(FactTable { _maintenance: Maintenance::start(&table), table })
    }

    async fn commit<R: FactRow>(
        &mut self,
        settled: &[SettledOfShop],
        rows: fn(&SettledOfShop) -> &Rows<R>,
        applied: Offset,
    ) -> Result<(), FactsError> {
        let rows: Vec<&R> = settled.iter().flat_map(|shop| rows(shop).iter()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut days: BTreeMap<NaiveDate, Vec<&R>> = BTreeMap::new();
        for row in rows {
            if let Some(closer) = row.closer() {
                days.entry(closer.received_at.day()).or_default().push(row);
            }
        }
        let mut batches = Vec::with_capacity(days.len());
        for (day, mut rows) in days {
            rows.sort_by_key(|row| (row.shop(), row.conversation()));
            batches.push((day, R::batch(&rows)?));
        }
        self.table.commit(batches, self.table.cursor(), applied).await?;
        Ok(())
    }
}
