//! `verbatim export TABLE`: a table as a file, in parts, or what has changed since the last time.
//!
//! ```text
//! rows, as they come ─▶ a file                      --out FILE
//!                    ─▶ a file for each day, month  --partition-by day --out DIR
//! changed, then rows ─▶ a file of each run          --state FILE --out DIR
//! ```
//! Invariants: a file has its name only when it is whole; its manifest comes after it, and the state last, so that
//! whatever breaks a run off leaves the one before as it was, and the next run does it again.

mod behind;
mod files;
mod manifest;
mod output;
mod runs;
mod state;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::destination::{Destination, interruptible};
use super::purpose::PurposeArgs;
use super::rows_out::{RowFormat, tell_of_other_name};
use super::target::{Target, TargetArgs};
use super::{Exit, progress};
use crate::cli::logging::tell;
use crate::export::{ExportFormat, PartitionBy};
use crate::model::Offset;
use crate::server::ExportParameters;
use files::{FetchedFiles, NamedFiles};
use output::Written;

const EXAMPLES: &str = "\
Examples:
  verbatim export messages --out messages.parquet            the format is that of the name
  verbatim export turns --out turns.csv.zst --from -4w --to today
  verbatim export messages --partition-by day --out archive/ --format parquet
                                                             a file for each day
  verbatim export messages --state messages.state --out nightly/ --format parquet
                                                             what changed since the last run; docs/batch.md
  verbatim export messages --out messages.parquet --attachments files/
                                                             and the pictures, voice and files that they name
  verbatim export events --format jsonl | gzip > events.jsonl.gz

Exit codes: 0 all of it is whole; 2 failure: what is there is whole, and the next run does the rest";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// events, messages, turns, episodes, conversations, categories, changes, tags, strays, stints or ratings; changed:
    /// the conversations that have, with --after
    table: String,
    /// Without it, as the name of --out says
    #[arg(long, value_enum)]
    format: Option<ExportFormat>,
    /// File to write, with .zst at its end compressed; without it, or with -, standard output. A folder with
    /// --partition-by and --state
    #[arg(long, short, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// From then on: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before then, as --from
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// All rows of each conversation that records at or behind this offset have changed
    #[arg(long, value_name = "OFFSET", conflicts_with_all = ["from", "to"])]
    after: Option<u64>,
    /// What has changed since the run that wrote this file; all of it where there is none yet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to", "after", "partition_by"], requires = "out")]
    state: Option<PathBuf>,
    /// A file for each local day or month, as DIR/day=2026-11-19/TABLE.FORMAT
    #[arg(long, value_name = "UNIT", value_enum, requires = "out")]
    partition_by: Option<PartitionBy>,
    /// A manifest beside the file, FILE.manifest.json: rows, bytes, SHA-256, what was asked
    #[arg(long, requires = "out")]
    manifest: bool,
    /// Folder for the files that rows of events and messages name, each as DIR/ab/SHA256; what is whole there stays
    #[arg(long, value_name = "DIR")]
    attachments: Option<PathBuf>,
    /// CSV for Excel: with a byte order mark, and a quote before what it would compute
    #[arg(long)]
    excel: bool,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let format = self.format()?;
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        target.refuse_unknown_shop(&self.target).await?;
        let bar = progress::rows(&format!("exporting {}", self.table));
        let files = self.attachments.as_deref();
        let files = files.map(|folder| NamedFiles::begin(&self.table, folder)).transpose()?;
        let exporting = runs::Exporting {
            target: &target,
            table: &self.table,
            parameters: self.parameters(&target).await?,
            form: output::Form { format, excel: self.excel },
            bar: &bar,
            files: files.as_ref(),
        };
        let folder = self.out.as_deref();
        let done = interruptible(async {
            match (folder, &self.state, self.partition_by) {
                (Some(folder), Some(state), _) => exporting.go_on(state, folder).await,
                (Some(folder), None, Some(by)) => exporting.in_parts(by, folder).await,
                (out, ..) => exporting.as_one(&Destination::of(out), self.manifest).await,
            }
        });
        let done = done.await;
        bar.finish_and_clear();
        let Written { rows, files: written, complete_to, fetched } = done?;
        let in_files = match written {
            0 | 1 => String::new(),
            files => format!(" in {files} files"),
        };
        tell!("exported {rows} rows of {}{in_files}, complete to offset {complete_to}", self.table);
        if let Some(FetchedFiles { fetched, there, missing }) = fetched {
            let missing = match missing {
                0 => String::new(),
                missing => format!(", {missing} were never sent or are erased"),
            };
            tell!("fetched {fetched} attachments, {there} were there{missing}");
        }
        Ok(Exit::Yes)
    }

    fn format(&self) -> anyhow::Result<ExportFormat> {
        let is_folder = self.state.is_some() || self.partition_by.is_some();
        let format = match (self.format, &self.out) {
            (Some(format), Some(path)) if !is_folder => {
                if of_name(path).is_ok_and(|named| named != format) {
                    tell_of_other_name(path, format);
                }
                format
            }
            (Some(format), _) => format,
            (None, Some(path)) if !is_folder && path != Path::new("-") => of_name(path)?,
            (None, Some(path)) if is_folder => {
                bail!(
                    "`{}` is to be a folder; --format says how its files are written",
                    path.display()
                )
            }
            _ => bail!("--format says how rows are written: parquet, csv, jsonl, json or arrow"),
        };
        if self.excel && format != ExportFormat::Csv {
            bail!("--excel is for CSV");
        }
        let destination = Destination::of(self.out.as_deref());
        if destination == Destination::Stdout && format.is_binary() && io::stdout().is_terminal() {
            bail!("{format:?} is no text; give --out FILE");
        }
        Ok(format)
    }

    async fn parameters(&self, target: &Target) -> anyhow::Result<ExportParameters> {
        let has_dates = self.from.is_some() || self.to.is_some() || self.partition_by.is_some();
        let zone = if has_dates { Some(target.zone().await?.to_string()) } else { None };
        Ok(ExportParameters {
            // Rows come as they are, and become a file here.
            format: ExportFormat::Arrow,
            from: self.from.clone(),
            to: self.to.clone(),
            after: self.after.map(Offset),
            until: None,
            partition_by: self.partition_by,
            zone,
        })
    }
}

/// The format that a file's name says, before the `.zst` of one that is compressed.
fn of_name(path: &Path) -> anyhow::Result<ExportFormat> {
    let plain = match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("zst") => path.with_extension(""),
        _ => path.to_path_buf(),
    };
    let format = RowFormat::of_name(&plain).ok().and_then(RowFormat::file);
    format.with_context(|| {
        format!(
            "`{}` names no format of exports: .csv, .json, .jsonl, .parquet and .arrow do, also before .zst; or give --format",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_format() {
        for (name, format) in [
            ("x.parquet", Some(ExportFormat::Parquet)),
            ("x.csv.zst", Some(ExportFormat::Csv)),
            ("x.JSONL", Some(ExportFormat::Jsonl)),
            ("x.md", None),
            ("x", None),
            ("x.zst", None),
        ] {
            assert_eq!(of_name(Path::new(name)).ok(), format, "{name}");
        }
        // What is refused is not offered.
        let refused = of_name(Path::new("x.md")).unwrap_err().to_string();
        assert!(refused.contains("`x.md`") && !refused.contains(".md and"), "{refused}");
    }
}
