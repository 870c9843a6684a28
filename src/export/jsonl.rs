//! One JSON object a line. Absent values are left out, as in the events themselves.

use std::io::Write;

use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;

use super::{ExportError, RowWriter};

pub struct JsonRows<W: Write> {
    writer: LineDelimitedWriter<W>,
}

impl<W: Write> JsonRows<W> {
    pub fn new(out: W) -> JsonRows<W> {
        JsonRows { writer: LineDelimitedWriter::new(out) }
    }
}

impl<W: Write + Send> RowWriter for JsonRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        Ok(self.writer.write(rows)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        self.writer.finish()?;
        Ok(self.writer.into_inner().flush()?)
    }
}
