//! What the maintenance of a table says of itself.

use std::path::PathBuf;

/// What maintenance is at, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceState {
    /// Compactions done since the table was opened.
    pub compactions: u64,
    /// Files that left the table and wait for their readers, and their bytes.
    pub removed_files: u64,
    pub removed_bytes: u64,
    /// Files that could not be read and are left as they are; the first few.
    pub set_aside: Vec<PathBuf>,
    /// What failed last; `None` once it went well.
    pub failed: Option<String>,
}
