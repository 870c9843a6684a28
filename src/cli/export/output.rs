//! Rows into one file: in its format, compressed where its name says so, with its hash.

use std::io::{self, Write};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::files::FetchedFiles;
use crate::cli::destination::Out;
use crate::export::{Encoder, ExportFormat, RecordBatch, SchemaRef, guarded, with_about};
use crate::model::Offset;

/// As `zstd` on the command line: twice as small as the fastest, at a few hundred MB/s.
const ZSTD_LEVEL: i32 = 3;

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
    out: Compressed,
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
        let counted = Counted { out, bytes: 0, hash: Sha256::new() };
        let mut out = if is_compressed {
            Compressed::Zstd(zstd::Encoder::new(counted, ZSTD_LEVEL)?)
        } else {
            Compressed::Not(counted)
        };
        if form.excel {
            // Without it Excel takes UTF-8 for the code page of the machine.
            written(out.write_all("\u{feff}".as_bytes()))?;
        }
        Ok(Output { encoder, out, rows: 0, is_guarded: form.excel })
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        for part in self.encoder.parts(rows) {
            let part = if self.is_guarded { guarded(&part)? } else { part };
            self.encoder.write(&part)?;
            written(self.out.write_all(&self.encoder.take()))?;
        }
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<Sealed> {
        written(self.out.write_all(&self.encoder.finish()?))?;
        let mut counted = match self.out {
            Compressed::Zstd(encoder) => encoder.finish().context("cannot write the export")?,
            Compressed::Not(counted) => counted,
        };
        written(counted.out.flush())?;
        let sha256 = hex::encode(counted.hash.finalize());
        Ok(Sealed { rows: self.rows, bytes: counted.bytes, sha256 })
    }
}

enum Compressed {
    Not(Counted),
    Zstd(zstd::Encoder<'static, Counted>),
}

impl Write for Compressed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressed::Not(out) => out.write(bytes),
            Compressed::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressed::Not(out) => out.flush(),
            Compressed::Zstd(out) => out.flush(),
        }
    }
}

/// Counts and hashes what goes through it.
struct Counted {
    out: Out,
    bytes: u64,
    hash: Sha256,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Also where the reader of a pipe has left: what others rely on is whole, or failed.
fn written(written: io::Result<()>) -> anyhow::Result<()> {
    written.context("cannot write the export")
}
