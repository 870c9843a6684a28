//! An answer of `sql` as plain rows of plain values, for tables and charts.
//!
//! Invariants: NULL stays [`Value::Null`], never 0; an instant is shown as clocks in the asked zone show it.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::DateTime;
use chrono_tz::Tz;

use super::days::local;
use crate::model::Micros;
use crate::sql::{ANSWER_ROWS_MAX, CHANGE, PREVIOUS};

/// Rows taken from an answer: what a chart can still draw.
const ROWS_MAX: usize = 5_000;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Whole(i64),
    Number(f64),
    Text(String),
    Time(DateTime<Tz>),
}

/// An answer's columns and its first rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than these.
    pub cut: bool,
}

impl Value {
    /// The value as a number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            // Exact below 2^53, which counts do not reach.
            Value::Whole(whole) => Some(*whole as f64),
            Value::Number(number) => Some(*number).filter(|number| number.is_finite()),
            Value::Null | Value::Text(_) | Value::Time(_) => None,
        }
    }

    /// The value as it is in an address, and told apart from others; empty for NULL.
    pub(super) fn label(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Whole(whole) => whole.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Time(time) => time.to_rfc3339(),
        }
    }

    /// The value as a whole number, if it is one.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Value::Whole(whole) => Some(*whole),
            _ => None,
        }
    }
}

impl Grid {
    /// Reads the first rows of `batches`, instants as clocks in `zone` show them.
    pub(super) fn of(batches: &[RecordBatch], zone: Tz) -> Result<Grid, ArrowError> {
        Grid::first(ROWS_MAX, batches, zone)
    }

    /// Reads all rows that an answer in memory may have.
    pub(super) fn whole(batches: &[RecordBatch], zone: Tz) -> Result<Grid, ArrowError> {
        let grid = Grid::first(ANSWER_ROWS_MAX, batches, zone)?;
        // An answer with as many is cut there itself.
        Ok(Grid { cut: grid.rows.len() >= ANSWER_ROWS_MAX, ..grid })
    }

    fn first(rows_max: usize, batches: &[RecordBatch], zone: Tz) -> Result<Grid, ArrowError> {
        let mut grid = Grid::default();
        for batch in batches {
            if grid.names.is_empty() {
                grid.names =
                    batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            }
            let wanted = batch.num_rows().min(rows_max - grid.rows.len());
            grid.cut |= wanted < batch.num_rows();
            let batch = batch.slice(0, wanted);
            let columns = batch
                .columns()
                .iter()
                .map(|column| values(column, zone))
                .collect::<Result<Vec<_>, _>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            for _ in 0..wanted {
                grid.rows.push(
                    columns.iter_mut().map(|column| column.next().unwrap_or(Value::Null)).collect(),
                );
            }
        }
        Ok(grid)
    }

    /// Position of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// Whether a column says what another one was a period before, or by how much that has changed since.
    pub(super) fn is_beside(&self, name: &str) -> bool {
        let mut bare =
            [PREVIOUS, CHANGE].into_iter().filter_map(|prefix| name.strip_prefix(prefix));
        bare.any(|bare| self.column(bare).is_some())
    }

    /// What a figure was a period before, where an answer says it.
    pub(super) fn before(&self, row: usize, name: &str) -> Option<&Value> {
        self.cell(row, &format!("{PREVIOUS}{name}"))
    }

    /// A cell by its row and its column's name.
    pub(super) fn cell(&self, row: usize, name: &str) -> Option<&Value> {
        self.rows.get(row)?.get(self.column(name)?)
    }
}

fn values(column: &dyn Array, zone: Tz) -> Result<Vec<Value>, ArrowError> {
    let data_type = column.data_type();
    // One without a zone is no instant, and is shown as it is.
    if let DataType::Timestamp(_, Some(of_column)) = data_type {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some(of_column.clone()));
        let instants = cast(column, &micros)?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>().iter();
        let time = |micros| Value::Time(local(Micros(micros), zone));
        return Ok(instants.map(|cell| cell.map_or(Value::Null, time)).collect());
    }
    let decimal = matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    if data_type.is_integer() {
        let whole = cast(column, &DataType::Int64)?;
        return Ok(whole
            .as_primitive::<Int64Type>()
            .iter()
            .map(|cell| cell.map_or(Value::Null, Value::Whole))
            .collect());
    }
    if data_type.is_floating() || decimal {
        let numbers = cast(column, &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>().iter();
        return Ok(numbers.map(|cell| cell.map_or(Value::Null, Value::Number)).collect());
    }
    let options = FormatOptions::default().with_display_error(true);
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let cell = |row| {
        if column.is_null(row) {
            Value::Null
        } else {
            Value::Text(formatter.value(row).to_string())
        }
    };
    Ok((0..column.len()).map(cell).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Date32Array, Float64Array, Int32Array, StringArray, TimestampMillisecondArray,
        UInt64Array,
    };

    use super::*;

    #[test]
    fn each_type_becomes_its_plain_value_and_null_stays_null() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("day", Arc::new(Date32Array::from(vec![20_456, 20_457]))),
            ("n", Arc::new(UInt64Array::from(vec![Some(3), None]))),
            ("hour", Arc::new(Int32Array::from(vec![0, 23]))),
            ("median_s", Arc::new(Float64Array::from(vec![None, Some(1.5)]))),
            ("agent", Arc::new(StringArray::from(vec![Some("林晓"), None]))),
            (
                "at",
                Arc::new(
                    TimestampMillisecondArray::from(vec![Some(1_767_463_985_000), None])
                        .with_timezone("UTC"),
                ),
            ),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        )
        .unwrap();
        let grid = Grid::of(&[batch.clone(), batch], chrono_tz::Asia::Shanghai).unwrap();
        assert_eq!((grid.rows.len(), grid.cut), (4, false));
        let text = |text: &str| Value::Text(text.to_string());
        let first =
            [text("2026-01-03"), Value::Whole(3), Value::Whole(0), Value::Null, text("林晓")];
        assert_eq!(grid.rows[0][..5], first);
        assert_eq!(grid.rows[0][5].label(), "2026-01-04T02:13:05+08:00");
        assert_eq!(
            grid.rows[3][1..],
            [Value::Null, Value::Whole(23), Value::Number(1.5), Value::Null, Value::Null]
        );
        assert_eq!(grid.cell(1, "hour"), Some(&Value::Whole(23)));
        assert_eq!(grid.column("agent"), Some(4));
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let column: ArrayRef =
            Arc::new(Int32Array::from_iter_values(0..i32::try_from(ROWS_MAX).unwrap() + 1));
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let grid = Grid::of(&[batch], Tz::UTC).unwrap();
        assert_eq!((grid.rows.len(), grid.cut), (ROWS_MAX, true));
    }
}
