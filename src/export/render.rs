//! Answers that are held in memory as bytes, the same over HTTP and on the command line.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;

use super::{Encoder, ExportError, ExportFormat};
use crate::sql::Answer;

/// The rows of an answer as a file.
pub fn file(answer: &Answer, format: ExportFormat) -> Result<Vec<u8>, ExportError> {
    let mut encoder = Encoder::new(format, answer.schema.clone())?;
    for batch in &answer.batches {
        encoder.write(batch)?;
    }
    Ok(encoder.finish()?.into())
}

/// What [`file()`] wrote as [`ExportFormat::Arrow`].
pub fn read_arrow_stream(
    bytes: &[u8],
) -> Result<(arrow::datatypes::SchemaRef, Vec<RecordBatch>), ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>()?))
}
