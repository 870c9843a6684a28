//! `verbatim erase`, `verbatim erase list|show`

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Exit;
use super::found::found;
use super::hold::case_shown;
use super::intake::Intake;
use super::shown::shown;
use super::target::TargetArgs;
use super::text_or_json::TextOrJson;
use crate::app::{AskedErasure, ErasePlan, EraseRequest};
use crate::cli::logging::tell;
use crate::erasure::{Asked, Done};
use crate::search::shown_time;

const ERASE_EXAMPLES: &str = r#"Examples:
  verbatim erase --customer cust-7 --ground "asked on 19 Nov" --dry-run
  verbatim erase --message m7 --conversation c-9 --ground "a card number"
  verbatim erase list                                     what was asked for, and what became of it

Exit codes: 0 asked for, and done or under way; 1 there is nothing of it; 2 failure"#;

const LIST_ERASURES_EXAMPLES: &str = "\
Examples:
  verbatim erase list --format json

Exit codes: 0 listed; 1 there are none; 2 failure";

const SHOW_ERASURE_EXAMPLES: &str = "\
Examples:
  verbatim erase show ID

Exit codes: 0 shown; 1 there is none; 2 failure";

/// How long a command waits until what it asked for is done. It goes on without it.
const DONE_TIME_MAX: Duration = Duration::from_secs(120);
/// How soon it looks again, and how late at most: each look in vain doubles the pause.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Erase what was said: its words, files and names are gone from the data directory; places, times and
/// proofs of all else stay. Backups and exports made before are not reached: see docs/operations.md
#[derive(Debug, Args)]
#[command(after_help = ERASE_EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Erase {
    #[command(subcommand)]
    action: Option<EraseAction>,
    /// A message, with every version of it; needs --conversation
    #[arg(long, value_name = "ID", requires = "conversation")]
    message: Option<String>,
    /// All that was said in this conversation; with --message, that message alone
    #[arg(long, value_name = "ID", conflicts_with = "customer")]
    conversation: Option<String>,
    /// What a customer said, and their id, in all of their conversations
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Why: it stands in the place of what is erased
    #[arg(long, value_name = "TEXT")]
    ground: Option<String>,
    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
    /// How the outcome is told
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Subcommand)]
enum EraseAction {
    /// Everything that was asked for, and what became of it
    List(ListErasures),
    /// One erasure, with its receipts
    Show(ShowErasure),
}

#[derive(Debug, Args)]
#[command(after_help = LIST_ERASURES_EXAMPLES)]
struct ListErasures {
    /// Most erasures shown, the oldest first; without it, all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_ERASURE_EXAMPLES)]
struct ShowErasure {
    id: String,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

impl Erase {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            Some(EraseAction::List(list)) => list.run().await,
            Some(EraseAction::Show(show)) => show.run().await,
            None => self.ask().await,
        }
    }

    async fn ask(self) -> anyhow::Result<Exit> {
        let Erase { message, conversation, customer, ground, dry_run, format, target, .. } = self;
        if conversation.is_none() && customer.is_none() {
            bail!("say what: --message ID --conversation ID, --conversation ID or --customer ID");
        }
        let ground = match ground {
            Some(ground) => ground,
            None if dry_run => "a dry run".to_string(),
            None => bail!("say why, with --ground: it stands in the place of what is erased"),
        };
        let request = EraseRequest { message, conversation, customer, ground, dry_run };
        let intake = Intake::open_existing(&target).await?;
        let asked = ask_and_wait(&intake, &request, format).await;
        intake.catch_up_and_close().await?;
        let Some((asked, is_done)) = found(asked)? else { return Ok(Exit::No) };
        let AskedErasure { id, conversations } = asked;
        let text = match &id {
            None => "nothing was erased: this was a dry run".to_string(),
            Some(id) if is_done => format!("done; `verbatim erase show {id}` prints the receipts"),
            Some(id) => format!(
                "asked for; it goes on by itself while a service runs: `verbatim erase show {id}`"
            ),
        };
        format.say(&json!({"id": id, "done": is_done, "conversations": conversations}), &text)?;
        Ok(Exit::Yes)
    }
}

/// Returns what was asked for, and whether it is done.
async fn ask_and_wait(
    intake: &Intake,
    request: &EraseRequest,
    format: TextOrJson,
) -> anyhow::Result<(AskedErasure, bool)> {
    let asked = intake.erase(request).await?;
    if format == TextOrJson::Text {
        // Before it waits.
        asked.conversations.iter().for_each(|plan| tell!("{}", plan_line(plan)));
    }
    let Some(id) = asked.id.clone() else { return Ok((asked, false)) };
    let waits = |plan: &ErasePlan| !plan.held_by.is_empty();
    let held = asked.conversations.iter().filter(|plan| waits(plan)).count() as u64;
    let (since, mut pause) = (Instant::now(), PAUSE_MIN);
    loop {
        let waiting = intake.erasure(&id, true, held + 1).await?.len() as u64;
        if waiting <= held {
            return Ok((asked, waiting == 0));
        }
        if since.elapsed() > DONE_TIME_MAX {
            return Ok((asked, false));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl ListErasures {
    async fn run(self) -> anyhow::Result<Exit> {
        let intake = Intake::open_existing(&self.target).await?;
        let asked = intake.erasures(self.limit.unwrap_or(u64::MAX)).await;
        let zone = intake.zone(&self.target).await;
        intake.catch_up_and_close().await?;
        let (asked, zone) = (asked?, zone?);
        self.format.write_list(&asked, |asked| line_of(asked, zone))?;
        Ok(Exit::found(!asked.is_empty()))
    }
}

impl ShowErasure {
    async fn run(self) -> anyhow::Result<Exit> {
        let intake = Intake::open_existing(&self.target).await?;
        let asked = intake.erasure(&self.id, false, u64::MAX).await;
        let zone = intake.zone(&self.target).await;
        intake.catch_up_and_close().await?;
        let Some(asked) = found(asked)? else { return Ok(Exit::No) };
        let zone = zone?;
        self.format.write_list(&asked, |asked| told(asked, zone))?;
        Ok(Exit::Yes)
    }
}

fn plan_line(plan: &ErasePlan) -> String {
    let ErasePlan { conversation, records, attachments, held_by } = plan;
    let held = match held_by.as_slice() {
        [] => String::new(),
        cases => {
            let cases: Vec<&str> = cases.iter().map(|case| case_shown(case)).collect();
            format!("; it waits, held by {}", cases.join(", "))
        }
    };
    shown(&format!("{conversation}: {records} records, {attachments} attachments{held}"), " ")
}

fn line_of(asked: &Asked, zone: Tz) -> String {
    let Asked { conversation, id, by, erasure, done, .. } = asked;
    let done = done.as_ref().map(|done| format!("done {}", shown_time(done.at, zone)));
    let done = done.unwrap_or_else(|| "pending".to_string());
    let (what, at, ground) = (what_of(asked), shown_time(erasure.at, zone), &erasure.ground);
    shown(&format!("{id}  {conversation}  {what}  asked {at} by {by}: {ground}  {done}"), " ")
        + "\n"
}

/// What is erased of a conversation.
fn what_of(asked: &Asked) -> String {
    match (&asked.erasure.message, &asked.erasure.customer) {
        (Some(message), _) => format!("message {message}"),
        (None, Some(customer)) => format!("the part of {customer}"),
        (None, None) => "all of it".to_string(),
    }
}

/// An erasure in one conversation, and its receipt, in sentences.
fn told(asked: &Asked, zone: Tz) -> String {
    let Asked { conversation, by, erasure, done, .. } = asked;
    let (what, at) = (what_of(asked), shown_time(erasure.at, zone));
    let mut lines = vec![
        format!("{conversation}: {what}"),
        format!("  asked {at} by {by}: {}", erasure.ground),
    ];
    match done {
        None => lines.push("  not done yet; `verbatim status` says for what it waits".to_string()),
        Some(done) => lines.extend(receipt_lines(done, zone)),
    }
    lines.iter().map(|line| shown(line, " ") + "\n").collect()
}

/// What a receipt says. `--format json` has all of it.
fn receipt_lines(done: &Done, zone: Tz) -> [String; 3] {
    let receipt = &done.receipt;
    let count = |name: &str| receipt[name].as_u64().unwrap_or_default();
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    for place in receipt["places"].as_array().into_iter().flatten() {
        *places.entry(place["store"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let named: u64 = places.values().sum();
    let mut places: Vec<String> =
        places.iter().map(|(store, count)| format!("{count} of {store}")).collect();
    if count("rewritten") > named {
        places.push(format!("{} more", count("rewritten") - named));
    }
    if places.is_empty() {
        places.push("none".to_string());
    }
    let at = shown_time(done.at, zone);
    [
        format!("  done {at}: {} records, {} attachments", count("records"), count("attachments")),
        format!("  files removed or written anew: {}", places.join(", ")),
        format!("  the receipt stands at offset {}", done.offset),
    ]
}
