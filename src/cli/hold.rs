//! `verbatim hold add|release|list`

use chrono_tz::Tz;
use clap::{Args, Subcommand};

use super::Exit;
use super::found::found;
use super::intake::Intake;
use super::shown::shown;
use super::target::TargetArgs;
use super::text_or_json::TextOrJson;
use crate::app::{Concerned, HoldRequest};
use crate::erasure::Held;
use crate::search::shown_time;

const HOLD_EXAMPLES: &str = "\
Examples:
  verbatim hold add --order FL-1001 --case D-17 --reason chargeback
  verbatim hold list

Exit codes: 0 done; 1 there is nothing of it, or nothing is held; 2 failure";

const ADD_HOLD_EXAMPLES: &str = "\
Examples:
  verbatim hold add --order FL-1001 --case D-17 --reason chargeback

Exit codes: 0 held; 1 there is nothing of it; 2 failure";

const RELEASE_HOLD_EXAMPLES: &str = "\
Examples:
  verbatim hold release --order FL-1001 --case D-17

Exit codes: 0 released; 1 there is nothing of it; 2 failure";

const LIST_HOLDS_EXAMPLES: &str = "\
Examples:
  verbatim hold list --format json

Exit codes: 0 listed; 1 nothing is held; 2 failure";

/// Conversations that are kept, whatever else is asked, until each case has released them
#[derive(Debug, Args)]
#[command(after_help = HOLD_EXAMPLES)]
pub(super) struct Hold {
    #[command(subcommand)]
    action: HoldAction,
}

#[derive(Debug, Subcommand)]
enum HoldAction {
    /// Keep a conversation, an order's or a customer's: nothing of it is erased
    Add(AddHold),
    /// Let a case go; what another case holds stays
    Release(ReleaseHold),
    /// What is held, since when, by whom and why
    List(ListHolds),
}

#[derive(Debug, Args)]
#[command(after_help = ADD_HOLD_EXAMPLES)]
#[group(id = "subject", required = true, multiple = false, args = ["conversation", "order", "customer"])]
struct AddHold {
    #[command(flatten)]
    asked: HoldArgs,
    /// For whose sake: each case holds and is released for itself
    #[arg(long, value_name = "ID")]
    case: String,
}

#[derive(Debug, Args)]
#[command(after_help = RELEASE_HOLD_EXAMPLES)]
struct ReleaseHold {
    #[command(flatten)]
    asked: HoldArgs,
    /// Which case lets go
    #[arg(long, value_name = "ID")]
    case: Option<String>,
}

#[derive(Debug, Args)]
struct HoldArgs {
    /// This conversation alone
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// Every conversation with this order number, as of now
    #[arg(long, value_name = "NUMBER")]
    order: Option<String>,
    /// Every conversation that this customer takes part in, as of now
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Why; recorded with the hold
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = LIST_HOLDS_EXAMPLES)]
struct ListHolds {
    /// Most holds shown, the oldest first; without it, all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl Hold {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            HoldAction::Add(add) => add.asked.send(Some(add.case), false).await,
            HoldAction::Release(release) => release.asked.send(release.case, true).await,
            HoldAction::List(list) => list.run().await,
        }
    }
}

impl HoldArgs {
    async fn send(self, case: Option<String>, releases: bool) -> anyhow::Result<Exit> {
        let HoldArgs { conversation, order, customer, reason, format, target } = self;
        let request = HoldRequest { conversation, order, customer, case, reason };
        let intake = Intake::open_existing(&target).await?;
        let kept =
            if releases { intake.release(&request).await } else { intake.hold(&request).await };
        intake.catch_up_and_close().await?;
        let Some(kept) = found(kept)? else { return Ok(Exit::No) };
        let done = if releases { "released" } else { "held" };
        let line = |concerned: &Concerned| {
            let name = shown(&concerned.conversation, " ");
            format!("{done}: {name}, as offset {} says", concerned.offset)
        };
        format.say(&kept, &kept.iter().map(line).collect::<Vec<_>>().join("\n"))?;
        Ok(Exit::Yes)
    }
}

impl ListHolds {
    async fn run(self) -> anyhow::Result<Exit> {
        let intake = Intake::open_existing(&self.target).await?;
        let holds = intake.holds(self.limit.unwrap_or(u64::MAX)).await;
        let zone = intake.zone(&self.target).await;
        intake.catch_up_and_close().await?;
        let (holds, zone) = (holds?, zone?);
        self.format.write_list(&holds, |held| line_of(held, zone))?;
        Ok(Exit::found(!holds.is_empty()))
    }
}

fn line_of(held: &Held, zone: Tz) -> String {
    let Held { conversation, case, at, by, reason, .. } = held;
    let (case, at) = (case_shown(case), shown_time(*at, zone));
    let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let line = format!("{conversation}  {case}  since {at}, {by}{reason}");
    shown(&line, " ") + "\n"
}

/// A case; of before they had to have a name.
pub(super) fn case_shown(case: &str) -> &str {
    if case.is_empty() { "(no case)" } else { case }
}
