//! Apache Parquet with ZSTD.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{ExportError, RowWriter};

/// A row group, the unit in which engines read and skip, is written out at this many rows: × about 85 compressed
/// bytes = 11 MB.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Or at so many encoded bytes, since it is held in memory: of long texts, fewer rows are enough. × 16 exports = 256
/// MiB, twice while it is handed on.
const ROW_GROUP_BYTES: usize = 16 << 20;

pub struct ParquetRows<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetRows<W> {
    pub fn new(schema: SchemaRef, out: W) -> Result<ParquetRows<W>, ExportError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_created_by("verbatim".to_string())
            .build();
        Ok(ParquetRows { writer: ArrowWriter::try_new(out, schema, Some(properties))? })
    }
}

impl<W: Write + Send> RowWriter for ParquetRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        Ok(self.writer.write(rows)?)
    }

    fn finish(self: Box<Self>) -> Result<(), ExportError> {
        self.writer.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use arrow::datatypes::{DataType, Field, Schema};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use rand::distr::{Alphanumeric, SampleString};

    use super::*;

    /// What a process for questions sends at once has about as many.
    const BATCH_BYTES: usize = 1 << 20;

    /// Rows of fourteen kilobytes each filled two gigabytes before a row group was written out.
    #[test]
    fn rows_that_are_wide_are_written_out_sooner() {
        let (batches, rows) = (64, 128);
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
        let mut bytes = Vec::new();
        let mut writer = Box::new(ParquetRows::new(schema.clone(), &mut bytes).unwrap());
        for _ in 0..batches {
            let text = |_| Alphanumeric.sample_string(&mut rand::rng(), BATCH_BYTES / rows);
            let texts: StringArray = (0..rows).map(text).map(Some).collect();
            writer
                .write(&RecordBatch::try_new(schema.clone(), vec![Arc::new(texts)]).unwrap())
                .unwrap();
            assert!(writer.writer.memory_size() < ROW_GROUP_BYTES + 3 * BATCH_BYTES);
        }
        writer.finish().unwrap();
        let file = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
        let groups = file.metadata().row_groups();
        assert!(groups.len() > 2, "{} row groups", groups.len());
        for group in groups {
            let bytes = usize::try_from(group.compressed_size()).unwrap();
            assert!(bytes < ROW_GROUP_BYTES + 2 * BATCH_BYTES, "{bytes} bytes");
        }
        let counted: i64 = groups.iter().map(|group| group.num_rows()).sum();
        assert_eq!(counted, i64::try_from(batches * rows).unwrap());
    }
}
