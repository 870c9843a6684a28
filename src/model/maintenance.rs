//! What the maintenance of a store's tables says of itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What maintenance is at, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaintenanceState {
    /// Compactions done since the table was opened.
    pub compactions: u64,
    /// Days that wait for a compaction, as far as the last look saw.
    pub days_due: u64,
    /// Files that left the table and wait for their readers, and their bytes.
    pub removed_files: u64,
    pub removed_bytes: u64,
    /// Files that are damaged: left out of compactions, and no rows of them are shown; the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub set_aside: Vec<PathBuf>,
    /// What failed last; `None` once it went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl MaintenanceState {
    /// Takes in that of another table of the same store.
    pub fn add(&mut self, other: MaintenanceState) {
        self.compactions += other.compactions;
        self.days_due += other.days_due;
        self.removed_files += other.removed_files;
        self.removed_bytes += other.removed_bytes;
        self.set_aside.extend(other.set_aside);
        self.failed = self.failed.take().or(other.failed);
    }
}
