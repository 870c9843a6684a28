//! Rows into one file: in its format, compressed where its name says so, with its hash.

use std::io;

use anyhow::Context;

use super::behind::Behind;
use super::files::FetchedFiles;
use crate::cli::destination::Out;
use crate::export::{Encoder, ExportFormat, RecordBatch, SchemaRef, guarded, with_about};
use crate::model::Offset;

/// How files are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) format: ExportFormat,
    /// For Excel.
    pub(super) excel: bool,
}

/// What was written in all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) files: u64,
    /// Every record below it is in the rows.
    pub(super) complete_to: Offset,
    /// What became of the files that they name, where these were asked for.
    pub(super) fetched: Option<FetchedFiles>,
}

/// One file, once it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// In hex.
    pub(super) sha256: String,
}

/// A file that is being written.
pub(super) struct Output {
    encoder: Encoder,
    out: Behind,
    rows: u64,
    is_guarded: bool,
}

impl Output {
    /// A file of rows of this schema into `out`, compressed or not. `about` is what Parquet and Arrow keep with the rows.
    pub(super) fn new(
        form: Form,
        schema: &SchemaRef,
        out: Out,
        is_compressed: bool,
        about: &[(String, String)],
    ) -> anyhow::Result<Output> {
        let encoder = Encoder::new(form.format, with_about(schema, about))?;
        let mut out = written(Behind::begin(out, is_compressed))?;
        if form.excel {
            // Without it Excel takes UTF-8 for the code page of the machine.
            written(out.write("\u{feff}".into()))?;
        }
        Ok(Output { encoder, out, rows: 0, is_guarded: form.excel })
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        for part in self.encoder.parts(rows) {
            let part = if self.is_guarded { guarded(&part)? } else { part };
            self.encoder.write(&part)?;
            written(self.out.write(self.encoder.take()))?;
        }
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<Sealed> {
        written(self.out.write(self.encoder.finish()?))?;
        let sum = written(self.out.finish())?;
        Ok(Sealed { rows: self.rows, bytes: sum.bytes, sha256: hex::encode(sum.sha256) })
    }
}

/// Also where the reader of a pipe has left: what others rely on is whole, or failed.
fn written<T>(written: io::Result<T>) -> anyhow::Result<T> {
    written.context("cannot write the export")
}
