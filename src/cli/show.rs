//! `verbatim show CONVERSATION`

use chrono_tz::Tz;
use clap::Args;

use super::purpose::PurposeArgs;
use super::shown::shown;
use super::target::{Target, TargetArgs};
use super::{Exit, write};
use crate::model::{PublicRecord, Record, Visibility};
use crate::records::{Entry, Message, transcript};

#[derive(Debug, Args)]
pub(super) struct Show {
    conversation: String,
    #[arg(long, value_enum, default_value_t)]
    format: ShowFormat,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum ShowFormat {
    /// For people
    #[default]
    Text,
    /// An array of entries
    Json,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        let zone = target.zone();
        let records = target.conversation(&self.conversation).await;
        let Some(records) = records? else {
            eprintln!(
                "there is no conversation `{}` in shop `{}`",
                self.conversation, self.target.shop
            );
            return Ok(Exit::No);
        };
        let entries = transcript(&records);
        match self.format {
            ShowFormat::Json => write::json_line(&entries)?,
            ShowFormat::Text => write::to_stdout(text(&records, &entries, zone).as_bytes())?,
        }
        Ok(Exit::Yes)
    }
}

fn text(records: &[Record], entries: &[Entry<'_>], zone: Tz) -> String {
    let mut text = String::new();
    if let (Some(first), Some(last)) = (records.first(), records.last()) {
        let order =
            records.iter().find_map(|record| record.event.order.as_deref()).unwrap_or("none");
        let order = clean(order);
        text.push_str(&format!(
            "conversation {}\norder {order}, records {} to {}, offsets {} to {}, times in {zone}\n\n",
            clean(&first.event.conversation), first.seq, last.seq, first.offset, last.offset
        ));
    }
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                text.push_str(&format!("{} -- {}\n", head(&line.record, zone), clean(&line.words)))
            }
            Entry::Message(message) => add_message(&mut text, message, zone),
        }
    }
    text
}

fn add_message(text: &mut String, message: &Message<'_>, zone: Tz) {
    let event = message.sent.event;
    let mut marks = Vec::new();
    if event.visibility == Visibility::Private {
        marks.push("private");
    }
    if event.automatic {
        marks.push("automatic");
    }
    if !message.retractions.is_empty() {
        marks.push("retracted");
    }
    let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
    let said = clean(event.text.as_deref().unwrap_or_default());
    text.push_str(&format!("{}{marks}: {said}\n", head(&message.sent, zone)));
    for file in &event.attachments {
        let line = format!(
            "    attachment {} ({}, {} bytes) {}\n",
            clean(&file.name),
            clean(&file.media_type),
            file.bytes,
            file.sha256
        );
        text.push_str(&line);
    }
    for edit in &message.edits {
        let said = clean(edit.event.text.as_deref().unwrap_or_default());
        text.push_str(&format!("    edited {}: {said}\n", head(edit, zone)));
    }
    for retraction in &message.retractions {
        text.push_str(&format!("    retracted {}\n", head(retraction, zone)));
    }
}

fn head(record: &PublicRecord<'_>, zone: Tz) -> String {
    let at = record.occurred_at.datetime().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
    let sender = &record.event.sender;
    let name = sender.name.as_deref().unwrap_or(&sender.id);
    format!("#{} {at} {} {}", record.offset, sender.role.as_str(), clean(name))
}

/// What people wrote, its lines under each other.
fn clean(text: &str) -> String {
    shown(text, "\n    ")
}
