//! `verbatim backup DIR`

use std::path::PathBuf;

use clap::Args;

use super::target::DataArgs;
use super::{Exit, progress};
use crate::app::backup;

#[derive(Debug, Args)]
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
