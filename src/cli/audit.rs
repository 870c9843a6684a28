//! `verbatim audit`: whether log, archive, facts, index, lookup and ledger hold the same.

use clap::Args;

use super::target::DataArgs;
use super::{Exit, progress, write};
use crate::app::audit_data;
use crate::audit::{Check, Report};
use crate::model::Offset;

const EXAMPLES: &str = "\
Examples:
  verbatim audit --data DATA                              while no service runs
  verbatim audit --data DATA --format json

Exit codes: 0 all stores hold the same; 1 they do not; 2 failure";

/// Findings printed for each store; `--format json` has more.
const FINDINGS_SHOWN_MAX: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Audit {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: AuditFormat,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum AuditFormat {
    /// For people
    #[default]
    Table,
    /// One object
    Json,
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let bar = progress::count(0, "auditing");
        let progress = |head: Offset, to: Offset| {
            bar.set_length(head.0);
            bar.set_position(to.0);
        };
        let report = audit_data(self.data.data_dir(), self.data.config()?, progress).await;
        bar.finish_and_clear();
        let report = report?;
        match self.format {
            AuditFormat::Json => write::json_line(&report)?,
            AuditFormat::Table => write::to_stdout(table(&report).as_bytes())?,
        }
        Ok(Exit::found(report.agrees))
    }
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "head {}\n\n{:10}{:>14}{:>14}{:>14}{:>10}\n",
        report.head, "store", "from", "to", "checked", "findings"
    );
    for check in &report.checks {
        let findings = check.findings.len() as u64 + check.more;
        text.push_str(&format!(
            "{:10}{:>14}{:>14}{:>14}{findings:>10}\n",
            check.store, check.from.0, check.to.0, check.checked
        ));
    }
    for check in report.checks.iter().filter(|check| !check.findings.is_empty()) {
        text.push_str(&findings(check));
    }
    text
}

fn findings(check: &Check) -> String {
    let mut text = format!("\n{}\n", check.store);
    for finding in check.findings.iter().take(FINDINGS_SHOWN_MAX) {
        text.push_str(&format!("  [{}, {})  {}\n", finding.from, finding.to, finding.what));
    }
    let rest = check.findings.len().saturating_sub(FINDINGS_SHOWN_MAX) as u64 + check.more;
    if rest > 0 {
        text.push_str(&format!("  and {rest} more\n"));
    }
    if let Some(mend) = &check.mend {
        text.push_str(&format!("  {mend}\n"));
    }
    text
}
