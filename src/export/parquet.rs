//! Apache Parquet with ZSTD.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{ExportError, RowWriter};

/// A row group is written out at this many rows: × about 300 bytes = 40 MiB of buffers.
const ROW_GROUP_ROWS: usize = 128 * 1024;

pub struct ParquetRows<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetRows<W> {
    pub fn new(schema: SchemaRef, out: W) -> Result<ParquetRows<W>, ExportError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
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
