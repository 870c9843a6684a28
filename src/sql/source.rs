//! Where the rows of a question's tables come from: a snapshot in this process, or the process that
//! holds one and is asked for what a scan needs of it. Most questions need one or two tables.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::SqlError;
use super::stored::Stored;
use crate::table::DataFile;

/// Files with rows of all shops, and where they lie.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Files {
    pub(super) root: PathBuf,
    pub(super) files: Vec<DataFile>,
}

/// The tables of one shop at one moment. No row is in both files and tail, and the files stay where
/// they are while this lives.
#[async_trait]
pub(super) trait Source: Debug + Send + Sync {
    /// The files of `table` that may have rows of the shop.
    async fn files(&self, table: Stored) -> Result<Files, SqlError>;

    /// The shop's rows beyond the files, with the columns at these places of the table; no batch
    /// where there is no row.
    async fn tail(&self, table: Stored, columns: &[usize]) -> Result<Vec<RecordBatch>, SqlError>;

    /// Refuses to have rows read from files of `table`, named by their paths in it, of which one is not
    /// what was written.
    async fn require_whole(&self, table: Stored, paths: &[Arc<str>]) -> Result<(), SqlError>;
}

/// Tables without rows.
#[derive(Debug)]
pub(super) struct NoRows;

#[async_trait]
impl Source for NoRows {
    async fn files(&self, _: Stored) -> Result<Files, SqlError> {
        Ok(Files { root: PathBuf::new(), files: Vec::new() })
    }

    async fn tail(&self, _: Stored, _: &[usize]) -> Result<Vec<RecordBatch>, SqlError> {
        Ok(Vec::new())
    }

    async fn require_whole(&self, _: Stored, _: &[Arc<str>]) -> Result<(), SqlError> {
        Ok(())
    }
}
