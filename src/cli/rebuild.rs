//! `verbatim rebuild NAME|all`

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::target::DataArgs;
use super::text_or_json::TextOrJson;
use super::{Exit, progress};
use crate::app::{DERIVED, rebuild};

const EXAMPLES: &str = "\
Examples:
  verbatim rebuild index --data DATA                      while no service runs
  verbatim rebuild all --data DATA

Exit codes: 0 made anew; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Rebuild {
    /// archive, facts, index, lookup, ledger, or all
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    data: DataArgs,
}

impl Rebuild {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let known: Vec<&str> = DERIVED.iter().map(|store| store.name).collect();
        let mut names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if let Some(unknown) = names.iter().find(|name| **name != "all" && !known.contains(name)) {
            bail!("there is no store `{unknown}`: give {}, or all", known.join(", "));
        }
        if names.contains(&"all") {
            names = known;
        }
        let bar = progress::working(&format!("rebuilding {}", names.join(", ")));
        let head = rebuild(self.data.data_dir(), self.data.config()?, &names).await;
        bar.finish_and_clear();
        let head = head?;
        let text = format!("rebuilt {}; complete to offset {head}", names.join(", "));
        self.format.say(&json!({"rebuilt": names, "complete_to": head}), &text)?;
        Ok(Exit::Yes)
    }
}
