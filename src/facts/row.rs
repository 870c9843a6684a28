//! What the rows of all tables of facts have in common.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::closer::Closer;
use crate::table::columns::{Column, batch};

/// A row of one table of facts.
pub(crate) trait FactRow: Clone + 'static {
    /// The table, in its folder of the same name.
    const TABLE: &'static str;
    const COLUMNS: &'static [Column<Self>];

    fn schema() -> SchemaRef;
    fn shop(&self) -> &str;
    fn conversation(&self) -> &str;
    /// What settled this row; `None` while it is open.
    fn closer(&self) -> Option<Closer>;

    /// `rows` as one batch.
    fn batch(rows: &[&Self]) -> Result<RecordBatch, ArrowError> {
        batch(Self::schema(), Self::COLUMNS, rows)
    }
}
