//! `verbatim status`

use clap::Args;

use super::target::{Target, TargetArgs};
use super::{Exit, write};

#[derive(Debug, Args)]
pub(super) struct Status {
    #[arg(long, value_enum, default_value_t)]
    format: StatusFormat,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum StatusFormat {
    /// For people
    #[default]
    Table,
    /// One object
    Json,
}

impl Status {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?;
        let status = target.status().await?;
        match self.format {
            StatusFormat::Json => write::json_line(&status)?,
            StatusFormat::Table => {
                let mut text = format!(
                    "head {}\n\n{:10}{:>14}{:>14}{:>10}{:>16}\n",
                    status.head, "store", "cursor", "applied", "lag", "bytes"
                );
                for store in &status.stores {
                    text.push_str(&format!(
                        "{:10}{:>14}{:>14}{:>10}{:>16}\n",
                        store.name, store.cursor.0, store.applied.0, store.lag, store.bytes
                    ));
                    if let Some(reason) = &store.failed {
                        text.push_str(&format!("  stands still: {reason}\n"));
                    }
                }
                if let Some(held) = &status.held {
                    text.push_str(&format!("no events are taken: {held}\n"));
                }
                for damage in &status.log.damaged {
                    text.push_str(&format!(
                        "the log is damaged: offsets {} to below {}, `{}`: {}\n",
                        damage.from, damage.to, damage.path, damage.detail
                    ));
                }
                write::to_stdout(text.as_bytes())?;
            }
        }
        let goes_on = status.stores.iter().all(|store| store.failed.is_none());
        Ok(Exit::found(goes_on && status.held.is_none() && status.log.damaged.is_empty()))
    }
}
