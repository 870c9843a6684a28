//! Final rows that wait for a commit, by shop: a question takes pointers to its own shop's and
//! nothing of any other's.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::change_row::ChangeRow;
use super::chunk::{CHUNK_ITEMS, Chunk};
use super::rating_row::RatingRow;
use super::row::FactRow;
use super::rows::{EpisodeRow, Facts, StintRow, TurnRow};
use super::stray_row::StrayRow;
use super::tag_row::TagRow;
use crate::model::Offset;

/// First offset whose rows each table does not have yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableCursors {
    pub(crate) turns: Offset,
    pub(crate) episodes: Offset,
    pub(crate) changes: Offset,
    pub(crate) tags: Offset,
    pub(crate) strays: Offset,
    pub(crate) stints: Offset,
    pub(crate) ratings: Offset,
}

impl TableCursors {
    /// Each with the name of its table.
    pub(crate) fn named(&self) -> [(&'static str, Offset); 7] {
        [
            (TurnRow::TABLE, self.turns),
            (EpisodeRow::TABLE, self.episodes),
            (ChangeRow::TABLE, self.changes),
            (TagRow::TABLE, self.tags),
            (StrayRow::TABLE, self.strays),
            (StintRow::TABLE, self.stints),
            (RatingRow::TABLE, self.ratings),
        ]
    }

    /// Everything below it is in the table that is furthest on.
    pub(crate) fn furthest(&self) -> Offset {
        self.named().into_iter().map(|(_, cursor)| cursor).max().unwrap_or_default()
    }
}

/// Rows of one table and shop, in the order in which they were settled.
#[derive(Clone)]
pub(crate) struct Rows<R: FactRow> {
    chunks: Vec<Arc<Chunk<R, RecordBatch>>>,
}

/// Rows of one shop.
#[derive(Clone, Default)]
pub(crate) struct SettledOfShop {
    pub(crate) turns: Rows<TurnRow>,
    pub(crate) episodes: Rows<EpisodeRow>,
    pub(crate) changes: Rows<ChangeRow>,
    pub(crate) tags: Rows<TagRow>,
    pub(crate) strays: Rows<StrayRow>,
    pub(crate) stints: Rows<StintRow>,
    pub(crate) ratings: Rows<RatingRow>,
}

/// Rows of all shops.
#[derive(Default)]
pub(crate) struct Settled {
    shops: HashMap<String, SettledOfShop>,
    len: usize,
}

impl<R: FactRow> Default for Rows<R> {
    fn default() -> Rows<R> {
        Rows { chunks: Vec::new() }
    }
}

impl<R: FactRow> Rows<R> {
    fn push(&mut self, row: R) {
        match self.chunks.last_mut() {
            Some(last) if last.items().len() < CHUNK_ITEMS => Chunk::change(last).push(row),
            _ => {
                let mut chunk = Arc::default();
                Chunk::change(&mut chunk).push(row);
                self.chunks.push(chunk);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.chunks.iter().flat_map(|chunk| chunk.items())
    }

    /// The rows as Arrow, as far as possible as an earlier question had it made.
    pub(crate) fn batches(&self) -> Result<Vec<RecordBatch>, ArrowError> {
        let make = |rows: &[R]| R::batch(&rows.iter().collect::<Vec<_>>());
        self.chunks.iter().map(|chunk| chunk.made(make)).collect()
    }
}

impl Settled {
    /// Takes the rows out of `facts`, but for those that a table has: after a crash between two
    /// tables' commits, records are folded again.
    pub(crate) fn take(&mut self, facts: &mut Facts, tables: &TableCursors) {
        self.take_rows(&mut facts.turns, tables.turns, |shop| &mut shop.turns);
        self.take_rows(&mut facts.episodes, tables.episodes, |shop| &mut shop.episodes);
        self.take_rows(&mut facts.changes, tables.changes, |shop| &mut shop.changes);
        self.take_rows(&mut facts.tags, tables.tags, |shop| &mut shop.tags);
        self.take_rows(&mut facts.strays, tables.strays, |shop| &mut shop.strays);
        self.take_rows(&mut facts.stints, tables.stints, |shop| &mut shop.stints);
        self.take_rows(&mut facts.ratings, tables.ratings, |shop| &mut shop.ratings);
    }

    fn take_rows<R: FactRow>(
        &mut self,
        rows: &mut Vec<R>,
        table: Offset,
        place: fn(&mut SettledOfShop) -> &mut Rows<R>,
    ) {
        for row in rows.drain(..) {
            if row.closer().is_none_or(|closer| closer.offset < table) {
                continue;
            }
            // Most rows are of a shop that is known: its name is not copied for those.
            if !self.shops.contains_key(row.shop()) {
                self.shops.insert(row.shop().to_string(), SettledOfShop::default());
            }
            if let Some(shop) = self.shops.get_mut(row.shop()) {
                place(shop).push(row);
                self.len += 1;
            }
        }
    }

    /// Rows of all tables and shops.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The rows of one shop now: pointers.
    pub(crate) fn of_shop(&self, shop: &str) -> SettledOfShop {
        self.shops.get(shop).cloned().unwrap_or_default()
    }

    /// All rows now: pointers.
    pub(crate) fn of_all_shops(&self) -> Vec<SettledOfShop> {
        self.shops.values().cloned().collect()
    }
}
