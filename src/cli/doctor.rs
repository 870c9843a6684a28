//! `verbatim doctor`: whether this machine and this directory are fit, and what to change.

use clap::Args;

use super::target::DataArgs;
use super::text_or_json::TextOrJson;
use super::{Exit, write};
use crate::app::{Finding, Health, examine};

const EXAMPLES: &str = "\
Examples:
  verbatim doctor --data DATA                  disk, clock, files, rights: also while a service runs
  verbatim doctor --data DATA --format json

Exit codes: 0 nothing is bad; 1 something is; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    data: DataArgs,
}

impl Doctor {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let findings = examine(&self.data.data_dir(), &self.data.config()?);
        match self.format {
            TextOrJson::Json => write::json_line(&findings)?,
            TextOrJson::Text => {
                let text: String = findings.iter().map(line_of).collect();
                write::to_stdout(text.as_bytes())?;
            }
        }
        Ok(Exit::found(findings.iter().all(|finding| finding.health != Health::Bad)))
    }
}

fn line_of(finding: &Finding) -> String {
    let word = match finding.health {
        Health::Good => "good",
        Health::Unknown => "?",
        Health::Weak => "weak",
        Health::Bad => "BAD",
    };
    let advice =
        finding.advice.iter().map(|advice| format!("{:22}→ {advice}\n", "")).collect::<String>();
    format!("{word:5} {:16}{}\n{advice}", finding.what, finding.found)
}
