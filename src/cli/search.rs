//! `verbatim search WORDS`

use std::collections::HashMap;
use std::io::{self, IsTerminal};

use chrono_tz::Tz;
use clap::Args;

use super::purpose::PurposeArgs;
use super::shown::shown;
use super::target::{Target, TargetArgs};
use super::write;
use super::{Exit, label};
use crate::model::{Kind, Micros, Record, Role};
use crate::search::{ConversationHits, Hit, SearchAnswer};
use crate::server::SearchParameters;

#[derive(Debug, Args)]
pub(super) struct Search {
    /// What was said: any part of it, in any script
    #[arg(default_value = "")]
    words: String,
    /// Case, width and invisible characters count
    #[arg(long)]
    exact: bool,
    /// Only conversations with this order number
    #[arg(long)]
    order: Option<String>,
    #[arg(long)]
    conversation: Option<String>,
    /// Only conversations of this customer
    #[arg(long)]
    customer: Option<String>,
    /// Only conversations this agent took part in
    #[arg(long)]
    agent: Option<String>,
    /// Only conversations tagged with this
    #[arg(long)]
    category: Option<String>,
    /// Only messages by a customer, human, bot or system
    #[arg(long, value_parser = label::<Role>)]
    role: Option<Role>,
    /// Only events of this kind, such as message or edit
    #[arg(long, value_parser = label::<Kind>)]
    kind: Option<Kind>,
    /// From this instant or local date on
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this instant or local date
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Oldest first; otherwise newest first
    #[arg(long)]
    oldest_first: bool,
    /// Most conversations shown
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Most hits shown of each
    #[arg(long, value_name = "N")]
    hits: Option<usize>,
    /// Messages shown before and after each hit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    context: u16,
    #[arg(long, value_enum, default_value_t)]
    format: SearchFormat,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum SearchFormat {
    /// For people
    #[default]
    Text,
    /// One object
    Json,
}

/// Records of each conversation found.
type Transcripts = HashMap<String, Vec<Record>>;

impl Search {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let zone = target.zone();
        let asked = self.ask(&target).await;
        let (answer, transcripts) = asked?;
        match self.format {
            SearchFormat::Json => write::json_line(&answer)?,
            SearchFormat::Text => {
                eprintln!("{}", note(&answer));
                write::to_stdout(self.text(&answer, &transcripts, zone).as_bytes())?;
            }
        }
        Ok(Exit::found(answer.total > 0))
    }

    /// The answer, and the records around the hits where neighbours are to be shown.
    async fn ask(&self, target: &Target) -> anyhow::Result<(SearchAnswer, Transcripts)> {
        let answer = target.search(&self.parameters()).await?;
        let mut transcripts = Transcripts::new();
        if self.context > 0 && self.format == SearchFormat::Text {
            for found in &answer.conversations {
                let records = target.conversation(&found.conversation).await?.unwrap_or_default();
                transcripts.insert(found.conversation.clone(), records);
            }
        }
        Ok((answer, transcripts))
    }

    fn parameters(&self) -> SearchParameters {
        SearchParameters {
            words: self.words.clone(),
            exact: self.exact,
            conversation: self.conversation.clone(),
            order: self.order.clone(),
            customer: self.customer.clone(),
            agent: self.agent.clone(),
            category: self.category.clone(),
            role: self.role,
            kind: self.kind,
            from: self.from.clone(),
            to: self.to.clone(),
            oldest_first: self.oldest_first,
            limit: self.limit,
            hits: self.hits,
        }
    }

    fn text(&self, answer: &SearchAnswer, transcripts: &Transcripts, zone: Tz) -> String {
        let mut text = String::new();
        for found in &answer.conversations {
            text.push_str(&format!("{}\n", clean(&found.conversation)));
            let records = transcripts.get(&found.conversation).map_or(&[][..], Vec::as_slice);
            for line in self.lines(found, records, zone) {
                text.push_str(&line);
            }
            text.push('\n');
        }
        text
    }

    /// The hits of one conversation, each amid its neighbours; a neighbour of two hits stands once.
    fn lines(&self, found: &ConversationHits, records: &[Record], zone: Tz) -> Vec<String> {
        let hit_at = |record: &Record| found.hits.iter().find(|hit| hit.offset == record.offset);
        let spoken: Vec<&Record> =
            records.iter().filter(|record| record.event.text.is_some()).collect();
        if spoken.is_empty() {
            return found.hits.iter().map(|hit| hit_line(hit, zone)).collect();
        }
        let reach = usize::from(self.context);
        let near = |index: usize| {
            let from = index.saturating_sub(reach);
            let to = (index + reach + 1).min(spoken.len());
            spoken[from..to].iter().any(|record| hit_at(record).is_some())
        };
        let shown = spoken.iter().enumerate().filter(|(index, _)| near(*index));
        shown
            .map(|(_, record)| match hit_at(record) {
                Some(hit) => hit_line(hit, zone),
                None => {
                    let event = &record.event;
                    let text = clean(event.text.as_deref().unwrap_or_default());
                    line(' ', record.occurred_at(), &event.sender.id, event.kind, &text, zone)
                }
            })
            .collect()
    }
}

/// What of the answer is shown, which is no part of it.
fn note(answer: &SearchAnswer) -> String {
    let shown: usize = answer.conversations.iter().map(|found| found.hits.len()).sum();
    format!(
        "{} messages found, {shown} shown; complete to offset {}",
        answer.total, answer.complete_to
    )
}

fn hit_line(hit: &Hit, zone: Tz) -> String {
    line('*', hit.occurred_at, &hit.sender_id, hit.kind, &marked(&hit.text, &hit.spans), zone)
}

/// One message on one line; `text` is clean already.
fn line(mark: char, at: Micros, sender: &str, kind: Kind, text: &str, zone: Tz) -> String {
    let at = at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
    let kind = if kind == Kind::Message { String::new() } else { format!(" [{}]", kind.as_str()) };
    format!("{mark} {at} {}{kind}: {text}\n", clean(sender))
}

/// What people wrote, on one line.
fn clean(text: &str) -> String {
    shown(text, " ")
}

/// The matches in bold on a terminal, in «quotes» elsewhere, in text that is clean otherwise.
fn marked(text: &str, spans: &[(usize, usize)]) -> String {
    let (open, close) =
        if io::stdout().is_terminal() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("«", "»") };
    let mut marked = String::new();
    let mut at = 0;
    let plain = |part: Option<&str>| clean(part.unwrap_or_default());
    for (from, to) in spans {
        marked.push_str(&plain(text.get(at..*from)));
        marked.push_str(&format!("{open}{}{close}", plain(text.get(*from..*to))));
        at = *to;
    }
    marked + &plain(text.get(at..))
}
