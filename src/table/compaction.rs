//! Many small files of a day become one: which, when, and the work itself.
//!
//! Files fall into tiers by size, each eight times the one below. When a tier of a day holds
//! [`FILES_MIN`] files, up to [`FILES_MAX`] of them are merged, which as a rule lands one tier up.
//! So a row is rewritten at most about once per tier: four times on its way from a live commit of
//! some KiB to a file that is left alone, whatever the traffic.
//!
//! One step reads at most [`INPUT_BYTES_MAX`]; its memory is stated in [`super::merge`], plus the
//! row group being encoded (131,072 rows × about 150 bytes = 20 MiB). A step is a pure function of
//! files that no one changes, so it runs beside commits; only [`super::Table::commit_compaction`]
//! touches the table.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::error::damaged;
use super::merge::Merge;
use super::parquet_file::Effort;
use super::snapshot::{DataFile, TableSnapshot};
use super::{TableError, TableOptions, files};
use crate::durable::Disk;

/// Upper ends of the tiers. A file of 32 MiB or more holds two or three row groups: large enough to
/// be left alone.
const TIER_ENDS_BYTES: [u64; 4] = [64 << 10, 512 << 10, 4 << 20, 32 << 20];
/// Fewer are not worth a rewrite: below eight, opening them costs a query less than a tenth of a
/// second.
const FILES_MIN: usize = 8;
/// Bounds open files and memory of one step.
const FILES_MAX: usize = 16;
/// At 13.6 MB/s of input (test `merge_speed`, one busy core) a step takes at most some ten seconds.
const INPUT_BYTES_MAX: u64 = 128 << 20;
/// What Delta's history says that compaction aims at.
pub(super) const TARGET_BYTES: i64 = 32 << 20;

/// Files of one day that are due to become one.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) day: NaiveDate,
    pub(super) inputs: Vec<DataFile>,
}

/// One step of it, ready to run.
pub struct Compaction {
    due: Due,
    snapshot: TableSnapshot,
    options: TableOptions,
    disk: Arc<Disk>,
}

/// A compacted file on disk, not yet in the table.
#[derive(Debug)]
pub struct Compacted {
    pub(super) inputs: Vec<DataFile>,
    pub(super) output: DataFile,
}

/// The step that is due, if any: of the lowest tier first, since it takes the most files away for
/// the least work.
pub(super) fn due(files: &[DataFile]) -> Option<Due> {
    let mut groups: BTreeMap<(usize, NaiveDate), Vec<&DataFile>> = BTreeMap::new();
    for file in files {
        if let Some(tier) = TIER_ENDS_BYTES.iter().position(|end| file.bytes < *end) {
            groups.entry((tier, file.day)).or_default().push(file);
        }
    }
    groups.into_iter().find_map(|((_, day), mut files)| {
        if files.len() < FILES_MIN {
            return None;
        }
        // Names begin with the cursor: neighbours in the log are merged first.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut bytes = 0;
        let inputs = files
            .into_iter()
            .take(FILES_MAX)
            .take_while(|file| {
                bytes += file.bytes;
                bytes <= INPUT_BYTES_MAX
            })
            .cloned()
            .collect();
        Some(Due { day, inputs })
    })
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

    /// Reads, merges and writes; blocks. The compacted file is on stable storage when it returns.
    /// Once `stop` is cancelled it ends early, with [`TableError::Stopped`].
    pub fn run(self, stop: CancellationToken) -> Result<Compacted, TableError> {
        let Compaction { due: Due { day, inputs }, snapshot, options, disk } = self;
        let paths: Vec<PathBuf> = inputs.iter().map(|file| snapshot.path_of(file)).collect();
        let merge = Merge::open(&paths, &options, &snapshot.schema, stop)?;
        let effort = Effort::Compacted;
        let output = files::write(&disk, &snapshot, &options, day, snapshot.cursor, effort, merge)?;
        let rows_in: u64 = inputs.iter().map(|file| file.rows).sum();
        if output.rows != rows_in {
            let path = snapshot.path_of(&output);
            return Err(damaged(&path, format!("the {rows_in} rows of its inputs"), output.rows));
        }
        Ok(Compacted { inputs, output })
    }
}
