//! `verbatim export TABLE`

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use futures::StreamExt;
use indicatif::ProgressBar;

use super::target::Target;
use super::{Exit, Where, progress};
use crate::app::App;
use crate::export::{ExportFormat, ExportQuery};
use crate::model::{Micros, Offset};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// events, messages, turns, episodes or conversations
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
    place: Where,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        if self.out.is_none() && self.format == ExportFormat::Parquet && io::stdout().is_terminal()
        {
            bail!("Parquet is no text; give --out FILE");
        }
        let target = Target::for_reading(&self.place).await?;
        let bar = progress::rows(&format!("exporting {}", self.table));
        let exported = match &self.out {
            Some(path) => self.to_file(&target, path, &bar).await,
            None => self.to(&target, Box::new(BufWriter::new(io::stdout())), &bar).await,
        };
        bar.finish_and_clear();
        target.close()?;
        let complete_to = exported?;
        eprintln!("exported {}, complete to offset {complete_to}", self.table);
        Ok(Exit::Yes)
    }

    /// Under another name until it is whole and durable: a broken off export leaves no file that looks complete.
    async fn to_file(
        &self,
        target: &Target,
        path: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Offset> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let file = File::create(&unfinished)
            .with_context(|| format!("cannot create `{}`", unfinished.display()))?;
        let exported = self
            .to(target, Box::new(BufWriter::with_capacity(1 << 20, file.try_clone()?)), bar)
            .await;
        match exported {
            Ok(complete_to) => {
                file.sync_all()?;
                fs::rename(&unfinished, path)
                    .with_context(|| format!("cannot name the export `{}`", path.display()))?;
                Ok(complete_to)
            }
            Err(error) => {
                // Best effort: what stays behind is a `.part`.
                let _ = fs::remove_file(&unfinished);
                Err(error)
            }
        }
    }

    async fn to(
        &self,
        target: &Target,
        out: Box<dyn Write + Send>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Offset> {
        match target {
            Target::Here(app) => self.rows_to(app, out, bar).await,
            Target::There(client) => {
                let (response, complete_to) = client
                    .export(&self.table, self.format, self.from.clone(), self.to.clone())
                    .await?;
                let mut out = out;
                let mut body = response.bytes_stream();
                while let Some(chunk) = body.next().await {
                    out.write_all(&chunk.context("the server broke off the export")?)?;
                    bar.tick();
                }
                out.flush()?;
                Ok(complete_to)
            }
        }
    }

    async fn rows_to(
        &self,
        app: &App,
        out: Box<dyn Write + Send>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Offset> {
        let zone = app.config.zone;
        let query = ExportQuery::new(
            &self.table,
            self.from.as_deref(),
            self.to.as_deref(),
            zone,
            Micros::now(),
        )?;
        let mut answer = app.sql.stream(&self.place.shop, &query.sql, query.values).await?;
        let mut writer = self.format.writer(answer.schema, out)?;
        while let Some(rows) = answer.rows.next().await {
            let rows = rows?;
            writer.write(&rows)?;
            bar.inc(rows.num_rows() as u64);
        }
        writer.finish()?;
        Ok(answer.complete_to)
    }
}
