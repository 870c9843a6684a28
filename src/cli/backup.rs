//! `verbatim backup DIR`

use std::path::PathBuf;

use clap::Args;

use super::target::DataArgs;
use super::{Exit, progress};
use crate::app::backup;

const EXAMPLES: &str = "\
Examples:
  verbatim backup /mnt/backup/2026-11-19 --data DATA      also while a service runs
  verbatim serve --data /mnt/backup/2026-11-19            from the copy

Exit codes: 0 the copy is whole; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// A new folder, which becomes a data directory: records, attachments, keys, settings, queries
    #[arg(value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let bar = progress::working("copying");
        let copied = backup(self.data.data_dir(), &self.to).await;
        bar.finish_and_clear();
        let copied = copied?;
        eprintln!(
            "copied {} files of {} bytes to `{}`; complete to offset {}",
            copied.files,
            copied.bytes,
            self.to.display(),
            copied.head
        );
        Ok(Exit::Yes)
    }
}
