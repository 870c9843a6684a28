//! Rows in, bytes out, for whoever hands the bytes on: an error of their reader is then never one of a
//! writer of rows.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parking_lot::Mutex;

use super::{ExportError, ExportFormat, RowWriter};

/// What a part becomes, or a few times as much: what is escaped is longer.
const PART_BYTES: usize = 1024 * 1024;

pub struct Encoder {
    format: ExportFormat,
    writer: Box<dyn RowWriter>,
    encoded: Encoded,
}

impl Encoder {
    /// Rows of this schema, in this format.
    pub fn new(format: ExportFormat, schema: SchemaRef) -> Result<Encoder, ExportError> {
        let encoded = Encoded::default();
        let writer = format.writer(schema, encoded.clone())?;
        Ok(Encoder { format, writer, encoded })
    }

    /// `rows` in parts of which each becomes few bytes, to be written one after the other: a name may be as
    /// long as a query, and text formats write it with each row.
    pub fn parts(&self, rows: &RecordBatch) -> Vec<RecordBatch> {
        let (format, count) = (self.format, rows.num_rows());
        if format.is_binary() || count == 0 {
            return vec![rows.clone()];
        }
        let names: usize = rows.schema().fields().iter().map(|field| field.name().len()).sum();
        let bytes_of_row = names + rows.get_array_memory_size() / count;
        let step = (PART_BYTES / bytes_of_row.max(1)).clamp(1, count);
        let parts = (0..count).step_by(step);
        parts.map(|from| rows.slice(from, step.min(count - from))).collect()
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        self.writer.write(rows)
    }

    /// Bytes that nobody has taken yet: a batch of rows, or a row group.
    pub fn len(&self) -> usize {
        self.encoded.bytes.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those bytes.
    pub fn take(&mut self) -> Bytes {
        self.encoded.take()
    }

    /// The last bytes. Without them the file is incomplete.
    pub fn finish(self) -> Result<Bytes, ExportError> {
        let Encoder { writer, encoded, .. } = self;
        writer.finish()?;
        Ok(encoded.take())
    }
}

#[derive(Clone, Default)]
struct Encoded {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Encoded {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.bytes.lock()).into()
    }
}

impl Write for Encoded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::super::ArrowDecoder;
    use super::*;

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let fields = [("z", DataType::Int64), ("a", DataType::Utf8)];
        let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
        let numbers: Int64Array = (0..texts.len() as i64).map(Some).collect();
        let texts: StringArray = texts.iter().collect();
        let schema = Arc::new(Schema::new(fields.to_vec()));
        RecordBatch::try_new(schema, vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
    }

    fn encoded(format: ExportFormat, batches: &[RecordBatch]) -> Vec<u8> {
        let mut encoder = Encoder::new(format, batch(&[]).schema()).unwrap();
        let mut bytes = Vec::new();
        for batch in batches {
            encoder.write(batch).unwrap();
            bytes.extend(encoder.take());
        }
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    fn text(format: ExportFormat, batches: &[RecordBatch]) -> String {
        String::from_utf8(encoded(format, batches)).unwrap()
    }

    /// 8,192 rows of a name of 60,000 letters became half a gigabyte of JSON at once.
    #[test]
    fn a_long_name_does_not_make_a_part_long() {
        let field = Field::new("x".repeat(60_000), DataType::Int64, true);
        let numbers: Int64Array = (0..8_192).map(Some).collect();
        let schema = Arc::new(Schema::new(vec![field]));
        let rows = RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers)]).unwrap();
        let mut encoder = Encoder::new(ExportFormat::Json, schema).unwrap();
        let (mut parts, mut count) = (0, 0);
        for part in encoder.parts(&rows) {
            encoder.write(&part).unwrap();
            assert!(encoder.take().len() < 2 * PART_BYTES);
            (parts, count) = (parts + 1, count + part.num_rows());
        }
        assert!(parts > 400, "{parts}");
        assert_eq!(count, rows.num_rows());
    }

    #[test]
    fn null_and_empty_and_the_order_of_columns_are_kept_in_json() {
        let batches = [batch(&[Some(""), None]), batch(&[Some("退\n\"款\"")])];
        let json = text(ExportFormat::Json, &batches);
        let rows = r#"[{"z":0,"a":""},{"z":1,"a":null},{"z":0,"a":"退\n\"款\""}]"#;
        assert_eq!(json.replace(",\n{", ",{"), format!("{rows}\n"));
        let lines = text(ExportFormat::Jsonl, &batches);
        assert_eq!(lines.lines().nth(1), Some(r#"{"z":1}"#));
    }

    #[test]
    fn an_answer_without_rows_is_a_whole_file_of_each_format() {
        assert_eq!(text(ExportFormat::Json, &[]), "[]\n");
        assert_eq!(text(ExportFormat::Json, &[batch(&[])]), "[]\n");
        assert_eq!(text(ExportFormat::Csv, &[]), "z,a\n");
        assert_eq!(text(ExportFormat::Jsonl, &[]), "");
        assert!(encoded(ExportFormat::Parquet, &[]).ends_with(b"PAR1"));
        let mut decoder = ArrowDecoder::default();
        assert!(decoder.decode(encoded(ExportFormat::Arrow, &[]).into()).unwrap().is_empty());
        assert_eq!(decoder.schema(), Some(batch(&[]).schema()));
        decoder.finish().unwrap();
    }

    /// Bytes of a network come in any pieces; an end that did not come is noticed.
    #[test]
    fn an_arrow_stream_is_read_from_any_pieces_of_it() {
        let batches = [batch(&[Some("a"), None]), batch(&[Some("b")])];
        let bytes = encoded(ExportFormat::Arrow, &batches);
        for size in [1, 7, 64, bytes.len()] {
            let mut decoder = ArrowDecoder::default();
            let pieces = bytes.chunks(size).map(Bytes::copy_from_slice);
            let read: Vec<RecordBatch> =
                pieces.flat_map(|piece| decoder.decode(piece).unwrap()).collect();
            assert_eq!(read, batches, "pieces of {size}");
            decoder.finish().unwrap();
        }
        let mut decoder = ArrowDecoder::default();
        let part = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
        let _ = decoder.decode(part).unwrap();
        assert!(decoder.finish().is_err());
    }
}
