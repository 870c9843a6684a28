//! Some rows of a file, read directly: by the values of text columns, or by a range of an integer.
//!
//! Row groups that cannot hold one are skipped by their statistics and bloom filters; of the others
//! the columns asked for are decoded first, and the rest only where a row is wanted.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::TableError;
use super::error::damaged;
use crate::model::unless_panicked;

/// Rows decoded at once.
const BATCH_ROWS: usize = 1_024;

/// Which rows of a file are wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Those with these values in these text columns.
    Texts(Vec<(&'static str, String)>),
    /// Those whose integer column lies in this range.
    Ints(&'static str, Range<i64>),
    /// Those whose integer column has one of these values.
    AnyInt(&'static str, Arc<BTreeSet<i64>>),
}

/// The wanted rows of the Parquet file at `path`, in its order.
pub fn read(path: &Path, wanted: &Wanted) -> Result<Vec<RecordBatch>, TableError> {
    read_projected(path, wanted, None)
}

/// [`read`], with these columns only.
pub fn read_columns(
    path: &Path,
    wanted: &Wanted,
    columns: &[&str],
) -> Result<Vec<RecordBatch>, TableError> {
    read_projected(path, wanted, Some(columns))
}

fn read_projected(
    path: &Path,
    wanted: &Wanted,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>, TableError> {
    let read = unless_panicked(|| read_unguarded(path, wanted, columns));
    read.unwrap_or_else(|said| Err(damaged(path, "readable Parquet", said)))
}

fn read_unguarded(
    path: &Path,
    wanted: &Wanted,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>, TableError> {
    let unreadable = |error| damaged(path, "readable Parquet", error);
    let file = File::open(path).map_err(TableError::io("read", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
    let mut groups = Vec::new();
    for (index, group) in builder.metadata().row_groups().iter().enumerate() {
        if wanted.may_be_in(group) && may_hold(&builder, index, wanted).map_err(unreadable)? {
            groups.push(index);
        }
    }
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let schema = builder.parquet_schema();
    let filter = RowFilter::new(wanted.predicates(schema));
    let projection = match columns {
        Some(columns) => ProjectionMask::columns(schema, columns.iter().copied()),
        None => ProjectionMask::all(),
    };
    let reader = builder
        .with_projection(projection)
        .with_row_groups(groups)
        .with_row_filter(filter)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(unreadable)?;
    reader.collect::<Result<_, ArrowError>>().map_err(|error| damaged(path, "readable rows", error))
}

impl Wanted {
    /// Whether the statistics of a row group allow a wanted row.
    fn may_be_in(&self, group: &RowGroupMetaData) -> bool {
        let statistics = |name: &str| {
            let column =
                group.columns().iter().find(|column| column.column_path().string() == name);
            column.and_then(|column| column.statistics())
        };
        match self {
            Wanted::Ints(column, range) => match statistics(column) {
                Some(Statistics::Int64(bounds)) => {
                    let ends_before = bounds.max_opt().is_some_and(|max| *max < range.start);
                    let begins_after = bounds.min_opt().is_some_and(|min| *min >= range.end);
                    !ends_before && !begins_after
                }
                _ => true,
            },
            Wanted::AnyInt(column, values) => match statistics(column) {
                Some(Statistics::Int64(bounds)) => {
                    let (min, max) = (bounds.min_opt(), bounds.max_opt());
                    let (min, max) = (min.copied(), max.copied());
                    let within = min.unwrap_or(i64::MIN)..=max.unwrap_or(i64::MAX);
                    values.range(within).next().is_some()
                }
                _ => true,
            },
            Wanted::Texts(values) => values.iter().all(|(column, value)| {
                match statistics(column) {
                    // A bound that is too long is cut, and the upper one then raised.
                    Some(Statistics::ByteArray(bounds)) => {
                        let value = value.as_bytes();
                        let ends_before = bounds.max_opt().is_some_and(|max| max.data() < value);
                        let begins_after = bounds.min_opt().is_some_and(|min| min.data() > value);
                        !ends_before && !begins_after
                    }
                    _ => true,
                }
            }),
        }
    }

    fn predicates(
        &self,
        schema: &parquet::schema::types::SchemaDescriptor,
    ) -> Vec<Box<dyn ArrowPredicate>> {
        let mask = |column: &str| ProjectionMask::columns(schema, [column]);
        match self {
            Wanted::Ints(column, range) => {
                let range = range.clone();
                let holds = move |batch: RecordBatch| {
                    let numbers = batch.column(0).as_primitive::<Int64Type>();
                    Ok(numbers
                        .iter()
                        .map(|number| number.map(|number| range.contains(&number)))
                        .collect())
                };
                vec![Box::new(ArrowPredicateFn::new(mask(column), holds))]
            }
            Wanted::AnyInt(column, values) => {
                let values = values.clone();
                let holds = move |batch: RecordBatch| {
                    let numbers = batch.column(0).as_primitive::<Int64Type>();
                    let is_wanted =
                        |number: Option<i64>| number.map(|number| values.contains(&number));
                    Ok(numbers.iter().map(is_wanted).collect())
                };
                vec![Box::new(ArrowPredicateFn::new(mask(column), holds))]
            }
            Wanted::Texts(values) => values
                .iter()
                .map(|(column, value)| -> Box<dyn ArrowPredicate> {
                    let value = value.clone();
                    let holds = move |batch: RecordBatch| {
                        let texts = batch.column(0).as_string::<i32>();
                        Ok(texts
                            .iter()
                            .map(|text| Some(text == Some(value.as_str())))
                            .collect::<BooleanArray>())
                    };
                    Box::new(ArrowPredicateFn::new(mask(column), holds))
                })
                .collect(),
        }
    }
}

/// Whether the bloom filters of a row group, where it has any, allow a wanted row.
fn may_hold(
    builder: &ParquetRecordBatchReaderBuilder<File>,
    group: usize,
    wanted: &Wanted,
) -> parquet::errors::Result<bool> {
    let Wanted::Texts(values) = wanted else { return Ok(true) };
    let columns = builder.metadata().row_group(group).columns();
    for (name, value) in values {
        let index = columns.iter().position(|column| column.column_path().string() == *name);
        let Some(index) = index else { continue };
        if let Some(filter) = builder.get_row_group_column_bloom_filter(group, index)?
            && !filter.check(&value.as_str())
        {
            return Ok(false);
        }
    }
    Ok(true)
}
