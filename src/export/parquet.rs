//! Apache Parquet with ZSTD. To encode and compress takes several times as long as to read the rows, so it is done column
//! by column on all cores.

use std::io::Write;

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::{ExportError, RowWriter};

/// A row group, the unit in which engines read and skip, is written out at this many rows: × about 85 compressed
/// bytes = 11 MB.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Or at so many encoded bytes, since it is held in memory: of long texts, fewer rows are enough. × 16 exports = 256
/// MiB, twice while it is handed on.
const ROW_GROUP_BYTES: usize = 16 << 20;

pub struct ParquetRows<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    groups: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The row group that is being made; none before its first row.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl<W: Write + Send> ParquetRows<W> {
    pub fn new(schema: SchemaRef, out: W) -> Result<ParquetRows<W>, ExportError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by("verbatim".to_string());
        for field in schema.fields() {
            // Of numbers and times each is another one: a dictionary of them would be as long as the column.
            if matches!(field.data_type(), DataType::Int64 | DataType::Timestamp(..)) {
                let column = ColumnPath::from(field.name().as_str());
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            }
        }
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties.build()))?;
        let (writer, groups) = writer.into_serialized_writer()?;
        Ok(ParquetRows { writer, groups, schema, columns: Vec::new(), rows: 0 })
    }

    /// Rows that may still come into this row group, as far as those in it tell.
    fn room(&self) -> usize {
        let of_rows = ROW_GROUP_ROWS - self.rows;
        match self.bytes().checked_div(self.rows) {
            Some(bytes @ 1..) => of_rows.min((ROW_GROUP_BYTES - self.bytes()) / bytes).max(1),
            _ => of_rows,
        }
    }

    /// Encoded bytes of this row group, as far as they can be told.
    fn bytes(&self) -> usize {
        self.columns.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    fn write_some(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        if self.columns.is_empty() {
            self.columns =
                self.groups.create_column_writers(self.writer.flushed_row_groups().len())?;
        }
        let leaves = self.schema.fields().iter().zip(rows.columns());
        let leaves = leaves.map(|(field, column)| compute_leaves(field, column));
        let leaves = leaves.collect::<Result<Vec<Vec<ArrowLeafColumn>>, _>>()?;
        let leaves: Vec<ArrowLeafColumn> = leaves.into_iter().flatten().collect();
        let columns = self.columns.par_iter_mut().zip(leaves.par_iter());
        columns.try_for_each(|(column, leaf)| column.write(leaf))?;
        self.rows += rows.num_rows();
        if self.rows >= ROW_GROUP_ROWS || self.bytes() >= ROW_GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), ExportError> {
        let columns = std::mem::take(&mut self.columns);
        let chunks = columns.into_par_iter().map(ArrowColumnWriter::close);
        let chunks = chunks.collect::<Result<Vec<_>, _>>()?;
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> RowWriter for ParquetRows<W> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let (mut from, count) = (0, rows.num_rows());
        while from < count {
            let some = self.room().min(count - from);
            self.write_some(&rows.slice(from, some))?;
            from += some;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        if self.rows > 0 {
            self.end_group()?;
        }
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
            let held: usize = writer.columns.iter().map(ArrowColumnWriter::memory_size).sum();
            assert!(held < ROW_GROUP_BYTES + 3 * BATCH_BYTES);
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
