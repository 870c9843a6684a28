//! What an export is: a file beside its files, which says how many rows and bytes each has, and its hash.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::output::Sealed;
use crate::durable::{self, Mode};
use crate::export::ExportFormat;
use crate::facts::METRIC_VERSION;
use crate::model::Offset;
use crate::server::ExportParameters;

/// Of a whole export: without one, what lies there is none.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Manifest {
    pub(super) table: String,
    pub(super) shop: String,
    pub(super) format: ExportFormat,
    /// What was asked of the rows: bounds, and the zone of dates.
    pub(super) asked: ExportParameters,
    /// Every record below it is in the rows: where the next export takes up changes.
    pub(super) complete_to: Offset,
    /// Rows of all files.
    pub(super) rows: u64,
    pub(super) files: Vec<FileEntry>,
    /// The conversations whose rows of before are to be deleted, before those of the files are inserted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replaced: Option<FileEntry>,
    /// What figures meant.
    pub(super) metric_version: i32,
    pub(super) verbatim: &'static str,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FileEntry {
    /// Beside the manifest.
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl FileEntry {
    pub(super) fn of(name: String, sealed: &Sealed) -> FileEntry {
        let Sealed { rows, bytes, sha256 } = sealed.clone();
        FileEntry { name, rows, bytes, sha256 }
    }
}

impl Manifest {
    pub(super) fn new(
        table: &str,
        shop: &str,
        format: ExportFormat,
        asked: &ExportParameters,
        complete_to: Offset,
    ) -> Manifest {
        Manifest {
            table: table.to_string(),
            shop: shop.to_string(),
            format,
            asked: ExportParameters { format, ..asked.clone() },
            complete_to,
            rows: 0,
            files: Vec::new(),
            replaced: None,
            metric_version: METRIC_VERSION,
            verbatim: env!("CARGO_PKG_VERSION"),
        }
    }

    pub(super) fn add(&mut self, entry: FileEntry) {
        self.rows += entry.rows;
        self.files.push(entry);
    }

    /// Writes it, durably.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        durable::write(path, Mode::Usual, &text)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// What Parquet and Arrow keep with their rows. A closed range is the same whenever it is asked for, so that what
    /// it is complete to is no part of it.
    pub(super) fn about(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: String| (format!("verbatim.{name}"), value);
        let mut about = vec![
            pair("table", self.table.clone()),
            pair("shop", self.shop.clone()),
            pair("metric_version", self.metric_version.to_string()),
            pair("version", self.verbatim.to_string()),
        ];
        if let Ok(asked) = serde_json::to_string(&self.asked) {
            about.push(pair("asked", asked));
        }
        if self.asked.to.is_none() {
            about.push(pair("complete_to", self.complete_to.to_string()));
        }
        about
    }
}

/// `messages.parquet` has `messages.parquet.manifest.json`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".manifest.json");
    PathBuf::from(name)
}
