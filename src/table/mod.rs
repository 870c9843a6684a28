//! Delta tables on disk: Parquet files and a cursor that change together, readable by anything that
//! reads Delta Lake.
//!
//! Flow: whoever fills a table declares its [`columns`] and makes batches of them → [`Table`]
//! writes those as Parquet and commits them with the cursor through a store that syncs → small
//! files are compacted, removed ones swept by [`Maintenance`]. Questions read a [`TableSnapshot`].
//!
//! Invariants: cursor and rows change in one commit; a reported commit is on stable storage;
//! nothing damaged is served; a file that any snapshot of the last 15 minutes lists is on disk.
//! It does not know what a row means and reads none for questions; nothing above it knows that the
//! disk is local but by `root`.

mod blocking;
mod check;
pub mod columns;
mod compaction;
mod delta;
mod error;
mod files;
mod load;
mod maintenance;
mod merge;
mod options;
mod parquet_file;
mod poison;
mod rows;
mod snapshot;
mod stats;
mod store;
// The table itself; the folder is named after it.
#[allow(clippy::module_inception)]
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod vacuum;

pub use compaction::{Compacted, Compaction};
pub use error::TableError;
pub use maintenance::Maintenance;
pub use options::{Encoding, TableOptions};
pub use rows::{Wanted, read as read_rows};
pub use snapshot::{DataFile, TableSnapshot};
pub use stats::{Bounds, ColumnStats};
pub use table::Table;
pub use vacuum::{REMOVED_FILE_GRACE, Vacuumed};

/// The partition column: the UTC day, a Date. It is in the folder names and in the Delta log, not
/// in the files.
pub const DAY_COLUMN: &str = "day";
