//! `verbatim access`

use chrono_tz::Tz;
use clap::Args;

use super::shown::shown;
use super::target::{Target, TargetArgs};
use super::{Exit, write};
use crate::model::{AccessAction, AccessEntry, AccessOutcome, Micros};
use crate::records::{AccessPage, Accessed};
use crate::server::AccessParameters;

const EXAMPLES: &str = "\
Examples:
  verbatim access --case D-17                             who looked at what for a case
  verbatim access --person ann --from -1w --format json

Exit codes: 0 found; 1 nothing found; 2 failure";

/// Accesses asked for at once.
const PAGE: usize = 500;

/// Who searched, viewed and exported what, newest first
///
/// A command that works on a data directory which nobody serves reads it with the rights of whoever owns
/// the files, and is not recorded.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AccessCommand {
    /// Only for this case
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Only by the person or program whose tokens name this subject
    #[arg(long, value_name = "SUB")]
    person: Option<String>,
    /// Only search, view, print, attachment, stream, export, sql, report, evidence, hold, release, erase,
    /// keeping, trail or unrecorded
    #[arg(long, value_parser = super::label::<AccessAction>)]
    action: Option<AccessAction>,
    /// Only what was allowed, refused or broke_off
    #[arg(long, value_parser = super::label::<AccessOutcome>)]
    outcome: Option<AccessOutcome>,
    /// Only of this conversation
    #[arg(long)]
    conversation: Option<String>,
    /// Only of this order number
    #[arg(long)]
    order: Option<String>,
    /// From then on: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before then, as --from
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Most accesses shown; without it, all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: AccessFormat,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum AccessFormat {
    /// For people, one a line
    #[default]
    Text,
    /// One object a line
    Json,
}

impl AccessCommand {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?;
        let zone = target.zone().await?;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let (mut before, mut is_any) = (None, false);
        loop {
            let limit = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let page = target.accesses(&self.parameters(before.take(), limit)).await?;
            let AccessPage { accesses, next } = page;
            is_any |= !accesses.is_empty();
            left -= accesses.len() as u64;
            self.write(&accesses, zone)?;
            before = next;
            if before.is_none() || left == 0 {
                return Ok(Exit::found(is_any));
            }
        }
    }

    fn parameters(&self, before: Option<String>, limit: usize) -> AccessParameters {
        AccessParameters {
            case: self.case.clone(),
            person: self.person.clone(),
            action: self.action,
            outcome: self.outcome,
            conversation: self.conversation.clone(),
            order: self.order.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            before,
            limit: Some(limit),
        }
    }

    fn write(&self, accesses: &[Accessed], zone: Tz) -> anyhow::Result<()> {
        match self.format {
            AccessFormat::Json => accesses.iter().try_for_each(write::json_line),
            AccessFormat::Text => {
                let text: String = accesses.iter().map(|access| line(access, zone)).collect();
                write::to_stdout(text.as_bytes())
            }
        }
    }
}

fn line(accessed: &Accessed, zone: Tz) -> String {
    let AccessEntry { sub, roles, access, times, from, .. } = &accessed.entry;
    let mut line = format!(
        "{} {} ({}) {} {} by {}",
        clock(accessed.at, zone),
        clean(sub),
        roles.join(", "),
        access.action.as_str(),
        access.outcome.as_str(),
        access.via.as_str()
    );
    if let (Some(times), Some(from)) = (times, from) {
        line.push_str(&format!(", {times} times since {}", clock(*from, zone)));
    }
    if let Some(rows) = access.rows {
        let unit = if access.action == AccessAction::Attachment { "bytes" } else { "rows" };
        line.push_str(&format!(", {rows} {unit}"));
    }
    for (name, value) in [
        ("case", &access.purpose.case),
        ("reason", &access.purpose.reason),
        ("conversation", &access.conversation),
        ("event", &access.event),
        ("order", &access.order),
        ("customer", &access.customer),
        ("agent", &access.agent),
        ("asked", &access.query),
    ] {
        if let Some(value) = value {
            line.push_str(&format!(", {name} {}", clean(value)));
        }
    }
    line.push('\n');
    line
}

fn clock(at: Micros, zone: Tz) -> String {
    at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S%:z").to_string()
}

/// What people asked for, on one line.
fn clean(text: &str) -> String {
    shown(text, " ")
}
