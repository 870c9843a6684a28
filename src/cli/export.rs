//! `verbatim export TABLE`

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::purpose::PurposeArgs;
use super::target::{Target, TargetArgs};
use super::{Exit, progress};
use crate::durable::{Mode, Naming, Staged};
use crate::export::{ExportFormat, Exported};
use crate::server::ExportParameters;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// events, messages, turns, episodes, conversations, changes, tags or strays
    table: String,
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// File to write; without it, or with -, standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// From this instant or local date on
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this instant or local date
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let out = self.out.as_deref().filter(|path| *path != Path::new("-"));
        if out.is_none() && self.format == ExportFormat::Parquet && io::stdout().is_terminal() {
            bail!("Parquet is no text; give --out FILE");
        }
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let bar = progress::rows(&format!("exporting {}", self.table));
        let exported = match out {
            Some(path) => self.to_path(&target, path, &bar).await,
            None => {
                let out = Box::new(BufWriter::new(io::stdout()));
                target.export(&self.table, &self.parameters(), out, &bar).await
            }
        };
        bar.finish_and_clear();
        let Exported { complete_to, rows } = exported?;
        eprintln!("exported {rows} rows of {}, complete to offset {complete_to}", self.table);
        Ok(Exit::Yes)
    }

    /// What is no file, a pipe or a device, is written to as it is. A link stays one: the file that
    /// it leads to is replaced.
    async fn to_path(
        &self,
        target: &Target,
        path: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Exported> {
        let cannot_open = || format!("cannot open `{}`", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let path = path.canonicalize().with_context(cannot_open)?;
                self.to_file(target, &path, bar).await
            }
            Ok(metadata) if !metadata.is_dir() => {
                let file = File::options().write(true).open(path).with_context(cannot_open)?;
                let out = Box::new(BufWriter::with_capacity(1 << 20, file));
                target.export(&self.table, &self.parameters(), out, bar).await
            }
            _ => self.to_file(target, path, bar).await,
        }
    }

    /// A broken off export leaves no file that looks complete: it has its name only when it is
    /// whole and durable.
    async fn to_file(
        &self,
        target: &Target,
        path: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Exported> {
        let cannot_create = || format!("cannot create `{}`", path.display());
        let staged = Staged::alone(path, Mode::Usual).with_context(cannot_create)?;
        let writer = staged.writer().with_context(cannot_create)?;
        let out = Box::new(BufWriter::with_capacity(1 << 20, writer));
        let exported = target.export(&self.table, &self.parameters(), out, bar).await?;
        staged
            .publish(Naming::Overwrite)
            .with_context(|| format!("cannot name the export `{}`", path.display()))?;
        Ok(exported)
    }

    fn parameters(&self) -> ExportParameters {
        let (from, to) = (self.from.clone(), self.to.clone());
        ExportParameters { format: self.format, from, to }
    }
}
