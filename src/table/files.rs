//! One data file: written, named, added to and removed from the Delta log, verified.
//!
//! `day=2026-01-02/CURSOR-HASH-RANDOM.parquet`: the cursor it was written for, so that names sort
//! by age, the first 16 hex digits of the SHA-256 of its bytes, so that a changed bit is found, and
//! 8 random hex digits. These make that no name is given twice: a commit tried again after a crash
//! writes the same rows, and what the crash left behind may be deleted meanwhile.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use deltalake_core::kernel::{Add, Remove};
use sha2::{Digest, Sha256};

use super::error::damaged;
use super::parquet_file::{self, Effort};
use super::snapshot::{DataFile, TableSnapshot};
use super::{DAY_COLUMN, TableError, TableOptions, stats};
use crate::durable::{Disk, Mode, Naming, Staged};
use crate::model::{Micros, Offset};

/// A writer that hashes what passes through it.
pub(super) struct Hashed<W> {
    pub(super) inner: W,
    sha256: Sha256,
}

impl<W> Hashed<W> {
    pub(super) fn new(inner: W) -> Hashed<W> {
        Hashed { inner, sha256: Sha256::new() }
    }

    /// The writer and the part of the hash that names a file.
    pub(super) fn finish(self) -> (W, String) {
        let digest: [u8; 32] = self.sha256.finalize().into();
        (self.inner, hex::encode(&digest[..8]))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl TableSnapshot {
    /// Refuses to read rows from a file that is not, to the last bit, what was written; blocks where
    /// this process has not compared it before.
    pub fn require_whole(&self, file: &DataFile) -> Result<(), TableError> {
        if self.whole.is_whole(&file.path) {
            return Ok(());
        }
        let compared = self.verify(file);
        match &compared {
            Ok(()) => self.whole.note(&file.path),
            Err(error @ TableError::Damaged { .. }) => {
                if self.whole.note_damaged(&file.path, error.to_string()) {
                    let range = file.offsets().unwrap_or_default();
                    let (from, to) = (range.start.0, range.end.0);
                    tracing::error!(%error, from, to, "rows of these records are not shown");
                }
            }
            Err(_) => {}
        }
        compared
    }

    /// Reads a file whole and compares its hash with its name; blocks. Files of other writers have
    /// no hash in their name and pass.
    pub fn verify(&self, file: &DataFile) -> Result<(), TableError> {
        self.verify_copy(file, &self.root)
    }

    /// As [`TableSnapshot::verify`], of the file's copy in a folder that stands for the table's.
    pub fn verify_copy(&self, file: &DataFile, root: &Path) -> Result<(), TableError> {
        let path = root.join(&*file.path);
        let failed = TableError::io("read", &path);
        let Some(said) = hash_in(&file.path) else { return Ok(()) };
        let mut hashed = Hashed::new(io::sink());
        io::copy(&mut File::open(&path).map_err(failed)?, &mut hashed).map_err(failed)?;
        let (_, found) = hashed.finish();
        if found == said {
            return Ok(());
        }
        Err(damaged(&path, format!("bytes whose SHA-256 begins with {said}"), found))
    }
}

fn hash_in(path: &str) -> Option<&str> {
    let (_, name) = path.rsplit_once('/')?;
    let (cursor, hash_and_random) = name.strip_suffix(".parquet")?.split_once('-')?;
    let (hash, _) = hash_and_random.split_once('-')?;
    let is_hex = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && cursor.len() == 20 && cursor.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(hash)
}

/// Writes the rows of one day of a commit.
pub(super) fn write_live(
    disk: &Arc<Disk>,
    snapshot: &TableSnapshot,
    options: &TableOptions,
    day: NaiveDate,
    batch: RecordBatch,
    next: Offset,
) -> Result<DataFile, TableError> {
    let sorted = parquet_file::sorted(batch, options)
        .map_err(|source| TableError::Arrow { action: "sort the rows of a commit", source })?;
    write(disk, snapshot, options, day, next, Effort::Ingest, [Ok(sorted)].into_iter())
}

/// Writes one file of `day`; it is whole and durable under its name, or not there.
pub(super) fn write(
    disk: &Arc<Disk>,
    snapshot: &TableSnapshot,
    options: &TableOptions,
    day: NaiveDate,
    next: Offset,
    effort: Effort,
    batches: impl Iterator<Item = Result<RecordBatch, TableError>>,
) -> Result<DataFile, TableError> {
    let folder = format!("{DAY_COLUMN}={day}");
    let unnamed = snapshot.root.join(&folder).join(format!("{next:020}.parquet"));
    let io = TableError::io("write", &unnamed);
    let mut hashed = Hashed::new(Staged::create(disk, &unnamed, Mode::Usual).map_err(io)?);
    let written =
        parquet_file::write(&mut hashed, &unnamed, &snapshot.schema, options, effort, batches)?;
    let (staged, hash) = hashed.finish();
    let path = format!("{folder}/{next:020}-{hash}-{:08x}.parquet", rand::random::<u32>());
    staged.publish_as(&snapshot.root.join(&path), Naming::Overwrite).map_err(io)?;
    let labels: Vec<&str> = options.sort.iter().chain(options.bloom).copied().collect();
    let columns = stats::of_footer(&snapshot.schema, &labels, &written.footer);
    let rows = u64::try_from(written.footer.file_metadata().num_rows()).unwrap_or(0);
    let (path, stats) = (path.into(), columns.into());
    // The version that is to list it.
    let since = snapshot.version + 1;
    Ok(DataFile { path, day, rows, bytes: written.bytes, stats, since })
}

pub(super) fn add_action(file: &DataFile, data_change: bool) -> Add {
    Add {
        path: file.path.to_string(),
        partition_values: [(DAY_COLUMN.to_string(), Some(file.day.to_string()))].into(),
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: Micros::now().0 / 1_000,
        data_change,
        stats: Some(stats::to_json(file.rows, &file.stats)),
        ..Add::default()
    }
}

pub(super) fn remove_action(file: &DataFile, now: Micros) -> Remove {
    Remove {
        path: file.path.to_string(),
        data_change: false,
        deletion_timestamp: Some(now.0 / 1_000),
        extended_file_metadata: Some(true),
        partition_values: Some([(DAY_COLUMN.to_string(), Some(file.day.to_string()))].into()),
        size: i64::try_from(file.bytes).ok(),
        ..Remove::default()
    }
}
