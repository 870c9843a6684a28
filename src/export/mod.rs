//! Tables as files: one file per format, each a stream from rows to bytes, so that memory stays
//! flat whatever the size.

// The formats.
mod arrow;
mod csv;
mod json;
mod jsonl;
mod parquet;
// What spreadsheets would compute.
mod excel;
// For people.
mod cells;
mod markdown;
mod named_files;
mod schema;
// From rows to bytes.
mod encoder;
mod error;
mod incoming;
mod partition;
mod query;
pub mod render;

use std::io::Write;
use utoipa::ToSchema;

/// Columns and rows, for whoever passes them on without a look into them.
pub use ::arrow::datatypes::SchemaRef;
pub use ::arrow::record_batch::RecordBatch;

pub use self::arrow::ArrowDecoder;
pub use cells::{CellColumn, CellRows, CellWriter, cell_columns, texts_of};
pub use encoder::Encoder;
pub use error::ExportError;
pub use excel::guarded;
pub use incoming::{BoxedError, Incoming};
pub use markdown::MarkdownRows;
pub use named_files::{NamedFile, named_files};
pub use partition::{Partitions, with_about};
pub use query::{Bounds, CHANGED, EXPORT_TABLES, ExportQuery, ExportTable, PARTITION, PartitionBy};
pub use schema::{schema_page, schema_text, table_page, table_text};

/// A file format of exports and answers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ExportFormat {
    /// Apache Parquet, ZSTD.
    Parquet,
    /// A header and a line a row, as RFC 4180 but for lines that end in a line feed; lists and
    /// structs as JSON. NULL and an empty text are the same in it.
    Csv,
    /// One JSON object a line; what is NULL is left out.
    Jsonl,
    /// An array of JSON objects; NULL is null.
    Json,
    /// Arrow's IPC stream.
    Arrow,
}

/// Takes rows, gives bytes.
pub trait RowWriter: Send {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError>;

    /// Writes what stands at the end of a file. Without it the file is incomplete.
    fn finish(self: Box<Self>) -> Result<(), ExportError>;
}

impl ExportFormat {
    /// As it is asked for, and as names of its files end.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn media_type(self) -> &'static str {
        match self {
            ExportFormat::Parquet => "application/vnd.apache.parquet",
            ExportFormat::Csv => "text/csv; charset=utf-8",
            ExportFormat::Jsonl => "application/x-ndjson",
            ExportFormat::Json => "application/json",
            ExportFormat::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Whether it is no text, and of no use on a terminal.
    pub fn is_binary(self) -> bool {
        matches!(self, ExportFormat::Parquet | ExportFormat::Arrow)
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
            ExportFormat::Json => Box::new(json::JsonArrayRows::new(out)),
            ExportFormat::Arrow => Box::new(self::arrow::ArrowRows::new(&schema, out)?),
        })
    }
}
