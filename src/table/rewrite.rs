//! Rows of a table changed where they stand: the files that hold them are written anew without what
//! is to go, all in one commit, and the old ones are deleted as soon as nobody reads them.
//!
//! Invariants: as many rows as before, in the same order; files in which nothing changes stay; after
//! a crash all of the change is there or none of it.
//! It does not know why a row changes.

use std::fs::File;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::blocking::on_blocking;
use super::error::damaged;
use super::load::in_columns;
use super::parquet_file::Effort;
use super::rows::{Wanted, read_columns};
use super::snapshot::{DataFile, TableSnapshot};
use super::{DAY_COLUMN, Table, TableError, files};
use crate::durable::require_room;
use crate::model::{Micros, unless_panicked};

/// How often it is begun again where a compaction took a file meanwhile.
const TRIES_MAX: usize = 8;
/// Rows changed at once.
const BATCH_ROWS: usize = 4_096;

/// Gives a batch of rows its new values; `None` where it has none to change.
pub type Change =
    Arc<dyn Fn(&RecordBatch) -> Result<Option<RecordBatch>, ArrowError> + Send + Sync>;

/// Which files are looked into, and what becomes of their rows.
#[derive(Clone)]
pub struct Rewrite {
    /// A file is looked into where it has rows of any of these.
    pub wanted: Arc<Vec<Wanted>>,
    /// A column of the table, read to find whether it has.
    pub probe: &'static str,
    pub change: Change,
    /// What must stay free on the disk.
    pub reserve_bytes: u64,
}

/// Files written anew that are not in the table yet. Dropped, they are deleted like what left it.
pub struct Prepared {
    table: Table,
    old: Vec<DataFile>,
    new: Vec<DataFile>,
}

impl Table {
    /// Changes rows; `told` hears which files are about to leave the table.
    ///
    /// # Errors
    /// [`TableError::Contended`] where compactions were faster each time: nothing is changed then.
    pub async fn rewrite(
        &self,
        rewrite: &Rewrite,
        told: &impl Fn(Vec<String>),
    ) -> Result<(), TableError> {
        for _ in 0..TRIES_MAX {
            let prepared = self.prepare_rewrite(rewrite.clone()).await?;
            told(prepared.leaving());
            if prepared.commit().await? {
                return Ok(());
            }
        }
        Err(TableError::Contended { root: self.snapshot().root.to_path_buf(), tries: TRIES_MAX })
    }

    /// Writes the files anew in which rows change, and leaves the table as it is.
    pub async fn prepare_rewrite(&self, rewrite: Rewrite) -> Result<Prepared, TableError> {
        let mut prepared = Prepared { table: self.clone(), old: Vec::new(), new: Vec::new() };
        on_blocking(move || prepared.write_all(&rewrite).map(|()| prepared)).await
    }

    /// Deletes what left the table, as far as nobody reads it; false where something stays.
    pub async fn sweep_now(&self) -> Result<bool, TableError> {
        match self.vacuum(Duration::ZERO).await?.failed {
            Some(error) => Err(error),
            None => Ok(self.garbage() == (0, 0)),
        }
    }
}

impl Prepared {
    /// The files that leave the table with the commit.
    pub fn leaving(&self) -> Vec<String> {
        let name = |file: &DataFile| file.path.rsplit('/').next().unwrap_or_default().to_string();
        self.old.iter().map(name).collect()
    }

    /// Puts the files in the table, in one commit. False, with nothing changed, where one of the old
    /// ones was compacted meanwhile.
    pub async fn commit(mut self) -> Result<bool, TableError> {
        // Whether a commit that fails is there is known only to whoever opens the table next.
        let (old, new) = (mem::take(&mut self.old), mem::take(&mut self.new));
        if old.is_empty() {
            return Ok(true);
        }
        let now = Micros::now();
        let removed = old.iter().map(|file| {
            let mut removed = files::remove_action(file, now);
            removed.data_change = true;
            Action::Remove(removed)
        });
        let added = new.iter().map(|file| Action::Add(files::add_action(file, true)));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: Some(vec![DAY_COLUMN.to_string()]),
            predicate: None,
        };
        let actions = removed.chain(added).collect();
        self.table.replace(actions, operation, &old, &new).await
    }

    fn write_all(&mut self, rewrite: &Rewrite) -> Result<(), TableError> {
        let (snapshot, options) = (self.table.snapshot(), self.table.options());
        let disk = self.table.disk();
        let mut concerned = Vec::new();
        for file in snapshot.files.iter() {
            if is_concerned(&snapshot, file, rewrite)? {
                concerned.push(file.clone());
            }
        }
        if !concerned.is_empty() {
            // As much again as there is.
            let wanted_bytes = concerned.iter().map(|file| file.bytes).sum();
            require_room(&snapshot.root, wanted_bytes, rewrite.reserve_bytes)?;
        }
        for file in concerned {
            // What is written anew has a good hash again.
            snapshot.verify(&file)?;
            let batches = rows_of(&snapshot, &file)?
                .map(|batch| changed(&batch?, rewrite).map(|(batch, _)| batch));
            let (day, cursor) = (file.day, snapshot.cursor);
            let effort = Effort::Compacted;
            let new = files::write(&disk, &snapshot, &options, day, cursor, effort, batches)?;
            let (path, rows) = (snapshot.path_of(&new), new.rows);
            self.new.push(new);
            if rows != file.rows {
                return Err(damaged(&path, format!("the {} rows there were", file.rows), rows));
            }
            self.old.push(file);
        }
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.table.discard(&self.new);
    }
}

/// Whether any row of a file would change.
fn is_concerned(
    snapshot: &TableSnapshot,
    file: &DataFile,
    rewrite: &Rewrite,
) -> Result<bool, TableError> {
    let path = snapshot.path_of(file);
    let mut has_wanted = false;
    for wanted in rewrite.wanted.iter().filter(|wanted| may_have(file, wanted)) {
        let rows = read_columns(&path, wanted, &[rewrite.probe])?;
        has_wanted |= rows.iter().any(|batch| batch.num_rows() > 0);
        if has_wanted {
            break;
        }
    }
    if !has_wanted {
        return Ok(false);
    }
    for batch in rows_of(snapshot, file)? {
        if changed(&batch?, rewrite)?.1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file may have any of the wanted rows: one that has none for sure is not read, so that its
/// damage is in nobody's way.
fn may_have(file: &DataFile, wanted: &Wanted) -> bool {
    match (wanted, file.offsets()) {
        (Wanted::AnyInt("offset", values), Some(held)) => {
            values.range(held.start.signed()..held.end.signed()).next().is_some()
        }
        _ => true,
    }
}

/// A batch as it is to be, and whether that is another.
fn changed(batch: &RecordBatch, rewrite: &Rewrite) -> Result<(RecordBatch, bool), TableError> {
    let changed = (rewrite.change)(batch)
        .map_err(|source| TableError::Arrow { action: "change rows", source })?;
    Ok(match changed {
        Some(changed) => (changed, true),
        None => (batch.clone(), false),
    })
}

/// All rows of a file, with the columns of the table.
fn rows_of(
    snapshot: &TableSnapshot,
    file: &DataFile,
) -> Result<impl Iterator<Item = Result<RecordBatch, TableError>>, TableError> {
    let path = snapshot.path_of(file);
    let schema = snapshot.schema.clone();
    let opened = unless_panicked(|| {
        let open = File::open(&path).map_err(TableError::io("read", &path))?;
        ParquetRecordBatchReaderBuilder::try_new(open)
            .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
            .map_err(|error| damaged(&path, "readable Parquet", error))
    });
    let reader = opened.unwrap_or_else(|said| Err(damaged(&path, "readable Parquet", said)))?;
    let conform = move |batch: Result<RecordBatch, ArrowError>| {
        batch
            .and_then(|batch| in_columns(batch, &schema))
            .map_err(|error| damaged(&path, "rows that decode", error))
    };
    Ok(reader.map(conform))
}
