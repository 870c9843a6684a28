//! Answers as text and bytes, the same over HTTP and on the command line.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;

use super::{ExportError, ExportFormat};
use crate::sql::Answer;

/// A JSON array of objects. Absent values are `null`, so that every row has every column.
pub fn json(answer: &Answer) -> Result<Vec<u8>, ExportError> {
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::JsonArray>(Vec::new());
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    let mut json = writer.into_inner();
    if json.is_empty() {
        json.extend_from_slice(b"[]");
    }
    json.push(b'\n');
    Ok(json)
}

/// CSV with a header.
pub fn csv(answer: &Answer) -> Result<Vec<u8>, ExportError> {
    let mut csv = Vec::new();
    let mut writer = ExportFormat::Csv.writer(answer.schema.clone(), &mut csv)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    Ok(csv)
}

/// An Arrow IPC stream.
pub fn arrow_stream(answer: &Answer) -> Result<Vec<u8>, ExportError> {
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &answer.schema)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    stream.flush()?;
    Ok(stream)
}

/// What [`arrow_stream`] wrote.
pub fn read_arrow_stream(
    bytes: &[u8],
) -> Result<(arrow::datatypes::SchemaRef, Vec<RecordBatch>), ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>()?))
}

/// A table for people.
pub fn table(answer: &Answer) -> Result<String, ArrowError> {
    let options =
        FormatOptions::default().with_display_error(true).with_null("").with_types_info(false);
    let shown = if answer.batches.is_empty() {
        vec![RecordBatch::new_empty(answer.schema.clone())]
    } else {
        answer.batches.clone()
    };
    Ok(pretty_format_batches_with_options(&shown, &options)?.to_string())
}
