//! `verbatim search WORDS`
//!
//! What is found, or that nothing is, is data: on stdout, to be quoted. How much of it is shown, and how
//! the rest is had, stands there too, since whoever quotes a part must know that it is one.

use anyhow::bail;
use chrono_tz::Tz;
use clap::Args;

use super::client::Refused;
use super::purpose::PurposeArgs;
use super::search_text::{self, Transcripts};
use super::shown::shown;
use super::target::{Target, TargetArgs, names_one};
use super::text_or_json::TextOrJson;
use super::{Exit, label, write};
use crate::model::{Kind, Micros, Role};
use crate::search::language::{LanguageError, parse};
use crate::search::{Mode, SearchAnswer, SearchError};
use crate::server::SearchParameters;

const EXAMPLES: &str = r#"Examples:
  verbatim search '退款 -运费' --from -30d                   both in a message, without the second
  verbatim search '"not working" order:FL-1001' --context 2   a phrase in one order, with what stands around it
  verbatim search 'refund OR 退款 role:human' --format json   for programs; --page-after goes on

Exit codes: 0 found; 1 nothing found; 2 the question cannot be read, or failure"#;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Search {
    /// What was said: words, all of which a message has, "phrases", OR, NOT or -word, parentheses, and
    /// fields such as order:FL1, agent:林*, from:-14d, is:retracted; see docs/search.md
    #[arg(default_value = "", allow_hyphen_values = true)]
    words: String,
    /// How closely texts must follow the words
    #[arg(long, value_enum, default_value_t)]
    mode: SearchMode,
    /// The same as --mode exact
    #[arg(long, conflicts_with = "mode")]
    exact: bool,
    /// Only conversations with this order number; a * at the end stands for any ending, here and below
    #[arg(long)]
    order: Option<String>,
    /// Only in this conversation
    #[arg(long)]
    conversation: Option<String>,
    /// Only conversations of this customer, by id or name
    #[arg(long)]
    customer: Option<String>,
    /// Only conversations this agent took part in, by id or name
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
    /// From then on: 2026-11-19, "2026-11-19 10:00", RFC 3339, yesterday, -14d, -2w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before then, as --from
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Conversations with the oldest hit first; otherwise those with the newest
    #[arg(long)]
    oldest_first: bool,
    /// Most conversations shown
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Most hits shown of each
    #[arg(long, value_name = "N")]
    hits: Option<usize>,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    page_after: Option<String>,
    /// Messages shown before and after each hit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    context: u16,
    /// How the hits are written
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SearchMode {
    /// Exactly as written
    Exact,
    /// Whatever the case, the width and invisible characters
    #[default]
    Folded,
    /// Whatever also the accents, traditional or simplified characters, and what stands between Chinese
    /// characters
    Variants,
}

impl SearchMode {
    pub(super) fn of_search(self) -> Mode {
        match self {
            SearchMode::Exact => Mode::Exact,
            SearchMode::Folded => Mode::Folded,
            SearchMode::Variants => Mode::Variants,
        }
    }
}

impl Search {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let asked_zone = self.target.zone;
        if let Err(error) = parse(&self.words, asked_zone.unwrap_or_default(), Micros::now()) {
            bail!("{}", at_its_spot(&self.words, &error));
        }
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let (answer, transcripts) = match self.ask(&target).await {
            Err(error) if is_of_no_shop(&error) => {
                let shops = target.shops(&self.target).await?;
                if shops.is_empty() {
                    return Err(error);
                }
                bail!("{error}; {}", names_one(&shops));
            }
            asked => asked?,
        };
        self.write(&answer, &transcripts)
    }

    fn write(&self, answer: &SearchAnswer, transcripts: &Transcripts) -> anyhow::Result<Exit> {
        let asked_zone = self.target.zone;
        let zone = asked_zone.unwrap_or(answer.zone);
        match self.format {
            TextOrJson::Json => write::json_line(answer)?,
            TextOrJson::Text => {
                let text = search_text::text(answer, transcripts, usize::from(self.context), zone);
                write::to_stdout(text.as_bytes())?;
            }
        }
        Ok(Exit::found(answer.total > 0))
    }

    /// The answer, and the records around the hits where neighbours are to be shown.
    async fn ask(&self, target: &Target) -> anyhow::Result<(SearchAnswer, Transcripts)> {
        let answer = target.search(&self.parameters()).await?;
        let mut transcripts = Transcripts::new();
        if self.context > 0 && self.format == TextOrJson::Text {
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
            mode: Some(if self.exact { Mode::Exact } else { self.mode.of_search() }),
            exact: false,
            conversation: self.conversation.clone(),
            order: self.order.clone(),
            customer: self.customer.clone(),
            agent: self.agent.clone(),
            category: self.category.clone(),
            role: self.role,
            kind: self.kind,
            from: self.from.clone(),
            to: self.to.clone(),
            zone: self.target.zone.map(|zone: Tz| zone.name().to_string()),
            oldest_first: self.oldest_first,
            limit: self.limit,
            hits: self.hits,
            after: self.page_after.clone(),
        }
    }
}

/// Whether there is nothing of the shop that was asked.
fn is_of_no_shop(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.status == reqwest::StatusCode::NOT_FOUND)
        || matches!(error.downcast_ref::<SearchError>(), Some(SearchError::NoShop { .. }))
}

/// What is wrong with the words, and under them where.
pub(super) fn at_its_spot(words: &str, error: &LanguageError) -> String {
    // Wide characters take two columns, and so does the wide space.
    let columns = |text: &str| -> String {
        text.chars().map(|char| if is_wide(char) { '\u{3000}' } else { ' ' }).collect()
    };
    let spot = error.chars(words);
    let before: String = words.chars().take(spot.start).collect();
    let marks = "^".repeat(spot.len().max(1));
    let line = shown(words, " ");
    format!("words: {error}\n  {line}\n  {}{marks}", columns(&before))
}

fn is_wide(char: char) -> bool {
    matches!(char, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spot_stands_under_its_character() {
        let words = "退款 from:noon";
        let error = parse(words, Tz::UTC, Micros(0)).unwrap_err();
        let said = at_its_spot(words, &error);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[1..], ["  退款 from:noon", "  \u{3000}\u{3000}      ^^^^"], "{said}");
    }
}
