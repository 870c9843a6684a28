//! Rows as the bytes that go from one process to another, in pieces of a bounded size: whoever takes
//! them holds no more than one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::try_schema_from_ipc_buffer;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;

/// Above it a batch is sent in two: what was just made is still near when it is sent.
const PIECE_BYTES: usize = 1024 * 1024;
/// Of one text in a column of views, beside the text.
const VIEW_BYTES: usize = 16;
/// What says where in a piece its columns lie.
const PIECE_HEAD_BYTES: usize = 16 * 1024;
/// Largest piece, since one row is never cut: × 32 answers = 256 MiB in the process that takes them.
pub(super) const PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Makes the bytes.
pub(super) struct Encoder {
    writer: StreamWriter<Vec<u8>>,
}

/// Makes rows of them again.
#[derive(Default)]
pub(super) struct Decoder {
    decoder: StreamDecoder,
}

impl Encoder {
    pub(super) fn new(schema: &Schema) -> Result<Encoder, ArrowError> {
        Ok(Encoder { writer: StreamWriter::try_new(Vec::new(), schema)? })
    }

    /// The schema as bytes, where it goes ahead of the first rows. It goes with them otherwise.
    pub(super) fn schema(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }

    /// `rows` as bytes.
    pub(super) fn encode(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.writer.get_mut().reserve(bytes_of(rows) + PIECE_HEAD_BYTES);
        self.writer.write(rows)?;
        Ok(std::mem::take(self.writer.get_mut()))
    }
}

impl Decoder {
    /// The schema, where it came ahead.
    pub(super) fn schema(&mut self, bytes: Vec<u8>) -> Result<SchemaRef, ArrowError> {
        let schema = try_schema_from_ipc_buffer(&bytes)?;
        self.decoder.decode(&mut Buffer::from(bytes))?;
        Ok(Arc::new(schema))
    }

    /// The rows in one piece.
    pub(super) fn decode(&mut self, bytes: Vec<u8>) -> Result<RecordBatch, ArrowError> {
        let rows = match self.decoder.decode(&mut Buffer::from(bytes))? {
            // Rows without columns have no body. The decoder comes to them where there is one byte
            // more, and does not take it.
            None => self.decoder.decode(&mut Buffer::from(&[0]))?,
            rows => rows,
        };
        rows.ok_or_else(|| ArrowError::IpcError("a piece without rows".to_string()))
    }
}

/// `rows` in batches that are small enough each, where there is more than one row.
pub(super) fn pieces(rows: RecordBatch) -> Result<Vec<RecordBatch>, ArrowError> {
    let (mut pieces, mut left) = (Vec::new(), vec![compact(&rows)?]);
    while let Some(rows) = left.pop() {
        let count = rows.num_rows();
        if count > 1 && bytes_of(&rows) > PIECE_BYTES {
            // The first half is on top.
            left.push(compact(&rows.slice(count / 2, count - count / 2))?);
            left.push(compact(&rows.slice(0, count / 2))?);
        } else {
            pieces.push(rows);
        }
    }
    Ok(pieces)
}

/// What rows take in memory, without what they share with others that are not among them.
pub(super) fn bytes_of(rows: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => {
            VIEW_BYTES * column.len() + column.as_string_view().total_buffer_bytes_used()
        }
        DataType::BinaryView => {
            VIEW_BYTES * column.len() + column.as_binary_view().total_buffer_bytes_used()
        }
        _ => {
            let known = column.to_data().get_slice_memory_size();
            known.unwrap_or_else(|_| column.get_array_memory_size())
        }
    };
    rows.columns().iter().map(bytes).sum()
}

/// A part of a column of views would be sent with the texts of the whole.
fn compact(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let compact = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => column.clone(),
        }
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = rows.columns().iter().map(compact).collect();
    RecordBatch::try_new_with_options(rows.schema(), columns, &options)
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, StringViewArray};
    use arrow::datatypes::Field;

    use super::*;

    fn sent(rows: &RecordBatch) -> Vec<RecordBatch> {
        let mut encoder = Encoder::new(&rows.schema()).unwrap();
        let mut decoder = Decoder::default();
        assert_eq!(decoder.schema(encoder.schema()).unwrap(), rows.schema());
        let pieces = pieces(rows.clone()).unwrap();
        let piece = |piece: &RecordBatch| {
            let bytes = encoder.encode(piece).unwrap();
            assert!(bytes.len() <= 2 * PIECE_BYTES, "{} bytes", bytes.len());
            decoder.decode(bytes).unwrap()
        };
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn what_is_large_comes_in_pieces_and_is_the_same() {
        let texts: Vec<String> = (0..300).map(|n| format!("{n}").repeat(30_000)).collect();
        let plain: ArrayRef = Arc::new(StringArray::from_iter_values(&texts));
        let view: ArrayRef = Arc::new(StringViewArray::from_iter_values(&texts));
        for column in [plain, view] {
            let field = Field::new("text", column.data_type().clone(), false);
            let schema = Arc::new(Schema::new(vec![field]));
            let rows = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
            let sent = sent(&rows);
            assert!(sent.len() > 4, "{} pieces", sent.len());
            assert_eq!(arrow::compute::concat_batches(&schema, &sent).unwrap(), rows);
        }
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let options = RecordBatchOptions::new().with_row_count(Some(7));
        let schema = Arc::new(Schema::empty());
        let rows = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
        let counts: Vec<usize> = sent(&rows).iter().map(RecordBatch::num_rows).collect();
        assert_eq!(counts, [7]);
    }
}
