//! The columns of an answer as the wire describes them, and its rows as messages.
//!
//! What Postgres has no type for goes as JSON: lists of structs, structs, maps. An instant is shown with
//! its zone, UTC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow_pg::datatypes::{field_into_pg_type, into_pg_type};
use arrow_pg::encoder::encode_value;
use bytes::BytesMut;
use pgwire::api::Type;
use pgwire::api::results::{
    CopyCsvOptions, CopyEncoder, CopyTextOptions, DataRowEncoder, FieldFormat, FieldInfo,
};
use pgwire::error::PgWireError;
use pgwire::messages::Message;
use pgwire::messages::copy::CopyData;
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::json;
use crate::sql::SqlError;

/// How values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// The columns of one answer, and how each is written.
#[derive(Clone, Debug)]
pub struct Columns {
    fields: Fields,
    /// As the client is told.
    told: Arc<Vec<FieldInfo>>,
    /// As they are written: JSON is written as the text it is.
    written: Arc<Vec<FieldInfo>>,
}

impl Columns {
    /// Columns of these types, all written as text.
    pub fn of(schema: &Schema) -> Columns {
        Columns::of_fields(schema.fields().clone(), |_| Format::Text)
    }

    /// Columns of texts.
    pub fn of_texts(names: &[&str]) -> Columns {
        let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
        Columns::of_fields(names.iter().map(field).collect(), |_| Format::Text)
    }

    /// The same columns, written in these formats: one for each, one for all, or none, which is text.
    pub fn in_formats(&self, formats: &[Format]) -> Columns {
        let format = |place: usize| match formats {
            [all] => *all,
            each => each.get(place).copied().unwrap_or(Format::Text),
        };
        Columns::of_fields(self.fields.clone(), format)
    }

    pub(super) fn of_fields(fields: Fields, format: impl Fn(usize) -> Format) -> Columns {
        let info = |place: usize, name: &str, datatype: Type| {
            let format = match format(place) {
                Format::Text => FieldFormat::Text,
                Format::Binary => FieldFormat::Binary,
            };
            FieldInfo::new(name.to_string(), None, None, datatype, format)
        };
        let (mut told, mut written) = (Vec::new(), Vec::new());
        for (place, field) in fields.iter().enumerate() {
            let told_type = pg_type_of(field).0;
            let written_type = if told_type == Type::JSON { Type::TEXT } else { told_type.clone() };
            let size = size_of(&told_type);
            told.push(info(place, field.name(), told_type).with_type_size(size));
            written.push(info(place, field.name(), written_type));
        }
        Columns { fields, told: Arc::new(told), written: Arc::new(written) }
    }

    pub fn count(&self) -> usize {
        self.fields.len()
    }

    /// What they take in memory: of each a field, and its name thrice.
    pub fn bytes(&self) -> usize {
        let of_each = std::mem::size_of::<Field>() + 2 * std::mem::size_of::<FieldInfo>();
        self.fields.iter().map(|field| of_each + 3 * field.name().len()).sum()
    }

    /// What the client is told of them.
    pub fn description(&self) -> RowDescription {
        RowDescription::new(self.told.iter().map(FieldDescription::from).collect())
    }

    /// Appends each of `rows` to `out` as one message.
    pub(super) fn write(&self, rows: &RecordBatch, out: &mut BytesMut) -> Result<(), SqlError> {
        let arrays = self.arrays(rows)?;
        let mut encoder = DataRowEncoder::new(self.written.clone());
        for row in 0..rows.num_rows() {
            self.write_row(&arrays, row, &mut encoder)?;
            encoder.take_row().encode(out).map_err(unwritten)?;
        }
        Ok(())
    }

    /// Appends one row of texts.
    pub fn write_texts(&self, texts: &[&str], out: &mut BytesMut) -> Result<(), SqlError> {
        let mut encoder = DataRowEncoder::new(self.written.clone());
        for text in texts {
            encoder.encode_field(text).map_err(unwritten)?;
        }
        encoder.take_row().encode(out).map_err(unwritten)
    }

    /// Appends each of `rows` to `out` as a line of `COPY … TO STDOUT`.
    pub(super) fn write_lines(
        &self,
        rows: &RecordBatch,
        is_csv: bool,
        out: &mut BytesMut,
    ) -> Result<(), SqlError> {
        let arrays = self.arrays(rows)?;
        let fields = || self.written.clone();
        let mut encoder = if is_csv {
            CopyEncoder::new_csv(fields(), CopyCsvOptions::default())
        } else {
            CopyEncoder::new_text(fields(), CopyTextOptions::default())
        };
        let texts = if is_csv { texts_of(&arrays)? } else { Vec::new() };
        for row in 0..rows.num_rows() {
            let force_quote = self.only_told_by_quotes(&texts, row);
            if force_quote.is_empty() {
                self.write_row(&arrays, row, &mut encoder)?;
                encoder.take_copy().encode(out).map_err(unwritten)?;
            } else {
                let options = CopyCsvOptions { force_quote, ..CopyCsvOptions::default() };
                let mut encoder = CopyEncoder::new_csv(fields(), options);
                self.write_row(&arrays, row, &mut encoder)?;
                encoder.take_copy().encode(out).map_err(unwritten)?;
            }
        }
        Ok(())
    }

    /// The places of those values of a row of a CSV that quotes alone tell from something else: an empty text
    /// from NULL, and a line that is `\.` from the end.
    fn only_told_by_quotes(&self, texts: &[(usize, StringArray)], row: usize) -> Vec<usize> {
        let is_so = |texts: &StringArray| {
            texts.is_valid(row)
                && (texts.value(row).is_empty() || self.count() == 1 && texts.value(row) == "\\.")
        };
        texts.iter().filter(|(_, texts)| is_so(texts)).map(|(place, _)| *place).collect()
    }

    /// Appends the line of names that a CSV may begin with.
    pub fn write_head(&self, out: &mut BytesMut) -> Result<(), SqlError> {
        let mut line = csv::WriterBuilder::new()
            .terminator(csv::Terminator::Any(b'\n'))
            .from_writer(Vec::new());
        line.write_record(self.fields.iter().map(|field| field.name())).map_err(unwritten)?;
        let line = line.into_inner().map_err(unwritten)?;
        CopyData::new(line.into()).encode(out).map_err(unwritten)
    }

    fn write_row<E: arrow_pg::encoder::Encoder>(
        &self,
        arrays: &[(Arc<Field>, ArrayRef)],
        row: usize,
        encoder: &mut E,
    ) -> Result<(), SqlError> {
        for ((field, array), written) in arrays.iter().zip(self.written.iter()) {
            // The library does not ask of every type.
            let done = if array.is_null(row) {
                encoder.encode_field(&None::<String>, written)
            } else {
                encode_value(encoder, array, row, field, written)
            };
            done.map_err(unwritten)?;
        }
        Ok(())
    }

    /// What is written of each column.
    fn arrays(&self, rows: &RecordBatch) -> Result<Vec<(Arc<Field>, ArrayRef)>, SqlError> {
        let columns = self.fields.iter().zip(rows.columns()).zip(self.told.iter());
        columns
            .map(|((field, array), told)| {
                if *told.datatype() != Type::JSON {
                    return Ok((field.clone(), array.clone()));
                }
                let texts = json::texts(field, array).map_err(unwritten)?;
                Ok((Arc::new(Field::new(field.name(), DataType::Utf8, true)), texts))
            })
            .collect()
    }
}

/// The columns of texts, with their places.
fn texts_of(arrays: &[(Arc<Field>, ArrayRef)]) -> Result<Vec<(usize, StringArray)>, SqlError> {
    let is_text = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, value) => value.is_string(),
        other => other.is_string(),
    };
    let texts = arrays.iter().enumerate().filter(|(_, (_, array))| is_text(array));
    texts
        .map(|(place, (_, array))| {
            let array = cast(array, &DataType::Utf8).map_err(unwritten)?;
            Ok((place, array.as_string::<i32>().clone()))
        })
        .collect()
}

fn unwritten(error: impl ToString) -> SqlError {
    SqlError::Session(format!("a row could not be written: {}", error.to_string()))
}

/// The type of a column, and what the standard calls it.
pub(super) fn pg_type_of(field: &Field) -> (Type, &'static str) {
    let datatype = if is_json(field.data_type()) {
        Type::JSON
    } else {
        // What there is no type for is shown as text, where it can be.
        type_of(field).unwrap_or(Type::TEXT)
    };
    let called = match datatype {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::NUMERIC => "numeric",
        Type::DATE => "date",
        Type::TIME => "time without time zone",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::INTERVAL => "interval",
        Type::BYTEA => "bytea",
        Type::JSON => "json",
        Type::CHAR => "\"char\"",
        Type::OID => "oid",
        Type::TEXT_ARRAY | Type::INT4_ARRAY | Type::INT8_ARRAY => "ARRAY",
        _ => "text",
    };
    (datatype, called)
}

fn type_of(field: &Field) -> Result<Type, PgWireError> {
    match field_into_pg_type(&Arc::new(field.clone()))? {
        // A column of nothing but NULL is a text to everybody.
        Type::UNKNOWN => Ok(Type::TEXT),
        known => Ok(known),
    }
}

/// The type of a parameter that the engine takes as this.
pub(super) fn type_of_parameter(field: &Field) -> u32 {
    match field.data_type() {
        DataType::Dictionary(_, value) => into_pg_type(value).unwrap_or(Type::TEXT).oid(),
        _ => pg_type_of(field).0.oid(),
    }
}

fn is_json(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(_) | DataType::Map(..) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type().is_nested()
        }
        _ => false,
    }
}

/// Bytes of each value, or a negative number where they differ.
fn size_of(datatype: &Type) -> i16 {
    match *datatype {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}
