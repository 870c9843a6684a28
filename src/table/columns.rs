//! From rows to Arrow. A column says once how it is read from a row; type, nullability and array follow from that.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::model::Micros;
use crate::model::fields::time_type;

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
    /// A count, a number in a row, an offset or milliseconds: 64 bits.
    Count(fn(&R) -> i64),
    MaybeCount(fn(&R) -> Option<i64>),
    /// A rating or a version: 32 bits.
    Small(fn(&R) -> i32),
    MaybeSmall(fn(&R) -> Option<i32>),
    Time(fn(&R) -> Micros),
    MaybeTime(fn(&R) -> Option<Micros>),
    Flag(fn(&R) -> bool),
}

impl<R> Column<R> {
    pub fn data_type(&self) -> DataType {
        match self.read {
            Read::Text(_) | Read::MaybeText(_) => DataType::Utf8,
            Read::Texts(_) => DataType::List(Arc::new(text_element())),
            Read::Count(_) | Read::MaybeCount(_) => DataType::Int64,
            Read::Small(_) | Read::MaybeSmall(_) => DataType::Int32,
            Read::Time(_) | Read::MaybeTime(_) => time_type(),
            Read::Flag(_) => DataType::Boolean,
        }
    }

    pub fn is_nullable(&self) -> bool {
        matches!(
            self.read,
            Read::MaybeText(_) | Read::MaybeCount(_) | Read::MaybeSmall(_) | Read::MaybeTime(_)
        )
    }

    fn array(&self, rows: &[R]) -> ArrayRef {
        let rows = rows.iter();
        match self.read {
            Read::Text(read) => Arc::new(StringArray::from_iter_values(rows.map(read))),
            Read::MaybeText(read) => Arc::new(rows.map(read).collect::<StringArray>()),
            Read::Texts(read) => texts(rows.map(read)),
            Read::Count(read) => Arc::new(Int64Array::from_iter_values(rows.map(read))),
            Read::MaybeCount(read) => Arc::new(rows.map(read).collect::<Int64Array>()),
            Read::Small(read) => Arc::new(Int32Array::from_iter_values(rows.map(read))),
            Read::MaybeSmall(read) => Arc::new(rows.map(read).collect::<Int32Array>()),
            Read::Time(read) => times(rows.map(|row| Some(read(row)))),
            Read::MaybeTime(read) => times(rows.map(read)),
            Read::Flag(read) => Arc::new(rows.map(|row| Some(read(row))).collect::<BooleanArray>()),
        }
    }
}

/// The Arrow schema of a table.
pub(crate) fn schema<R>(columns: &[Column<R>]) -> SchemaRef {
    let field =
        |column: &Column<R>| Field::new(column.name, column.data_type(), column.is_nullable());
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()))
}

/// `rows` as one batch of `schema`, which is made from the same `columns`.
pub(crate) fn batch<R>(
    schema: SchemaRef,
    columns: &[Column<R>],
    rows: &[R],
) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema, columns.iter().map(|column| column.array(rows)).collect())
}

/// Delta calls a list's items `element`, and its readers expect them nullable.
fn text_element() -> Field {
    Field::new("element", DataType::Utf8, true)
}

fn times(values: impl Iterator<Item = Option<Micros>>) -> ArrayRef {
    let values: TimestampMicrosecondArray = values.map(|time| time.map(|time| time.0)).collect();
    Arc::new(values.with_timezone("UTC"))
}

fn texts<'a>(values: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(text_element());
    for texts in values {
        lists.append_value(texts.iter().map(Some));
    }
    Arc::new(lists.finish())
}
