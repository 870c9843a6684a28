//! RFC 4180 with a header. CSV has no lists: those columns hold JSON text.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;

use super::{ExportError, RowWriter};

pub struct CsvRows<W: Write> {
    writer: Writer<W>,
    schema: SchemaRef,
    has_rows: bool,
}

impl<W: Write> CsvRows<W> {
    pub fn new(schema: &Schema, out: W) -> CsvRows<W> {
        let flat = |field: &Arc<Field>| match is_flat(field.data_type()) {
            true => field.as_ref().clone(),
            false => Field::new(field.name(), DataType::Utf8, true),
        };
        let schema = Arc::new(Schema::new(schema.fields().iter().map(flat).collect::<Vec<_>>()));
        CsvRows { writer: WriterBuilder::new().with_header(true).build(out), schema, has_rows: false }
    }
}

impl<W: Write + Send> RowWriter for CsvRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let columns: Vec<ArrayRef> = rows.columns().iter().map(flatten).collect::<Result<_, _>>()?;
        self.has_rows = true;
        Ok(self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        if !self.has_rows {
            // The header comes with the first batch: an empty one makes an empty table, not an empty file.
            self.writer.write(&RecordBatch::new_empty(self.schema.clone()))?;
        }
        Ok(self.writer.into_inner().flush()?)
    }
}

fn is_flat(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

fn flatten(column: &ArrayRef) -> Result<ArrayRef, ExportError> {
    if is_flat(column.data_type()) {
        return Ok(column.clone());
    }
    let field = Field::new("v", column.data_type().clone(), true);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column.clone()])?;
    let mut json = LineDelimitedWriter::new(Vec::new());
    json.write(&rows)?;
    json.finish()?;
    let lines = json.into_inner();
    let mut texts = StringBuilder::new();
    for (row, line) in lines.split(|byte| *byte == b'\n').take(column.len()).enumerate() {
        let line = String::from_utf8_lossy(line);
        // Each line is `{"v":…}`, or `{}` for an absent value.
        match line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')) {
            Some(value) if !column.is_null(row) => texts.append_value(value),
            _ => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}
