//! `verbatim rules show|set`

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::intake::Intake;
use super::shown::shown;
use super::target::{Target, TargetArgs};
use super::text_or_json::TextOrJson;
use super::{Exit, write};
use crate::cli::logging::tell;
use crate::model::{
    self as model, Event, Kind, Offset, Origin, RULES_CONVERSATION, Role, RulesChange,
    RulesHistory, Sender,
};

const RULES_EXAMPLES: &str = "\
Examples:
  verbatim rules show --data DATA
  verbatim rules set idle_hours=48 --data DATA

Exit codes: 0 done; 2 refused, or failure";

const SHOW_RULES_EXAMPLES: &str = "\
Examples:
  verbatim rules show --data DATA
  verbatim rules show --format json

Exit codes: 0 shown; 2 failure";

const SET_RULES_EXAMPLES: &str = r#"Examples:
  verbatim rules set idle_hours=48 --data DATA
  verbatim rules set hours=@hours.json sla='{"first_reply_s": 180}'
  verbatim rules set classifier=null                      people alone tag

Exit codes: 0 decided; 2 refused, or failure"#;

/// What a shop decides about its figures: records in its log, each a version
#[derive(Debug, Args)]
#[command(after_help = RULES_EXAMPLES)]
pub(super) struct Rules {
    #[command(subcommand)]
    action: RulesAction,
}

#[derive(Debug, Subcommand)]
enum RulesAction {
    /// Every version: who decided what, and when
    Show(ShowRules),
    /// Decide anew; figures of what was before stay as they are
    Set(SetRules),
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_RULES_EXAMPLES)]
struct ShowRules {
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = SET_RULES_EXAMPLES)]
struct SetRules {
    /// A rule and its value: idle_hours=48, keep_days=730 (0: for ever), hours=@hours.json (null: none),
    /// team_hours=@hours-of-teams.json, teams='{"night": ["lin", "wu"]}', sla='{"first_reply_s": 180}' (null: none),
    /// classifier=issues (null: people alone tag), category_labels=@labels.json; @ reads a file
    #[arg(value_name = "NAME=VALUE", required = true)]
    rules: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
}

impl Rules {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        match self.action {
            RulesAction::Show(show) => show.run().await,
            RulesAction::Set(set) => set.run().await,
        }
    }
}

impl ShowRules {
    async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?;
        let zone = target.zone().await?;
        let history = target.rules().await;
        match self.format {
            TextOrJson::Json => write::json_line(&history?)?,
            TextOrJson::Text => write::to_stdout(text(&history?, zone)?.as_bytes())?,
        }
        Ok(Exit::Yes)
    }
}

impl SetRules {
    async fn run(self) -> anyhow::Result<Exit> {
        let data = data_of(&self.rules)?;
        let change = RulesChange::parse(&data)?;
        // Rules of a mistyped directory would be in force nowhere.
        let intake = Intake::open_existing(&self.target).await?;
        let set = set(&intake, &change).await;
        intake.catch_up_and_close().await?;
        tell!("{}", set?);
        Ok(Exit::Yes)
    }
}

/// Sends the change, unless it would change nothing, and says what became of it.
async fn set(intake: &Intake, change: &RulesChange) -> anyhow::Result<String> {
    let history = intake.rules().await?;
    let version = history.rules.version;
    if history.rules.have(change) {
        return Ok(format!("version {version} already says so; nothing was added"));
    }
    // Whoever decides at the same time, knowing no more, sends the same id: one of the two is told.
    let last = history.versions.last().map(|version| version.offset);
    let appended = intake.append(Origin::Live, vec![event(last, change)?]).await?;
    match appended.answers.into_iter().next() {
        Some(Ok(ack)) => Ok(format!("version {} stands at offset {}", version + 1, ack.offset)),
        Some(Err(problem)) => bail!("{}", problem.detail),
        None => bail!("the rules were not answered"),
    }
}

fn event(last: Option<Offset>, change: &RulesChange) -> anyhow::Result<Event> {
    let id = last.map_or_else(|| "first".to_string(), |offset| format!("after-{offset}"));
    let sender = Sender { id: "operator".to_string(), role: Role::System, name: None };
    let mut event = Event::new(id, RULES_CONVERSATION.to_string(), Kind::Rules, sender);
    event.data = Some(RawValue::from_string(serde_json::to_string(change)?)?);
    Ok(event)
}

/// `NAME=VALUE …` as a JSON object; what is no JSON is text.
fn data_of(rules: &[String]) -> anyhow::Result<String> {
    let mut data = Map::new();
    for rule in rules {
        let Some((name, value)) = rule.split_once('=') else {
            bail!("`{rule}` must be NAME=VALUE, such as idle_hours=48");
        };
        let value = match value.strip_prefix('@') {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("cannot read `{path}`"))?;
                serde_json::from_str(&text).with_context(|| format!("`{path}` is no JSON"))?
            }
            None => serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
        };
        if data.insert(name.to_string(), value).is_some() {
            bail!("`{name}` must be given once");
        }
    }
    Ok(serde_json::to_string(&data)?)
}

fn text(history: &RulesHistory, zone: Tz) -> anyhow::Result<String> {
    let mut text = format!("times in {zone}\n");
    for version in &history.versions {
        let at = version.received_at.datetime().with_timezone(&zone);
        text.push_str(&format!(
            "{:>4}  {}  offset {}  {}: {}\n",
            version.rules.version,
            at.format("%Y-%m-%d %H:%M:%S"),
            version.offset,
            shown(&version.by, " "),
            serde_json::to_string(&version.change)?,
        ));
    }
    text.push_str(&in_force(&history.rules)?);
    Ok(text)
}

/// What holds now: one line, and one for each of what has parts.
fn in_force(rules: &model::Rules) -> anyhow::Result<String> {
    let model::Rules {
        version,
        idle_hours,
        keep_days,
        schedules,
        sla,
        classifier,
        category_labels,
    } = rules;
    let mut text = format!("in force: version {version}, idle_hours={idle_hours}");
    if *keep_days > 0 {
        text.push_str(&format!(", keep_days={keep_days}"));
    }
    if let Some(classifier) = classifier {
        text.push_str(&format!(", classifier={classifier}"));
    }
    text.push('\n');
    let mut parts = Vec::new();
    if let Some(hours) = &schedules.hours {
        parts.push(("hours".to_string(), serde_json::to_string(hours)?));
    }
    for (team, hours) in &schedules.team_hours {
        parts.push((format!("hours of {team}"), serde_json::to_string(hours)?));
    }
    if !schedules.teams.are_none() {
        parts.push(("teams".to_string(), serde_json::to_string(&schedules.teams)?));
    }
    if let Some(sla) = sla {
        parts.push(("sla".to_string(), serde_json::to_string(sla)?));
    }
    for (name, value) in parts {
        text.push_str(&format!("  {}: {value}\n", shown(&name, " ")));
    }
    for (category, labels) in category_labels.iter() {
        let labels = serde_json::to_string(labels)?;
        text.push_str(&format!("  category {}: {labels}\n", self::shown(category, " ")));
    }
    Ok(text)
}
