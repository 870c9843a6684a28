//! `verbatim export TABLE`

use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::target::{Target, TargetArgs};
use super::{Exit, progress};
use crate::durable::{Mode, Naming, Staged};
use crate::export::ExportFormat;
use crate::model::Offset;
use crate::server::ExportParameters;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// events, messages, turns, episodes, conversations, changes, tags or strays
    table: String,
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// File to write; without it, standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// From this instant or local date on
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this instant or local date
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        if self.out.is_none() && self.format == ExportFormat::Parquet && io::stdout().is_terminal()
        {
            bail!("Parquet is no text; give --out FILE");
        }
        let target = Target::open(&self.target).await?;
        let bar = progress::rows(&format!("exporting {}", self.table));
        let exported = match &self.out {
            Some(path) => self.to_file(&target, path, &bar).await,
            None => {
                let out = Box::new(BufWriter::new(io::stdout()));
                target.export(&self.table, &self.parameters(), out, &bar).await
            }
        };
        bar.finish_and_clear();
        let complete_to = exported?;
        eprintln!("exported {}, complete to offset {complete_to}", self.table);
        Ok(Exit::Yes)
    }

    /// A broken off export leaves no file that looks complete: it has its name only when it is
    /// whole and durable.
    async fn to_file(
        &self,
        target: &Target,
        path: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Offset> {
        let cannot_create = || format!("cannot create `{}`", path.display());
        let staged = Staged::alone(path, Mode::Usual).with_context(cannot_create)?;
        let writer = staged.writer().with_context(cannot_create)?;
        let out = Box::new(BufWriter::with_capacity(1 << 20, writer));
        let complete_to = target.export(&self.table, &self.parameters(), out, bar).await?;
        staged
            .publish(Naming::Overwrite)
            .with_context(|| format!("cannot name the export `{}`", path.display()))?;
        Ok(complete_to)
    }

    fn parameters(&self) -> ExportParameters {
        let (from, to) = (self.from.clone(), self.to.clone());
        ExportParameters { format: self.format, from, to }
    }
}
