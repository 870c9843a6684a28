//! `verbatim categories apply`

use std::collections::BTreeMap;

use anyhow::bail;
use clap::Args;

use super::shelf;
use crate::categories::{
    After, CONVERSATIONS_AT_ONCE, Cases, EPISODES_AT_ONCE, Ended, MODEL_USUAL, Outcome, Range,
    Saved, decide, ended_in, said_in,
};
use crate::cli::intake::Intake;
use crate::cli::target::TargetArgs;
use crate::cli::text_or_json::TextOrJson;
use crate::cli::{Exit, progress, write};
use crate::model::{Event, FieldError, Micros, Origin, instant_of};

const EXAMPLES: &str = "\
Examples:
  verbatim categories apply --from -4w --data DATA

Exit codes: 0 done; 2 failure";

/// The status with which a server says that an id was used before, of a text that was edited since.
const CONFLICT: u16 = 409;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apply {
    /// Conversations that ended then or later: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Conversations that ended before then
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Which model
    #[arg(long, default_value = MODEL_USUAL)]
    name: String,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

/// What became of so many conversations.
type Outcomes = BTreeMap<Outcome, u64>;

impl Apply {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let saved = shelf(&self.target)?.get(&self.name)?;
        let intake = Intake::open_existing(&self.target).await?;
        let zone = intake.zone(&self.target).await?;
        let instant = |name: &str, text: &Option<String>| -> Result<Option<Micros>, FieldError> {
            text.as_deref().map(|text| instant_of(name, text, zone, Micros::now())).transpose()
        };
        let range = Range { from: instant("--from", &self.from)?, to: instant("--to", &self.to)? };
        if let (Some(from), Some(to)) = (range.from, range.to)
            && to <= from
        {
            bail!("--to must be after --from, and nothing lies between them");
        }
        let applied = apply(&intake, &range, &saved).await;
        intake.catch_up_and_close().await?;
        let applied = applied?;
        if self.format == TextOrJson::Json {
            write::json_line(&applied)?;
        } else {
            let said =
                applied.iter().map(|(outcome, count)| format!("{count} {}", words(*outcome)));
            let said: Vec<String> = said.collect();
            let said =
                if said.is_empty() { "nothing ended in it".to_string() } else { said.join(", ") };
            write::to_stdout(format!("{}: {said}\n", saved.reference()).as_bytes())?;
        }
        Ok(Exit::Yes)
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Tagged => "tagged",
        Outcome::Unknown => "not known",
        Outcome::Already => "tagged by it before",
        Outcome::LeftToPeople => "left to what people said",
        Outcome::Silent => "without a word of the customer",
        Outcome::Erased => "erased in part or whole",
    }
}

async fn apply(intake: &Intake, range: &Range, saved: &Saved) -> anyhow::Result<Outcomes> {
    let bar = progress::rows("conversations");
    let mut after: After = None;
    let mut outcomes = Outcomes::new();
    loop {
        let page: Vec<Ended> = intake.fold(&ended_in(range, &after), Vec::push).await?;
        let last: BTreeMap<&str, &Ended> =
            page.iter().map(|ended| (ended.conversation.as_str(), ended)).collect();
        let all: Vec<&Ended> = last.into_values().collect();
        for some in all.chunks(CONVERSATIONS_AT_ONCE) {
            apply_to(intake, some, saved, &mut outcomes).await?;
            bar.inc(some.len() as u64);
        }
        if page.len() < EPISODES_AT_ONCE {
            bar.finish_and_clear();
            return Ok(outcomes);
        }
        after = page.last().cloned();
    }
}

async fn apply_to(
    intake: &Intake,
    some: &[&Ended],
    saved: &Saved,
    outcomes: &mut Outcomes,
) -> anyhow::Result<()> {
    let from = some.iter().map(|ended| ended.started_offset).min().unwrap_or_default();
    let names = some.iter().map(|ended| ended.conversation.as_str());
    let cases = intake.fold(&said_in(names, from), Cases::add).await?;
    let mut events: Vec<Event> = Vec::new();
    for ended in some {
        let decision = decide(cases.of(&ended.conversation), ended, saved)?;
        *outcomes.entry(decision.outcome).or_default() += 1;
        events.extend(decision.events);
    }
    if events.is_empty() {
        return Ok(());
    }
    for answer in intake.append(Origin::Live, events).await?.answers {
        match answer {
            Err(problem) if problem.status != CONFLICT => bail!("{}", problem.detail),
            _ => {}
        }
    }
    Ok(())
}
