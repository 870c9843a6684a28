//! Arrow's IPC stream: as it is computed, with types, for programs.

use std::io::Write;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;

use super::{ExportError, RowWriter};

pub struct ArrowRows<W: Write> {
    writer: StreamWriter<W>,
}

impl<W: Write> ArrowRows<W> {
    pub fn new(schema: &SchemaRef, out: W) -> Result<ArrowRows<W>, ExportError> {
        Ok(ArrowRows { writer: StreamWriter::try_new(out, schema)? })
    }
}

impl<W: Write + Send> RowWriter for ArrowRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        Ok(self.writer.write(rows)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        self.writer.finish()?;
        Ok(self.writer.into_inner()?.flush()?)
    }
}

/// Rows of such a stream, of which bytes come as they come.
#[derive(Default)]
pub struct ArrowDecoder {
    decoder: StreamDecoder,
}

impl ArrowDecoder {
    /// The rows that are whole with these bytes.
    pub fn decode(&mut self, bytes: Bytes) -> Result<Vec<RecordBatch>, ArrowError> {
        let (mut bytes, mut batches) = (Buffer::from(bytes), Vec::new());
        while !bytes.is_empty() {
            batches.extend(self.decoder.decode(&mut bytes)?);
        }
        Ok(batches)
    }

    /// The columns, once they came.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema().as_ref().map(Arc::clone)
    }

    /// Fails where the stream broke off.
    pub fn finish(&mut self) -> Result<(), ArrowError> {
        self.decoder.finish()
    }
}
