//! Rows that come sorted by a part of their time, taken apart: of each part the rows, without the column that says it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use super::{ExportError, PARTITION};

/// What takes rows of one schema apart.
pub struct Partitions {
    place: usize,
    schema: SchemaRef,
}

impl Partitions {
    /// Of rows with a column [`PARTITION`].
    pub fn of(schema: &SchemaRef) -> Result<Partitions, ExportError> {
        let place = schema.index_of(PARTITION)?;
        let fields = schema.fields().iter().enumerate();
        let fields: Vec<_> =
            fields.filter(|(at, _)| *at != place).map(|(_, field)| field.clone()).collect();
        Ok(Partitions { place, schema: Arc::new(Schema::new(fields)) })
    }

    /// The columns of what it gives.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows of each part, in their order; none: of no time.
    pub fn split(
        &self,
        rows: &RecordBatch,
    ) -> Result<Vec<(Option<NaiveDate>, RecordBatch)>, ExportError> {
        let parts = rows.column(self.place).as_primitive_opt::<Date32Type>().ok_or_else(|| {
            ArrowError::SchemaError(format!("`{PARTITION}` is no column of dates"))
        })?;
        let part_of = |row: usize| (!parts.is_null(row)).then(|| parts.value(row));
        let columns = rows.columns().iter().enumerate();
        let columns: Vec<ArrayRef> =
            columns.filter(|(at, _)| *at != self.place).map(|(_, column)| column.clone()).collect();
        let rows = RecordBatch::try_new(self.schema.clone(), columns)?;
        let (mut found, mut from) = (Vec::new(), 0);
        while from < rows.num_rows() {
            let part = part_of(from);
            let to = (from..rows.num_rows()).find(|row| part_of(*row) != part);
            let to = to.unwrap_or(rows.num_rows());
            let day = part.and_then(NaiveDate::from_epoch_days);
            found.push((day, rows.slice(from, to - from)));
            from = to;
        }
        Ok(found)
    }
}

/// A schema with pairs of texts, which Parquet and Arrow keep with the rows.
pub fn with_about(schema: &SchemaRef, about: &[(String, String)]) -> SchemaRef {
    Arc::new(schema.as_ref().clone().with_metadata(about.iter().cloned().collect()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Int64Array};

    use super::*;

    #[test]
    fn each_part_has_its_rows_and_no_column_of_its_own() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
        let days: ArrayRef =
            Arc::new(Date32Array::from(vec![Some(20_000), Some(20_000), Some(20_001), None]));
        let columns = [("n", numbers, false), (PARTITION, days, true)];
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let partitions = Partitions::of(&rows.schema()).unwrap();
        assert_eq!(partitions.schema().fields().len(), 1);
        let parts = partitions.split(&rows).unwrap();
        let counts: Vec<(Option<String>, usize)> = parts
            .iter()
            .map(|(day, rows)| (day.map(|day| day.to_string()), rows.num_rows()))
            .collect();
        let day = |text: &str| Some(text.to_string());
        assert_eq!(counts, [(day("2024-10-04"), 2), (day("2024-10-05"), 1), (None, 1)]);
        assert!(Partitions::of(partitions.schema()).is_err());
    }
}
