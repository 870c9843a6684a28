//! RFC 4180 with a header. CSV has no lists: those columns hold JSON text.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;

use super::{ExportError, RowWriter};

pub struct CsvRows<W: Write> {
    out: W,
    schema: SchemaRef,
    has_header: bool,
}

impl<W: Write> CsvRows<W> {
    pub fn new(schema: &Schema, out: W) -> CsvRows<W> {
        let flat = |field: &Arc<Field>| {
            if is_flat(field.data_type()) {
                field.as_ref().clone()
            } else {
                Field::new(field.name(), DataType::Utf8, true)
            }
        };
        let schema = Arc::new(Schema::new(schema.fields().iter().map(flat).collect::<Vec<_>>()));
        CsvRows { out, schema, has_header: false }
    }

    /// Rows become bytes in memory first: the library's writer turns an error of `out` into text,
    /// and a closed pipe would look like a failure.
    fn write_flat(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let mut writer = WriterBuilder::new().with_header(!self.has_header).build(Vec::new());
        writer.write(rows)?;
        self.has_header = true;
        Ok(self.out.write_all(&writer.into_inner())?)
    }
}

impl<W: Write + Send> RowWriter for CsvRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let columns: Vec<ArrayRef> =
            rows.columns().iter().map(flatten).collect::<Result<_, _>>()?;
        self.write_flat(&RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        if !self.has_header {
            // The header comes with the first batch: an empty one makes an empty table, not an
            // empty file.
            self.write_flat(&RecordBatch::new_empty(self.schema.clone()))?;
        }
        Ok(self.out.flush()?)
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
