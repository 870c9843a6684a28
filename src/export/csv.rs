//! RFC 4180 with a header. CSV has no lists: those columns hold JSON text.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;

use super::{ExportError, RowWriter};

/// Rows that are worth a thread of their own: × 0.3 KB × some 10 ns a byte = 3 ms.
const PIECE_ROWS_MIN: usize = 1_024;

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

    fn write_flat(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let with_header = !self.has_header;
        self.has_header = true;
        for text in texts(rows, with_header)? {
            self.out.write_all(&text)?;
        }
        Ok(())
    }
}

/// The text of rows, in pieces, one for each core: to make it takes several times as long as to read the rows.
fn texts(rows: &RecordBatch, with_header: bool) -> Result<Vec<Vec<u8>>, ExportError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (count, step) = (rows.num_rows(), rows.num_rows().div_ceil(cores).max(PIECE_ROWS_MIN));
    let rest = (step..count).step_by(step).map(|from| rows.slice(from, step.min(count - from)));
    let rest: Vec<RecordBatch> = rest.collect();
    thread::scope(|scope| {
        // Where the system has no more threads, that is no reason to panic.
        let begin = |piece| thread::Builder::new().spawn_scoped(scope, move || text(piece, false));
        let rest = rest.iter().map(begin).collect::<io::Result<Vec<_>>>()?;
        let first = text(&rows.slice(0, step.min(count)), with_header);
        let rest = rest.into_iter().map(|piece| match piece.join() {
            Ok(text) => text,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(first).chain(rest).collect()
    })
}

/// Rows become bytes in memory first: the library's writer turns an error of what it writes to into text, and a
/// closed pipe would look like a failure.
fn text(rows: &RecordBatch, with_header: bool) -> Result<Vec<u8>, ExportError> {
    let mut writer = WriterBuilder::new().with_header(with_header).build(Vec::new());
    writer.write(rows)?;
    Ok(writer.into_inner())
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

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn pieces_of_many_rows_are_the_text_of_all_of_them() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        for count in [0, 1, PIECE_ROWS_MIN, PIECE_ROWS_MIN + 1, 10 * PIECE_ROWS_MIN + 7] {
            let numbers: Int64Array = (0..count as i64).collect();
            let rows = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers)]).unwrap();
            assert_eq!(texts(&rows, true).unwrap().concat(), text(&rows, true).unwrap());
        }
    }
}
