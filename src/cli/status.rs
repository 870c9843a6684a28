//! `verbatim status`

use clap::Args;

use super::target::{Target, TargetArgs};
use super::{Exit, write};
use crate::app::{LedgerStatus, StoreStatus};
use crate::model::MaintenanceState;

const EXAMPLES: &str = "\
Examples:
  verbatim status --data DATA
  verbatim status --url https://chat.example --token TOKEN --format json

Exit codes: 0 every store is well; 1 one of them is not; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// How the answer is written
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
        let target = Target::open_for_all(&self.target).await?;
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
                    text.push_str(&more_on(store));
                }
                if let Some(LedgerStatus { origin, signed, signed_at, .. }) = &status.ledger {
                    let at = signed_at.datetime().with_timezone(&target.zone().await?);
                    let at = at.format("%Y-%m-%d %H:%M:%S %:z");
                    text.push_str(&format!("the ledger `{origin}` signed {signed} at {at}\n"));
                }
                if let Some(held) = &status.held {
                    text.push_str(&format!("no events are taken: {held}\n"));
                }
                if let Some(trail) = status.trail.filter(|trail| trail.unrecorded > 0) {
                    text.push_str(&format!(
                        "accesses that could not be recorded since the start: {}\n",
                        trail.unrecorded
                    ));
                }
                for damage in &status.log.damaged {
                    text.push_str(&format!(
                        "the log is damaged: offsets {} to below {}, `{}`: {}\n",
                        damage.from, damage.to, damage.path, damage.detail
                    ));
                }
                for trouble in &status.log.trouble {
                    text.push_str(&format!("{trouble}\n"));
                }
                write::to_stdout(text.as_bytes())?;
            }
        }
        Ok(Exit::found(status.is_well()))
    }
}

/// Lines on what goes on beside a store, where there is something to say.
fn more_on(store: &StoreStatus) -> String {
    let mut text = String::new();
    for note in &store.notes {
        text.push_str(&format!("  {note}\n"));
    }
    let MaintenanceState { days_due, removed_files, removed_bytes, set_aside, failed, .. } =
        &store.maintenance;
    if *days_due > 0 {
        text.push_str(&format!("  days that wait for a compaction: {days_due}\n"));
    }
    if *removed_files > 0 {
        text.push_str(&format!(
            "  files replaced and not yet deleted: {removed_files} of {removed_bytes} bytes\n"
        ));
    }
    for file in set_aside {
        text.push_str(&format!(
            "  left out of compactions, since it is damaged: `{}`\n",
            file.display()
        ));
    }
    if let Some(failed) = failed {
        text.push_str(&format!("  its maintenance fails and is tried again: {failed}\n"));
    }
    text
}
