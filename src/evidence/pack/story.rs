//! What a pack says, block after block: what it is, the conversations, what was left out.
//!
//! Invariants: a text stands as it was received, every version of it with who wrote it and when; times are
//! given in the zone that is named and in UTC; whatever the document does not show is said in it.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::LeftOut;
use super::excerpt::{Excerpt, Part};
use super::picture::Picture;
use super::typeset::{SetLine, Style, Tone, Typesetter};
use super::{Named, Source};
use crate::model::{Micros, Origin, PublicRecord, Sender};
use crate::transcript::{Line, Message};

/// Where text stands on a page, in points: A4 with margins of 20 mm.
pub(super) const TEXT_WIDTH: f32 = 595.28 - 2.0 * MARGIN;
pub(super) const MARGIN: f32 = 56.7;
/// How far what was said stands in from who said it.
const INDENT: f32 = 12.0;
/// The column of names on the first page.
const NAMES_WIDTH: f32 = 110.0;
/// Largest picture on a page.
pub(super) const PICTURE_WIDTH_MAX: f32 = 360.0;
pub(super) const PICTURE_HEIGHT_MAX: f32 = 300.0;

const TITLE: Style = Style { size: 20.0, tone: Tone::Black, is_strong: true };
const HEADING: Style = Style { size: 13.0, tone: Tone::Black, is_strong: true };
const WHO: Style = Style { size: 10.0, tone: Tone::Black, is_strong: true };
const TEXT: Style = Style { size: 10.5, tone: Tone::Black, is_strong: false };
const SMALL: Style = Style { size: 8.0, tone: Tone::Gray, is_strong: false };
const NOTE: Style = Style { size: 9.5, tone: Tone::Gray, is_strong: false };

/// Lines that stand together, from top to bottom.
#[derive(Clone, Default)]
pub(super) struct Block {
    pub(super) lines: Vec<SetLine>,
    /// Beside the lines, from the first of them: the names on the first page.
    pub(super) beside: Vec<SetLine>,
    /// From the left margin.
    pub(super) indent: f32,
    /// Left free above it, but for the top of a page.
    pub(super) above: f32,
    /// It does not stand at the end of a page, without what follows.
    pub(super) keeps_with_next: bool,
    /// A bar in the margin: this was chosen.
    pub(super) is_chosen: bool,
    /// A rule above it.
    pub(super) is_ruled: bool,
    pub(super) picture: Option<Picture>,
}

/// The pictures that can be shown, by the hash of their bytes; or why not.
pub(super) type Pictures = BTreeMap<String, Result<Picture, String>>;

/// Writes the blocks of one pack.
pub(super) struct Story<'a, 'f> {
    pub(super) source: &'a Source,
    pub(super) pictures: &'a Pictures,
    pub(super) setter: Typesetter<'f>,
    pub(super) blocks: Vec<Block>,
}

impl Story<'_, '_> {
    /// The first page: what this is, for what, and how it is checked.
    pub(super) fn add_front(
        &mut self,
        excerpts: &[Excerpt<'_>],
        context: usize,
        embedded: &[&Named],
    ) {
        let source = self.source;
        self.add("Transcript of after-sales chat", TITLE, Block::default());
        let shown: usize = excerpts.iter().map(|excerpt| excerpt.shown).sum();
        let of: usize = excerpts.iter().map(|excerpt| excerpt.of).sum();
        let what = if source.chosen.is_empty() {
            format!("all {of} messages between customer and shop")
        } else {
            format!(
                "{} chosen messages, marked with a bar, and up to {context} before and after each: {shown} of {of} messages between customer and shop",
                source.chosen.len()
            )
        };
        let conversations: Vec<&str> = excerpts.iter().map(|excerpt| excerpt.id).collect();
        let files: Vec<String> = embedded.iter().map(|file| file.name_inside()).collect();
        let inside = if files.is_empty() {
            "none; they are in the bundle".to_string()
        } else {
            files.join(", ")
        };
        let zone = source.zone;
        let rows = [
            ("Case", source.case.clone()),
            ("Shop", source.shop.clone()),
            ("Order", source.order.clone().unwrap_or_default()),
            ("Conversations", conversations.join(", ")),
            ("Shown", what),
            (
                "Times",
                format!(
                    "in {} ({}) first, then in UTC; as the shop's server received each message, unless marked otherwise",
                    zone.name(),
                    offset_of(source.made_at, zone)
                ),
            ),
            ("Bundle made", format!("{} by {}", both(source.made_at, zone), source.made_by)),
            ("Evidence", format!("bundle with SHA-256 {}", source.bundle_sha256)),
            ("Files in this PDF", inside),
        ];
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            let beside = self.setter.lines(name, NOTE, NAMES_WIDTH);
            let lines = self.setter.lines(value, TEXT, TEXT_WIDTH - NAMES_WIDTH);
            let above = if *name == "Case" { 14.0 } else { 3.0 };
            let (indent, is_ruled) = (NAMES_WIDTH, *name == "Case");
            let block = Block { beside, lines, indent, above, is_ruled, ..Block::default() };
            self.blocks.push(block);
        }
        let reading = "This document is for reading. What proves that the messages were received at these times, in this order, and are unaltered since is the bundle named above: its manifest and its proofs can be checked without the shop and without its server. Messages that the shop's staff wrote for each other are not part of this document. A character that cannot be set here, or that would not be seen, stands as its number in a frame (U+0123 to U+89ABCDEF); copied out of this document it is the character itself.";
        let note = Block { above: 14.0, is_ruled: true, ..Block::default() };
        self.add(reading, NOTE, note);
    }

    /// A conversation, or what is shown of it.
    pub(super) fn add_conversation(&mut self, excerpt: &Excerpt<'_>) {
        let heading =
            Block { above: 26.0, keeps_with_next: true, is_ruled: true, ..Block::default() };
        self.add(&format!("Conversation {}", excerpt.id), HEADING, heading);
        let mut day = None;
        for part in &excerpt.parts {
            let record = match part {
                Part::Gap { messages, others } => {
                    self.add_gap(*messages, *others);
                    continue;
                }
                Part::Message { message, .. } => &message.sent,
                Part::Line(line) => &line.record,
            };
            let its_day = local(record.occurred_at, self.source.zone).date_naive();
            if day != Some(its_day) {
                day = Some(its_day);
                let above = Block { above: 12.0, keeps_with_next: true, ..Block::default() };
                self.add(&its_day.format("%A, %-d %B %Y").to_string(), NOTE, above);
            }
            match part {
                Part::Message { message, is_chosen } => self.add_message(message, *is_chosen),
                Part::Line(line) => self.add_line(line),
                Part::Gap { .. } => {}
            }
        }
    }

    /// What was left out to keep the limits; nothing where nothing was.
    pub(super) fn add_left_out(&mut self, left_out: &[LeftOut]) {
        if left_out.is_empty() {
            return;
        }
        let heading =
            Block { above: 26.0, keeps_with_next: true, is_ruled: true, ..Block::default() };
        self.add("Left out of this document", HEADING, heading);
        for left in left_out {
            let line = match &left.sha256 {
                Some(sha256) => format!("{}: {} (SHA-256 {sha256})", left.what, left.why),
                None => format!("{}: {}", left.what, left.why),
            };
            self.add(&line, NOTE, Block { above: 4.0, ..Block::default() });
        }
        self.add("All of it is in the bundle.", NOTE, Block { above: 4.0, ..Block::default() });
    }

    fn add_gap(&mut self, messages: usize, others: usize) {
        let messages = match messages {
            1 => "1 message".to_string(),
            count => format!("{count} messages"),
        };
        let others = match others {
            0 => String::new(),
            1 => " and 1 other entry".to_string(),
            count => format!(" and {count} other entries"),
        };
        let gap = format!("[ {messages}{others} here left out; all are in the bundle ]");
        self.add(&gap, NOTE, Block { above: 10.0, indent: INDENT, ..Block::default() });
    }

    fn add_message(&mut self, message: &Message<'_>, is_chosen: bool) {
        let sent = &message.sent;
        let zone = self.source.zone;
        let block = |above: f32| Block { above, is_chosen, ..Block::default() };
        let who = format!("{}  {}", clock(sent.occurred_at, zone), who(&sent.event.sender));
        let automatic = if sent.event.automatic { "  (sent automatically)" } else { "" };
        let keeps_with_next = true;
        self.add(&format!("{who}{automatic}"), WHO, Block { keeps_with_next, ..block(10.0) });
        self.add(&received(sent, zone), SMALL, Block { keeps_with_next, ..block(0.0) });
        if let Some(quote) = &message.reply_to {
            let quote = match quote.offset {
                Some(_) => format!("in answer to {}: “{}”", quote.sender, quote.excerpt),
                None => format!("in answer to `{}`, which is not here", quote.id),
            };
            self.add(&quote, NOTE, Block { indent: INDENT, ..block(1.0) });
        }
        self.add_text(sent, block(2.0));
        for attachment in &sent.event.attachments {
            self.add_attachment(attachment, block(4.0));
        }
        for edit in &message.edits {
            let head = format!(
                "edited {} by {}; since then it reads:",
                both(edit.received_at, zone),
                who_short(edit)
            );
            let head_block = Block { indent: INDENT, keeps_with_next: true, ..block(4.0) };
            self.add(&head, NOTE, head_block);
            self.add(
                &received(edit, zone),
                SMALL,
                Block { indent: INDENT, keeps_with_next: true, ..block(0.0) },
            );
            self.add_text(edit, block(1.0));
        }
        for retraction in &message.retractions {
            let why = retraction.event.text.as_deref().map(|why| format!(": “{why}”"));
            let head = format!(
                "retracted {} by {}{}",
                both(retraction.received_at, zone),
                who_short(retraction),
                why.unwrap_or_default()
            );
            self.add(&head, NOTE, Block { indent: INDENT, ..block(4.0) });
        }
    }

    fn add_text(&mut self, record: &PublicRecord<'_>, block: Block) {
        let event = record.event;
        let block = Block { indent: INDENT, ..block };
        if let Some(erased) = record.erased {
            let gone =
                format!("[ erased {}: {} ]", both(erased.at, self.source.zone), erased.ground);
            return self.add(&gone, NOTE, block);
        }
        let named = (event.conversation.clone(), event.id.clone());
        if let Some(why) = self.source.withheld.get(&named) {
            return self.add(&format!("[ not in the bundle: {why} ]"), NOTE, block);
        }
        if let Some(text) = &event.text {
            self.add(text, TEXT, block);
        }
    }

    fn add_attachment(&mut self, file: &crate::model::Attachment, block: Block) {
        let picture = match self.pictures.get(&file.sha256) {
            Some(Ok(picture)) => Some(picture.clone()),
            _ => None,
        };
        let keeps_with_next = picture.is_some();
        if let Some(picture) = picture {
            let block = block.clone();
            let picture = Some(picture);
            self.blocks.push(Block { picture, indent: INDENT, keeps_with_next, ..block });
        }
        let why = match self.pictures.get(&file.sha256) {
            Some(Ok(_)) => String::new(),
            Some(Err(why)) => format!("; not shown: {why}"),
            None => "; not shown".to_string(),
        };
        let caption = format!(
            "file “{}”, said to be {}, {} bytes, SHA-256 {}{why}",
            file.name, file.media_type, file.bytes, file.sha256
        );
        self.add(&caption, SMALL, Block { indent: INDENT, above: 2.0, ..block });
    }

    fn add_line(&mut self, line: &Line<'_>) {
        let record = &line.record;
        let zone = self.source.zone;
        let text = format!(
            "{}  {} {}",
            clock(record.occurred_at, zone),
            who(&record.event.sender),
            line.words
        );
        self.add(&text, NOTE, Block { above: 8.0, ..Block::default() });
        if let Some(said) = &record.event.text {
            self.add(said, TEXT, Block { indent: INDENT, above: 2.0, ..Block::default() });
        }
    }

    fn add(&mut self, text: &str, style: Style, block: Block) {
        let lines = self.setter.lines(text, style, TEXT_WIDTH - block.indent);
        self.blocks.push(Block { lines, ..block });
    }
}

/// When the server received a record, where it stands, and what commits to it.
fn received(record: &PublicRecord<'_>, zone: Tz) -> String {
    let told = match record.origin {
        Origin::Live => String::new(),
        Origin::Imported => match &record.event.sent_at {
            Some(sent_at) => {
                format!("imported: the time above is as the old transcript tells it ({sent_at}); ")
            }
            None => "imported from an old transcript without times; ".to_string(),
        },
    };
    let by = record.by.map(|by| format!(" · sent for them by {} ({})", by.sub, by.role.as_str()));
    format!(
        "{told}received {} · no. {} · leaf {}{}",
        both(record.received_at, zone),
        record.seq,
        record.leaf,
        by.unwrap_or_default()
    )
}

fn who(sender: &Sender) -> String {
    match &sender.name {
        Some(name) => format!("{name} ({}, {})", sender.id, sender.role.as_str()),
        None => format!("{} ({})", sender.id, sender.role.as_str()),
    }
}

fn who_short(record: &PublicRecord<'_>) -> String {
    let sender = &record.event.sender;
    sender.name.clone().unwrap_or_else(|| sender.id.clone())
}

pub(super) fn local(at: Micros, zone: Tz) -> chrono::DateTime<Tz> {
    at.datetime().with_timezone(&zone)
}

fn clock(at: Micros, zone: Tz) -> String {
    local(at, zone).format("%H:%M:%S").to_string()
}

/// `+08:00`.
fn offset_of(at: Micros, zone: Tz) -> String {
    local(at, zone).format("%:z").to_string()
}

/// An instant by both clocks.
fn both(at: Micros, zone: Tz) -> String {
    let local = local(at, zone).format("%Y-%m-%d %H:%M:%S%.3f %:z");
    format!("{local} = {}", at.datetime().format("%Y-%m-%d %H:%M:%S%.3f UTC"))
}
