//! Tables as files: one file per format, each a stream from rows to bytes, so that memory stays
//! flat whatever the size.

mod csv;
mod error;
mod jsonl;
mod parquet;
mod query;
pub mod render;

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::model::Offset;
pub use error::ExportError;
pub use query::{EXPORT_TABLES, ExportQuery};

/// A file format of exports.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Apache Parquet, ZSTD.
    Parquet,
    /// A header and a line a row, as RFC 4180 but for lines that end in a line feed; lists and
    /// structs as JSON. NULL and an empty text are the same in it.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// What was exported, once it is whole.
pub struct Exported {
    /// Every record below it is in the rows.
    pub complete_to: Offset,
    pub rows: u64,
}

/// Takes rows, gives bytes.
pub trait RowWriter: Send {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError>;

    /// Writes what stands at the end of a file. Without it the file is incomplete.
    fn finish(self: Box<Self>) -> Result<(), ExportError>;
}

impl ExportFormat {
    pub fn media_type(self) -> &'static str {
        match self {
            ExportFormat::Parquet => "application/vnd.apache.parquet",
            ExportFormat::Csv => "text/csv; charset=utf-8",
            ExportFormat::Jsonl => "application/x-ndjson",
        }
    }

    /// A writer of this format into `out`.
    pub fn writer<'a>(
        self,
        schema: SchemaRef,
        out: impl Write + Send + 'a,
    ) -> Result<Box<dyn RowWriter + 'a>, ExportError> {
        Ok(match self {
            ExportFormat::Parquet => Box::new(parquet::ParquetRows::new(schema, out)?),
            ExportFormat::Csv => Box::new(csv::CsvRows::new(&schema, out)),
            ExportFormat::Jsonl => Box::new(jsonl::JsonRows::new(out)),
        })
    }
}
