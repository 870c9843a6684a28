//! Rows of a table changed where they stand: the files that hold them are written anew without what
//! is to go, all in one commit, and the old ones are deleted as soon as nobody reads them.
//!
//! Invariants: as many rows as before, in the same order; files in which nothing changes stay; after
//! a crash all of the change is there or none of it.
//! It does not know why a row changes.

use std::fs::File;
use std::path::PathBuf;
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
use super::{DAY_COLUMN, Table, TableError, TableOptions, files};
use crate::durable::Disk;
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
}

/// A file, and the one in its place.
struct Replaced {
    old: DataFile,
    new: DataFile,
}

impl Table {
    /// Changes rows. Returns the files that are no longer in the table.
    ///
    /// # Errors
    /// [`TableError::Contended`] where compactions were faster each time: nothing is changed then.
    pub async fn rewrite(&self, rewrite: Rewrite) -> Result<Vec<PathBuf>, TableError> {
        for _ in 0..TRIES_MAX {
            if let Some(left) = self.rewrite_once(&rewrite).await? {
                return Ok(left);
            }
        }
        Err(TableError::Contended { root: self.snapshot().root.to_path_buf(), tries: TRIES_MAX })
    }

    /// `None` where a file was compacted meanwhile.
    async fn rewrite_once(&self, rewrite: &Rewrite) -> Result<Option<Vec<PathBuf>>, TableError> {
        let (snapshot, options, disk) = (self.snapshot(), self.options(), self.disk());
        let wanted = rewrite.clone();
        let replaced = on_blocking(move || write_all(&snapshot, &options, &disk, &wanted)).await?;
        if replaced.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let (old, new): (Vec<DataFile>, Vec<DataFile>) =
            replaced.into_iter().map(|Replaced { old, new }| (old, new)).unzip();
        let root = self.snapshot().root.clone();
        let left = old.iter().map(|file| root.join(&*file.path)).collect();
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
        let is_replaced = self.replace(actions, operation, &old, &new).await?;
        Ok(is_replaced.then_some(left))
    }

    /// Deletes what left the table, as far as nobody reads it; false where something stays.
    pub async fn sweep_now(&self) -> Result<bool, TableError> {
        match self.vacuum(Duration::ZERO).await?.failed {
            Some(error) => Err(error),
            None => Ok(self.garbage() == (0, 0)),
        }
    }
}

fn write_all(
    snapshot: &TableSnapshot,
    options: &TableOptions,
    disk: &Arc<Disk>,
    rewrite: &Rewrite,
) -> Result<Vec<Replaced>, TableError> {
    let mut replaced = Vec::new();
    for file in snapshot.files.iter() {
        if !is_concerned(snapshot, file, rewrite)? {
            continue;
        }
        // What is written anew has a good hash again.
        snapshot.verify(file)?;
        let batches =
            rows_of(snapshot, file)?.map(|batch| changed(&batch?, rewrite).map(|(batch, _)| batch));
        let new = files::write(
            disk,
            snapshot,
            options,
            file.day,
            snapshot.cursor,
            Effort::Compacted,
            batches,
        )?;
        if new.rows != file.rows {
            let path = snapshot.path_of(&new);
            return Err(damaged(&path, format!("the {} rows there were", file.rows), new.rows));
        }
        replaced.push(Replaced { old: file.clone(), new });
    }
    Ok(replaced)
}

/// Whether any row of a file would change.
fn is_concerned(
    snapshot: &TableSnapshot,
    file: &DataFile,
    rewrite: &Rewrite,
) -> Result<bool, TableError> {
    let path = snapshot.path_of(file);
    let mut has_wanted = false;
    for wanted in rewrite.wanted.iter() {
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
