//! `verbatim show CONVERSATION` and `verbatim show --order ORDER`

use clap::Args;

use super::pictures::Pictures;
use super::purpose::PurposeArgs;
use super::target::{Target, TargetArgs};
use super::{Exit, write};
use crate::cli::logging::tell;
use crate::model::{Audience, Micros, Record, Seen};
use crate::server::WhoseParameters;
use crate::transcript::{About, Document, Entry, HandedEntry, Inert, Style, handed, transcript};

const EXAMPLES: &str = "\
Examples:
  verbatim show c-9                                       one conversation, for people of the shop
  verbatim show --order FL-1001 --format html > case.html    as one page for the other side
  verbatim show c-9 --format json --without-private       for programs, as the customer saw it

Exit codes: 0 shown; 1 there is none; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// Name of the conversation
    #[arg(required_unless_present = "order", conflicts_with = "order")]
    conversation: Option<String>,
    /// Every conversation of this order, one after the other
    #[arg(long)]
    order: Option<String>,
    /// For whom it is written
    #[arg(long, value_enum, default_value_t)]
    format: ShowFormat,
    /// Private notes, tags and queues too, where the format leaves them out
    #[arg(long, conflicts_with = "without_private")]
    with_private: bool,
    /// Only what the customer could see, in every format
    #[arg(long)]
    without_private: bool,
    /// With each record's receipt and clocks in full (text; html and md have them)
    #[arg(long)]
    leaves: bool,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum ShowFormat {
    /// For people of the shop: private notes are in it, and marked
    #[default]
    Text,
    /// One page for the other side: what the customer could see, pictures within it, no script, nothing fetched
    Html,
    /// For mails and tickets to the other side: what the customer could see
    Md,
    /// An array of entries: everything, or without private notes what the customer could see
    Json,
}

/// Each conversation's name and records, in order.
type Conversations = Vec<(String, Vec<Record>)>;

impl Show {
    pub(super) async fn run(mut self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let made_at = Micros::now();
        let conversations = self.read(&target).await?;
        let about = self.about(&target, made_at).await?;
        let document = if self.format == ShowFormat::Html {
            let pictures = Pictures::of(&target, self.audience(), &conversations).await?;
            Document::new(about, &conversations, &pictures)
        } else {
            Document::new(about, &conversations, &Inert)
        };
        if document.is_empty() {
            tell!("{}", self.nothing(target.shop()));
            return Ok(Exit::No);
        }
        match self.format {
            ShowFormat::Json => self.json(&conversations)?,
            ShowFormat::Text => write::to_stdout(document.text(self.leaves).as_bytes())?,
            ShowFormat::Md => write::to_stdout(document.markdown().as_bytes())?,
            ShowFormat::Html => {
                write::to_stdout(document.html(Style::Within, &[])?.as_bytes())?;
            }
        }
        Ok(Exit::Yes)
    }

    /// What is asked for; nothing where there is none.
    async fn read(&mut self, target: &Target) -> anyhow::Result<Conversations> {
        let names = match (&self.conversation, &self.order) {
            (Some(conversation), _) => vec![conversation.clone()],
            (None, order) => self.names_of(target, order.clone()).await?,
        };
        let mut conversations = Vec::with_capacity(names.len());
        for name in names {
            if let Some(records) = target.conversation(&name).await? {
                conversations.push((name, records));
            }
        }
        Ok(conversations)
    }

    /// The order's conversations, as it went. From then on its number is the one that they have.
    async fn names_of(
        &mut self,
        target: &Target,
        order: Option<String>,
    ) -> anyhow::Result<Vec<String>> {
        let asked = WhoseParameters { order, ..WhoseParameters::default() };
        let found = target.conversations(&asked).await?;
        anyhow::ensure!(!found.is_cut, "the order is in more conversations than can be listed");
        if let [written] = found.written.as_slice() {
            self.order = Some(written.clone());
        }
        Ok(found.conversations.into_iter().rev().collect())
    }

    async fn about(&self, target: &Target, made_at: Micros) -> anyhow::Result<About> {
        Ok(About {
            shop: target.shop().to_string(),
            order: self.order.clone(),
            audience: self.audience(),
            zone: target.zone().await?,
            made_at,
            made_by: "verbatim show".to_string(),
            complete_to: None,
            is_cut: false,
        })
    }

    fn audience(&self) -> Audience {
        let is_for_the_shop = matches!(self.format, ShowFormat::Text | ShowFormat::Json);
        if self.with_private || (is_for_the_shop && !self.without_private) {
            Audience::Shop
        } else {
            Audience::OtherSide
        }
    }

    /// The entries of all conversations, one after the other.
    fn json(&self, conversations: &Conversations) -> anyhow::Result<()> {
        let seen: Vec<Seen<'_>> =
            conversations.iter().map(|(_, records)| Seen::by(self.audience(), records)).collect();
        if self.audience() == Audience::OtherSide {
            let entries: Vec<HandedEntry<'_>> = seen.iter().flat_map(handed).collect();
            return write::json_line(&entries);
        }
        let entries: Vec<Entry<'_>> =
            seen.iter().flat_map(|seen| transcript(seen.records.iter().copied())).collect();
        write::json_line(&entries)
    }

    fn nothing(&self, shop: &str) -> String {
        match (&self.conversation, &self.order) {
            (Some(conversation), _) => {
                format!("there is no conversation `{conversation}` in shop `{shop}`")
            }
            (None, order) => {
                let order = order.as_deref().unwrap_or_default();
                format!("no conversation of shop `{shop}` names the order `{order}`")
            }
        }
    }
}
