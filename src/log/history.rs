//! What the log no longer holds: kept elsewhere, and read from there by scans as if it were here.

use std::ops::Range;

use super::LogError;
use crate::model::{Offset, Record};

/// Keeps the records that were trimmed from the log.
pub trait History: Send + Sync {
    /// The records of `range`, in order, each once. May block.
    ///
    /// # Errors
    /// [`LogError::History`] where they cannot be read, or one is not there.
    fn read(&self, range: Range<Offset>) -> Result<Vec<Record>, LogError>;
}
