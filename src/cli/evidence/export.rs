//! `verbatim evidence export --out CASE.zip …`

use std::path::PathBuf;

use clap::Args;

use super::wanted::Wanted;
use crate::cli::Exit;
use crate::cli::target::TargetArgs;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when the bundle is whole; 1 when there is nothing of what was asked for, or files that messages name are missing \
or damaged (the bundle is there and says so); 2 when it failed, without a file"
)]
pub(super) struct Export {
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    wanted: Wanted,
    /// Number of the case this is for
    #[arg(long, value_name = "ID", env = "VERBATIM_CASE")]
    case: String,
    /// Why it is made; recorded with the export
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: TargetArgs,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let request = self.wanted.request(&self.case, &self.reason)?;
        let made = self.wanted.make(&request, &self.out, &self.target).await?;
        Ok(made.map_or(Exit::No, |made| self.wanted.exit_of(&made)))
    }
}
