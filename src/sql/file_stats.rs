//! What the table knows of its files, in the engine's words: to leave files out, and to answer
//! counts, smallest and largest values without opening any.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, Statistics};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use crate::table::{Bounds, DataFile};

/// The files that may have rows for which `predicate` holds.
pub(super) fn pruned<'a>(
    files: Vec<&'a DataFile>,
    schema: &'a SchemaRef,
    predicate: Arc<dyn PhysicalExpr>,
) -> Result<Vec<&'a DataFile>> {
    let predicate =
        PruningPredicateBuilder::new().with_file_schema(schema.clone()).try_build(predicate)?;
    let known = Known { files, schema };
    let may_match = predicate.prune(&known)?;
    let kept = known.files.into_iter().zip(may_match).filter(|(_, may_match)| *may_match);
    Ok(kept.map(|(file, _)| file).collect())
}

/// What is known of all rows of `files`, for the columns named in `wanted`.
pub(super) fn total(files: &[&DataFile], schema: &Schema, wanted: &[usize]) -> Statistics {
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let mut statistics = Statistics::new_unknown(schema);
    statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
    for column in wanted {
        if let Some(known) = of_column(files, schema.field(*column)) {
            statistics.column_statistics[*column] = known;
        }
    }
    statistics
}

/// `None` where a file does not say.
fn of_column(files: &[&DataFile], field: &Field) -> Option<ColumnStatistics> {
    let mut nulls = 0;
    let mut all: Option<Bounds> = None;
    for file in files {
        let stats = file.column(field.name())?;
        nulls += stats.nulls;
        all = match (all, stats.bounds.clone()) {
            (Some(all), Some(bounds)) => Some(all.including(bounds)),
            // Only nulls, or a file that does not say.
            (all, None) if stats.nulls == file.rows => all,
            (_, None) => return None,
            (None, bounds) => bounds,
        };
    }
    // Times are known to the millisecond.
    let precision = match field.data_type() {
        DataType::Timestamp(..) => Precision::Inexact,
        _ => Precision::Exact,
    };
    let mut known = ColumnStatistics::new_unknown();
    known.null_count = Precision::Exact(usize::try_from(nulls).ok()?);
    if let Some((min, max)) = all.and_then(|bounds| scalars(&bounds, field.data_type())) {
        known.min_value = precision(min);
        known.max_value = precision(max);
    }
    Some(known)
}

/// Bounds as values of the column's type.
fn scalars(bounds: &Bounds, data_type: &DataType) -> Option<(ScalarValue, ScalarValue)> {
    let scalars = match (bounds, data_type) {
        (Bounds::Ints(min, max), DataType::Int64) => {
            (ScalarValue::Int64(Some(*min)), ScalarValue::Int64(Some(*max)))
        }
        (Bounds::Ints(min, max), DataType::Int32) => {
            let small = |value: i64| Some(ScalarValue::Int32(Some(i32::try_from(value).ok()?)));
            (small(*min)?, small(*max)?)
        }
        (Bounds::Times(min, max), DataType::Timestamp(_, zone)) => {
            let time = |value: i64| ScalarValue::TimestampMicrosecond(Some(value), zone.clone());
            (time(min.0), time(max.0))
        }
        (Bounds::Texts(min, max), DataType::Utf8) => {
            (ScalarValue::Utf8(Some(min.clone())), ScalarValue::Utf8(Some(max.clone())))
        }
        (Bounds::Texts(min, max), DataType::Utf8View) => {
            (ScalarValue::Utf8View(Some(min.clone())), ScalarValue::Utf8View(Some(max.clone())))
        }
        _ => return None,
    };
    Some(scalars)
}

struct Known<'a> {
    files: Vec<&'a DataFile>,
    schema: &'a Schema,
}

impl Known<'_> {
    fn values(
        &self,
        column: &Column,
        end: impl Fn((ScalarValue, ScalarValue)) -> ScalarValue,
    ) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(column.name()).ok()?.data_type();
        let unknown = ScalarValue::try_from(data_type).ok()?;
        let value = |file: &&DataFile| {
            let bounds = file.bounds(column.name()).and_then(|bounds| scalars(bounds, data_type));
            bounds.map_or_else(|| unknown.clone(), &end)
        };
        ScalarValue::iter_to_array(self.files.iter().map(value)).ok()
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |(min, _)| min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |(_, max)| max)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let nulls = |file: &&DataFile| file.column(column.name()).map(|stats| stats.nulls);
        Some(Arc::new(self.files.iter().map(nulls).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
