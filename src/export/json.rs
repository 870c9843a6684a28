//! One array of objects, a row a line. Absent values are `null`, so that every row has every column, in
//! the answer's order.

use std::io::Write;

use arrow::json::WriterBuilder;
use arrow::json::writer::{JsonArray, Writer};
use arrow::record_batch::RecordBatch;

use super::{ExportError, RowWriter};

pub struct JsonArrayRows<W: Write> {
    writer: Writer<W, JsonArray>,
}

impl<W: Write> JsonArrayRows<W> {
    pub fn new(out: W) -> JsonArrayRows<W> {
        JsonArrayRows { writer: WriterBuilder::new().with_explicit_nulls(true).build(out) }
    }
}

impl<W: Write + Send> RowWriter for JsonArrayRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        Ok(self.writer.write(rows)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        self.writer.finish()?;
        let mut out = self.writer.into_inner();
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}
