//! Delta tables on disk: Parquet files and a cursor that change together, readable by anything that
//! reads Delta Lake.
//!
//! Flow: whoever fills a table declares its [`columns`] and makes batches of them → [`Table`]
//! writes those as Parquet and commits them with the cursor through a store that syncs →
//! [`Maintenance`] compacts small files and sweeps removed ones. Questions read a
//! [`TableSnapshot`].
//!
//! Invariants: cursor and rows change in one commit; a reported commit is on stable storage;
//! nothing damaged is served; a file that any snapshot lists is on disk as long as that snapshot
//! lives, in whatever process.
//! It does not know what a row means and reads none for questions; nothing above it knows that the
//! disk is local but by `root`.

// The columns of a table, declared once.
pub mod columns;
// What differs from table to table.
mod options;
// The table itself; the folder is named after it.
#[allow(clippy::module_inception)]
mod table;
mod error;
// Looked at when it is opened.
mod check;
mod load;
// One data file, and how it is written.
mod files;
mod parquet_file;
mod stats;
// The live ones, and who reads them.
mod file_list;
mod lease;
mod snapshot;
// Which files are what was written.
mod whole;
// The log of commits, and the disk below it.
mod delta;
mod store;
mod poison;
mod blocking;
// Its files, for a copy.
mod copy;
// Some rows of a file, read directly.
mod rows;
// Many small files become few large ones.
mod compaction;
mod merge;
mod row_bytes;
// Rows change where they stand.
mod rewrite;
// What left the table goes.
mod vacuum;
// When all that happens.
mod maintenance;
#[cfg(test)]
pub(crate) mod tests;

pub use copy::files_of;
pub use error::TableError;
pub use file_list::FileList;
pub use maintenance::Maintenance;
pub use options::{Encoding, TableOptions};
pub use rewrite::{Change, Prepared, Rewrite};
pub use rows::{Wanted, read as read_rows, read_columns};
pub use snapshot::{DataFile, TableSnapshot};
pub use stats::{Bounds, ColumnStats};
pub use table::Table;
pub use vacuum::Vacuumed;

/// The partition column: a UTC day, a Date. It is in the folder names and in the Delta log, not in
/// the files.
pub const DAY_COLUMN: &str = "day";
