//! The columns of a table, each declared once: how it is read from a row. Its type, whether it may
//! be NULL, the schema and the arrays follow from that.
//!
//! It knows no table and no row: those who fill a table declare its columns.

use std::borrow::Borrow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use crate::model::Micros;

/// One column of a table whose rows are `R`.
#[derive(Clone, Copy, Debug)]
pub struct Column<R> {
    pub name: &'static str,
    pub read: Read<R>,
    pub meaning: &'static str,
}

/// How a column's value is read from a row. `Maybe…` columns are nullable, the others never NULL.
#[derive(Clone, Copy, Debug)]
pub enum Read<R> {
    Text(fn(&R) -> &str),
    MaybeText(fn(&R) -> Option<&str>),
    Texts(fn(&R) -> &[String]),
    MaybeBytes(fn(&R) -> Option<&[u8]>),
    /// A SHA-256, as text of 64 lower-case hex digits.
    Hash(fn(&R) -> &[u8; 32]),
    /// A count, a number in a row, an offset or milliseconds: 64 bits.
    Count(fn(&R) -> i64),
    MaybeCount(fn(&R) -> Option<i64>),
    /// A rating or a version: 32 bits.
    Small(fn(&R) -> i32),
    MaybeSmall(fn(&R) -> Option<i32>),
    /// A share or a probability.
    MaybeNumber(fn(&R) -> Option<f64>),
    Time(fn(&R) -> Micros),
    MaybeTime(fn(&R) -> Option<Micros>),
    Flag(fn(&R) -> bool),
    /// What is more than a value: its type, and its array for some rows in their order.
    MaybeNested {
        data_type: fn() -> DataType,
        array: fn(&mut dyn Iterator<Item = &R>) -> ArrayRef,
    },
}

impl<R> Column<R> {
    pub fn data_type(&self) -> DataType {
        match self.read {
            Read::Text(_) | Read::MaybeText(_) | Read::Hash(_) => DataType::Utf8,
            Read::MaybeBytes(_) => DataType::Binary,
            Read::Texts(_) => DataType::List(Arc::new(text_element())),
            // Delta and most tools have no unsigned integers.
            Read::Count(_) | Read::MaybeCount(_) => DataType::Int64,
            Read::Small(_) | Read::MaybeSmall(_) => DataType::Int32,
            Read::MaybeNumber(_) => DataType::Float64,
            Read::Time(_) | Read::MaybeTime(_) => time_type(),
            Read::Flag(_) => DataType::Boolean,
            Read::MaybeNested { data_type, .. } => data_type(),
        }
    }

    pub fn is_nullable(&self) -> bool {
        match self.read {
            Read::MaybeText(_)
            | Read::MaybeBytes(_)
            | Read::MaybeCount(_)
            | Read::MaybeSmall(_)
            | Read::MaybeNumber(_)
            | Read::MaybeTime(_)
            | Read::MaybeNested { .. } => true,
            Read::Text(_)
            | Read::Texts(_)
            | Read::Hash(_)
            | Read::Count(_)
            | Read::Small(_)
            | Read::Time(_)
            | Read::Flag(_) => false,
        }
    }

    /// Its values in `rows`, owned or borrowed.
    pub(crate) fn array<B: Borrow<R>>(&self, rows: &[B]) -> ArrayRef {
        let mut rows = rows.iter().map(Borrow::borrow);
        match self.read {
            Read::Text(read) => Arc::new(StringArray::from_iter_values(rows.map(read))),
            Read::MaybeText(read) => Arc::new(rows.map(read).collect::<StringArray>()),
            Read::Texts(read) => texts(rows.map(read)),
            Read::MaybeBytes(read) => Arc::new(rows.map(read).collect::<BinaryArray>()),
            Read::Hash(read) => hashes(rows.map(read)),
            Read::Count(read) => Arc::new(Int64Array::from_iter_values(rows.map(read))),
            Read::MaybeCount(read) => Arc::new(rows.map(read).collect::<Int64Array>()),
            Read::Small(read) => Arc::new(Int32Array::from_iter_values(rows.map(read))),
            Read::MaybeSmall(read) => Arc::new(rows.map(read).collect::<Int32Array>()),
            Read::MaybeNumber(read) => Arc::new(rows.map(read).collect::<Float64Array>()),
            Read::Time(read) => {
                in_utc(TimestampMicrosecondArray::from_iter_values(rows.map(|row| read(row).0)))
            }
            Read::MaybeTime(read) => in_utc(rows.map(|row| read(row).map(|time| time.0)).collect()),
            Read::Flag(read) => Arc::new(rows.map(|row| Some(read(row))).collect::<BooleanArray>()),
            Read::MaybeNested { array, .. } => array(&mut rows),
        }
    }
}

/// The Arrow schema of a table.
pub(crate) fn schema<R>(columns: &[Column<R>]) -> SchemaRef {
    let field =
        |column: &Column<R>| Field::new(column.name, column.data_type(), column.is_nullable());
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()))
}

/// `rows`, owned or borrowed, as one batch of `schema`, which is made from the same `columns`.
pub(crate) fn batch<R, B: Borrow<R>>(
    schema: SchemaRef,
    columns: &[Column<R>],
    rows: &[B],
) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema, columns.iter().map(|column| column.array(rows)).collect())
}

/// UTC in microseconds, as Delta stores times.
fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Delta calls a list's items `element`, and its readers expect them nullable.
fn text_element() -> Field {
    Field::new("element", DataType::Utf8, true)
}

fn in_utc(times: TimestampMicrosecondArray) -> ArrayRef {
    Arc::new(times.with_timezone("UTC"))
}

fn texts<'a>(values: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(text_element());
    for texts in values {
        lists.append_value(texts.iter().map(Some));
    }
    Arc::new(lists.finish())
}

fn hashes<'a>(values: impl ExactSizeIterator<Item = &'a [u8; 32]>) -> ArrayRef {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut column = StringBuilder::with_capacity(values.len(), values.len() * 64);
    let mut digits = [0; 64];
    for hash in values {
        let (pairs, _) = digits.as_chunks_mut();
        for ([high, low], byte) in pairs.iter_mut().zip(hash) {
            *high = DIGITS[usize::from(byte >> 4)];
            *low = DIGITS[usize::from(byte & 15)];
        }
        // Digits are ASCII.
        column.append_value(str::from_utf8(&digits).unwrap_or_default());
    }
    Arc::new(column.finish())
}
