//! How a Parquet file is written: encodings, compression, order of rows.
//!
//! Two ways. [`Effort::Ingest`] is for what a commit writes and for what will be compacted again:
//! cheap compression, no bloom filters, since the file lives for minutes. [`Effort::Compacted`] is
//! for files that live for years. Both sort rows by the table's sort columns, so that merging needs no memory beyond
//! one batch of each input.
//!
//! Only encodings that DuckDB, Polars, Spark and Trino read are used. Numbers and times are
//! DELTA_BINARY_PACKED, labels that repeat are dictionary-encoded, strings that hardly repeat are
//! DELTA_LENGTH_BYTE_ARRAY: their lengths pack into bits and their bytes lie together for the
//! compressor.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use parquet::arrow::ArrowWriter;
use parquet::basic::{self, Compression, ZstdLevel};
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::{Encoding, TableError, TableOptions};

/// Rows of one row group: × about 85 compressed bytes = 11 MB, the unit in which engines read and
/// skip.
const ROW_GROUP_ROWS: usize = 131_072;
/// Encoded bytes of one row group, which the writer holds in memory: of long texts, fewer rows are
/// enough.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Bytes of one page before compression. Small pages make the page index worth having.
const PAGE_BYTES: usize = 256 * 1024;
/// Of 100 lookups of an absent label, one reads a row group in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;
/// Random hex has nothing but its alphabet to compress. Level 1 packs 64 digits into 32.3 bytes;
/// higher levels look for repeats, find accidents, and make 33.4.
const RANDOM_HEX_ZSTD_LEVEL: i32 = 1;
const FILE_BUFFER_BYTES: usize = 1024 * 1024;

/// How much work is put into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    Ingest,
    Compacted,
}

impl Effort {
    /// Measured by `cargo bench --bench table` on a million events, what a compaction costs of CPU
    /// and what an event then takes: level 1 1.67 µs and 106.8 bytes, 3 1.89 µs and 100.6 bytes,
    /// 4 2.19 µs and 99.9 bytes, 6 3.01 µs and 98.8 bytes.
    fn zstd_level(self) -> i32 {
        match self {
            Effort::Ingest => 1,
            Effort::Compacted => 3,
        }
    }
}

/// A written file.
pub(super) struct Written {
    pub(super) footer: ParquetMetaData,
    pub(super) bytes: u64,
}

/// Writes `batches`, each sorted and in order, to `to`; `path` names the file in errors.
pub(super) fn write(
    to: &mut (impl Write + Send),
    path: &Path,
    schema: &Arc<Schema>,
    options: &TableOptions,
    effort: Effort,
    batches: impl Iterator<Item = Result<RecordBatch, TableError>>,
) -> Result<Written, TableError> {
    let encode = |source| TableError::Encode { path: path.to_path_buf(), source };
    let mut buffered = BufWriter::with_capacity(FILE_BUFFER_BYTES, to);
    let properties = properties(schema, options, effort);
    let mut writer =
        ArrowWriter::try_new(&mut buffered, schema.clone(), Some(properties)).map_err(encode)?;
    for batch in batches {
        writer.write(&batch?).map_err(encode)?;
    }
    let footer = writer.finish().map_err(encode)?;
    let bytes = writer.bytes_written() as u64;
    drop(writer);
    buffered.flush().map_err(TableError::io("write", path))?;
    Ok(Written { footer, bytes })
}

fn properties(schema: &Schema, options: &TableOptions, effort: Effort) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("verbatim".to_string())
        .set_compression(zstd(effort.zstd_level()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page)
        // Labels are at most 128 characters: kept whole, so that bounds in the Delta log are true
        // values.
        .set_statistics_truncate_length(None)
        .set_sorting_columns(Some(sorting_columns(schema, options)));
    for field in schema.fields() {
        let name = field.name().as_str();
        let column = ColumnPath::from(name);
        let encoding = options.encoding_of(name);
        match field.data_type() {
            DataType::Int64 | DataType::Timestamp(..) => {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column.clone(), basic::Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Utf8 | DataType::Binary if encoding != Encoding::Dictionary => {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column.clone(), basic::Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_column_statistics_enabled(column.clone(), EnabledStatistics::None);
            }
            _ => {}
        }
        if encoding == Encoding::RandomHex {
            properties =
                properties.set_column_compression(column.clone(), zstd(RANDOM_HEX_ZSTD_LEVEL));
        }
        if effort == Effort::Compacted && options.bloom.contains(&name) {
            properties = properties
                .set_column_bloom_filter_enabled(column.clone(), true)
                .set_column_bloom_filter_fpp(column, BLOOM_FALSE_POSITIVES);
        }
    }
    properties.build()
}

fn zstd(level: i32) -> Compression {
    // Levels here are constants within zstd's range.
    Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default())
}

fn sorting_columns(schema: &Schema, options: &TableOptions) -> Vec<SortingColumn> {
    // Sort columns come before any nested column in every table here, so a field's index is its
    // leaf's index.
    let index_of =
        |name: &&str| schema.index_of(name).ok().and_then(|index| i32::try_from(index).ok());
    options
        .sort
        .iter()
        .filter_map(index_of)
        .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: true })
        .collect()
}

/// `batch` in the order of the sort columns; itself when it is in order already.
pub(super) fn sorted(
    batch: RecordBatch,
    options: &TableOptions,
) -> Result<RecordBatch, ArrowError> {
    if options.sort.is_empty() || batch.num_rows() < 2 {
        return Ok(batch);
    }
    let keys = SortKeys::of(&batch.schema(), options)?;
    let rows = keys.rows(&batch)?;
    if (1..rows.num_rows()).all(|row| rows.row(row - 1) <= rows.row(row)) {
        return Ok(batch);
    }
    // Row numbers of one commit: at most the records of a commit, far below 2^32.
    let mut order: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).collect();
    order.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    take_record_batch(&batch, &UInt32Array::from(order))
}

/// Turns the sort columns of batches into rows that compare as bytes.
pub(super) struct SortKeys {
    columns: Vec<usize>,
    converter: RowConverter,
}

impl SortKeys {
    pub(super) fn of(schema: &Schema, options: &TableOptions) -> Result<SortKeys, ArrowError> {
        let columns =
            options.sort.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let fields = columns
            .iter()
            .map(|column| SortField::new(schema.field(*column).data_type().clone()))
            .collect();
        Ok(SortKeys { columns, converter: RowConverter::new(fields)? })
    }

    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<arrow::row::Rows, ArrowError> {
        let columns: Vec<_> =
            self.columns.iter().map(|column| batch.column(*column).clone()).collect();
        self.converter.convert_columns(&columns)
    }
}
