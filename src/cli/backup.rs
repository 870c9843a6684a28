//! `verbatim backup DIR`

use std::path::PathBuf;

use clap::Args;

use super::target::DataArgs;
use super::text_or_json::TextOrJson;
use super::{Exit, progress};
use crate::app::{BackedUp, backup};

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
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    data: DataArgs,
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let bar = progress::working("copying");
        let copied = backup(self.data.data_dir(), &self.to).await;
        bar.finish_and_clear();
        let copied = copied?;
        let BackedUp { head, files, bytes } = &copied;
        let to = self.to.display();
        let text =
            format!("copied {files} files of {bytes} bytes to `{to}`; complete to offset {head}");
        self.format.say(&copied, &text)?;
        Ok(Exit::Yes)
    }
}
