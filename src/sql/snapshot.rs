//! What a question is answered from: the stores at one moment, of one shop and to one offset. Archive
//! and facts are followed apart, and what one has beyond the other is left out, or read from the log.
//!
//! The rows beyond the files are made when a scan asks for them, the columns that it asks for: under
//! traffic a tail holds 65,536 records. Whoever holds this holds the files that it lists.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use super::SqlError;
use super::source::{Files, Source};
use super::stored::Stored;
use super::tables::SHOP;
use crate::archive::{ArchiveError, ArchiveReader, some_columns_of_events};
use crate::facts::{FactsReader, FactsSnapshot, FactsTable};
use crate::log::{LogError, LogReader, Tail};
use crate::model::{Kind, Offset, Record, Schedules};
use crate::table::{Bounds, DataFile, TableSnapshot};

/// Records that are read from the log where the archive is behind the facts: as many as wait for its
/// commit at most.
const BEYOND_RECORDS_MAX: u64 = 65_536;
/// Rows of one batch: as many as the engine works on at once.
const BATCH_ROWS: usize = 8_192;

/// All tables of one shop.
#[derive(Debug)]
pub(super) struct ShopSnapshot {
    shop: String,
    archive: TableSnapshot,
    /// Records from the archive's cursor on, of all shops; `None` once no scan asks for rows beyond the files.
    tail: Option<Tail>,
    facts: FactsSnapshot,
    /// Every record below it is in all of them, and none above.
    complete_to: Offset,
}

impl ShopSnapshot {
    /// As the stores are now. It may have Arrow to make, and records to read.
    pub(super) fn read(
        archive: &ArchiveReader,
        facts: &FactsReader,
        log: &LogReader,
        shop: &str,
    ) -> Result<ShopSnapshot, SqlError> {
        // Facts first: they are as of one offset, and of the archive less can be shown than it has.
        let facts = facts.snapshot(shop)?;
        let archive = archive.snapshot().map_err(ArchiveError::from)?;
        let (complete_to, end) = (facts.applied, archive.tail.end());
        if complete_to.since(end) > BEYOND_RECORDS_MAX {
            return Err(SqlError::ArchiveBehind { archive: end, facts: complete_to });
        }
        let mut tail = archive.tail;
        read_on(&mut tail, log, complete_to).map_err(ArchiveError::from)?;
        let shop = shop.to_string();
        let (archive, tail) = (archive.table, Some(tail));
        Ok(ShopSnapshot { shop, archive, tail, facts, complete_to })
    }

    pub(super) fn complete_to(&self) -> Offset {
        self.complete_to
    }

    /// When somebody is there, by the shop's rules of that offset.
    pub(super) fn schedules(&self) -> Arc<Schedules> {
        self.facts.schedules.clone()
    }

    /// The files of a table that may have rows of the shop. Which of them a question needs is for the
    /// scan to say; of the others it need not even hear.
    pub(super) fn files(&self, table: Stored) -> Files {
        let snapshot = self.table(table);
        let may_have_ours = |file: &&DataFile| match file.bounds(SHOP) {
            Some(Bounds::Texts(min, max)) => *min <= self.shop && self.shop <= *max,
            _ => true,
        };
        let files = snapshot.files.iter().filter(may_have_ours).cloned().collect();
        Files { root: snapshot.root.to_path_buf(), files }
    }

    /// The rows beyond the files, one batch after the other.
    pub(super) fn tail(
        &self,
        table: Stored,
        columns: &[usize],
        mut each: impl FnMut(RecordBatch) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let Some(tail) = &self.tail else {
            return Err(SqlError::Session(
                "a scan asked for rows after it was planned".to_string(),
            ));
        };
        if let Some(of_facts) = self.of_facts(table) {
            for batch in of_facts.tail.iter().filter(|batch| batch.num_rows() > 0) {
                each(
                    batch.project(columns).map_err(|error| SqlError::Session(error.to_string()))?,
                )?;
            }
            return Ok(());
        }
        let is_seen = |record: &&Record| {
            record.shop == self.shop
                && record.offset < self.complete_to
                && record.event.kind != Kind::Access
        };
        let records: Vec<&Record> = tail.records().filter(is_seen).collect();
        for records in records.chunks(BATCH_ROWS) {
            each(some_columns_of_events(columns, records)?)?;
        }
        Ok(())
    }

    /// Lets the rows beyond the files go, and holds the files: scans have taken theirs while they were planned, and
    /// whoever takes an answer slowly would hold 64 MiB of them.
    pub(super) fn let_tail_go(&mut self) {
        self.tail = None;
        let FactsSnapshot { turns, episodes, changes, tags, strays, stints, ratings, .. } =
            &mut self.facts;
        for table in [turns, episodes, changes, tags, strays, stints, ratings] {
            table.tail = Vec::new();
        }
    }

    /// Compares each file with the hash in its name, where that was not done before; blocks.
    pub(super) fn require_whole(&self, table: Stored, paths: &[Arc<str>]) -> Result<(), SqlError> {
        let snapshot = self.table(table);
        let wanted: HashSet<&str> = paths.iter().map(|path| &**path).collect();
        let files = snapshot.files.iter().filter(|file| wanted.contains(&*file.path));
        for file in files {
            snapshot.require_whole(file).map_err(ArchiveError::from)?;
        }
        Ok(())
    }

    fn table(&self, table: Stored) -> &TableSnapshot {
        self.of_facts(table).map_or(&self.archive, |of_facts| &of_facts.table)
    }

    fn of_facts(&self, table: Stored) -> Option<&FactsTable> {
        match table {
            Stored::Events => None,
            Stored::Turns => Some(&self.facts.turns),
            Stored::Episodes => Some(&self.facts.episodes),
            Stored::Changes => Some(&self.facts.changes),
            Stored::Tags => Some(&self.facts.tags),
            Stored::Strays => Some(&self.facts.strays),
            Stored::Stints => Some(&self.facts.stints),
            Stored::Ratings => Some(&self.facts.ratings),
        }
    }
}

#[async_trait]
impl Source for ShopSnapshot {
    async fn files(&self, table: Stored) -> Result<Files, SqlError> {
        Ok(self.files(table))
    }

    async fn tail(&self, table: Stored, columns: &[usize]) -> Result<Vec<RecordBatch>, SqlError> {
        let mut batches = Vec::new();
        self.tail(table, columns, |batch| {
            batches.push(batch);
            Ok(())
        })?;
        Ok(batches)
    }

    async fn require_whole(&self, table: Stored, paths: &[Arc<str>]) -> Result<(), SqlError> {
        tokio::task::block_in_place(|| self.require_whole(table, paths))
    }
}

/// Appends what the log has from the tail's end to `end`: the records that are in memory, not copies.
fn read_on(tail: &mut Tail, log: &LogReader, end: Offset) -> Result<(), LogError> {
    let mut scan = log.scan(tail.end());
    while tail.end() < end {
        let count = usize::try_from(end.since(tail.end())).unwrap_or(usize::MAX);
        let batch = scan.next_batch(count)?;
        if batch.is_empty() {
            break;
        }
        tail.append(batch)?;
    }
    Ok(())
}
