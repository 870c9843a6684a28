//! Many small files of a day become few large ones: which, when, and the work itself.
//!
//! Files fall into tiers by size, each 16 times the one below. When a tier of the newest day holds
//! 16 files, they are merged and land one tier up. So a row is rewritten at most once per tier:
//! four times on its way from a commit of some KiB to a file that is left alone, once from a commit
//! of some MiB, whatever the traffic. When a day is over, what is still small is merged, smallest
//! first, until at most one file is: once or twice more.
//!
//! Only what will be left alone is compressed well; what is rewritten soon is not worth it.
//!
//! One step reads at most [`TARGET_BYTES`]; its memory is stated in [`super::merge`]. A step is a
//! pure function of files that no one changes, so it runs beside commits; only
//! [`super::Table::commit_compaction`] touches the table.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::error::damaged;
use super::merge::{Merge, Pace};
use super::parquet_file::Effort;
use super::snapshot::{DataFile, TableSnapshot};
use super::{TableError, TableOptions, files};
use crate::durable::Disk;

/// Upper ends of the tiers. A commit makes files of 6 KiB at least: 28 columns have a footer.
const TIER_ENDS_BYTES: [u64; 4] = [64 << 10, 1 << 20, 16 << 20, FINAL_BYTES];
/// A file of this size is left alone: at 85 bytes a row it holds 790,000 rows, six row groups.
const FINAL_BYTES: u64 = TARGET_BYTES / 2;
/// Most bytes of the files that become one; with [`FINAL_BYTES`] half of it, two that are too small
/// always fit. A larger one would be rewritten once more for no fewer files that matter.
pub(super) const TARGET_BYTES: u64 = 128 << 20;
/// Files of a tier that are merged at once: as many as tiers are apart. It bounds open files and
/// memory of one step.
const FILES_MAX: usize = 16;

/// Files of one day that are due to become one.
#[derive(Clone, Debug)]
pub(super) struct Due {
    day: NaiveDate,
    pub(super) inputs: Vec<DataFile>,
    effort: Effort,
}

/// One step of it, ready to run.
pub(super) struct Compaction {
    due: Due,
    /// Keeps the inputs on disk.
    snapshot: TableSnapshot,
    options: TableOptions,
    disk: Arc<Disk>,
}

/// A compacted file on disk, not yet in the table.
#[derive(Debug)]
pub(super) struct Compacted {
    pub(super) inputs: Vec<DataFile>,
    pub(super) output: DataFile,
    /// Keeps the inputs until it is, so that no sweep takes the table for clean before.
    pub(super) snapshot: TableSnapshot,
}

/// The step that is due among `files` of one day, if any: of the lowest tier first, since it takes
/// the most files away for the least work.
pub(super) fn due(files: &[DataFile], is_closed: bool) -> Option<Due> {
    let mut small: Vec<&DataFile> = files.iter().filter(|file| file.bytes < FINAL_BYTES).collect();
    small.sort_by(|a, b| (a.bytes, &a.path).cmp(&(b.bytes, &b.path)));
    if is_closed {
        return step(&small, Effort::Compacted);
    }
    let mut above = &small[..];
    for end in TIER_ENDS_BYTES {
        let tier;
        (tier, above) = above.split_at(above.partition_point(|file| file.bytes < end));
        let bytes: u64 = tier.iter().map(|file| file.bytes).sum();
        if tier.len() >= FILES_MAX || bytes >= TARGET_BYTES {
            return step(tier, Effort::Ingest);
        }
    }
    None
}

/// The first of `files`, which are in order of size, as many as fit into one step.
fn step(files: &[&DataFile], effort: Effort) -> Option<Due> {
    let mut bytes = 0;
    let fits = |file: &&&DataFile| {
        bytes += file.bytes;
        bytes <= TARGET_BYTES
    };
    let inputs: Vec<DataFile> =
        files.iter().take(FILES_MAX).take_while(fits).map(|file| (*file).clone()).collect();
    let first = inputs.first().filter(|_| inputs.len() > 1)?;
    let (day, bytes) = (first.day, inputs.iter().map(|file| file.bytes).sum::<u64>());
    // Compressed once more it may end a little below what is left alone: then it is merged again.
    let effort = if bytes >= FINAL_BYTES { Effort::Compacted } else { effort };
    Some(Due { day, inputs, effort })
}

impl Compaction {
    pub(super) fn new(
        due: Due,
        snapshot: TableSnapshot,
        options: TableOptions,
        disk: Arc<Disk>,
    ) -> Compaction {
        Compaction { due, snapshot, options, disk }
    }

    /// Where its inputs lie.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.due.inputs.iter().map(|file| self.snapshot.path_of(file)).collect()
    }

    /// Reads, merges and writes; blocks. The compacted file is on stable storage when it returns.
    /// Once `stop` is cancelled it ends early, with [`TableError::Stopped`].
    pub(super) fn run(self, pace: Pace, stop: CancellationToken) -> Result<Compacted, TableError> {
        let paths = self.paths();
        let Compaction { due: Due { day, inputs, effort }, snapshot, options, disk } = self;
        // What is merged has a good hash again.
        inputs.iter().try_for_each(|input| snapshot.verify(input))?;
        let merge = Merge::open(&paths, &options, &snapshot.schema, pace, stop)?;
        let output = files::write(&disk, &snapshot, &options, day, snapshot.cursor, effort, merge)?;
        let rows_in: u64 = inputs.iter().map(|file| file.rows).sum();
        if output.rows != rows_in {
            let path = snapshot.path_of(&output);
            return Err(damaged(&path, format!("the {rows_in} rows of its inputs"), output.rows));
        }
        Ok(Compacted { inputs, output, snapshot })
    }
}
