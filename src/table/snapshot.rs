//! What a table holds at one moment, for readers. Cheap to clone; nothing in it changes.
//!
//! A snapshot is a lease: the files it lists stay on disk as long as it, or a clone of it, lives.
//! It reads no file itself.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::file_list::FileList;
use super::lease::Lease;
use super::stats::{Bounds, ColumnStats};
use super::whole::WholeFiles;
use crate::model::{Micros, Offset};

/// One table at one moment.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    /// Delta version.
    pub version: u64,
    /// All offsets below it are in this snapshot.
    pub cursor: Offset,
    /// Live files.
    pub files: FileList,
    /// Columns of the files. The partition column `day` is not in the files; see [`DataFile::day`].
    pub schema: SchemaRef,
    /// Folder of the table.
    pub root: Arc<Path>,
    /// Shared by all snapshots of a table that this process has open.
    pub(super) whole: Arc<WholeFiles>,
    /// Keeps the files on disk.
    pub(super) _lease: Lease,
}

/// One Parquet file. Rows are sorted by the table's sort columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataFile {
    /// Relative to the table's root: `day=2026-01-02/NAME.parquet`.
    pub path: Arc<str>,
    /// The partition all its rows belong to.
    pub day: NaiveDate,
    pub rows: u64,
    pub bytes: u64,
    /// For numbers, times and the columns rows are found by.
    pub stats: Arc<[ColumnStats]>,
    /// First version that lists it, as far as this process knows: 0 for what was there when the
    /// table was opened. Only whoever deletes files asks.
    #[serde(skip)]
    pub(super) since: u64,
}

impl TableSnapshot {
    /// Where a file lies.
    pub fn path_of(&self, file: &DataFile) -> PathBuf {
        self.root.join(&*file.path)
    }

    /// Rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl DataFile {
    /// What is known of a column's values in this file; `None` when nothing is.
    pub fn column(&self, column: &str) -> Option<&ColumnStats> {
        self.stats.iter().find(|stats| &*stats.column == column)
    }

    /// Smallest and largest value of a column in this file; `None` when they are not known.
    pub fn bounds(&self, column: &str) -> Option<&Bounds> {
        self.column(column).and_then(|stats| stats.bounds.as_ref())
    }

    /// The offsets of its rows lie in this range; not every one of the range need be here.
    pub fn offsets(&self) -> Option<Range<Offset>> {
        match self.bounds("offset")? {
            Bounds::Ints(min, max) => Some(
                Offset(u64::try_from(*min).ok()?)
                    ..Offset(u64::try_from(*max).ok()?.saturating_add(1)),
            ),
            _ => None,
        }
    }

    /// First and last instant of a time column, widened to whole milliseconds.
    pub fn times(&self, column: &str) -> Option<(Micros, Micros)> {
        match self.bounds(column)? {
            Bounds::Times(min, max) => Some((*min, *max)),
            _ => None,
        }
    }
}
