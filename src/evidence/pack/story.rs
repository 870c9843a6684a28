//! What a pack says, block after block: what it is, the conversations, what was left out.
//!
//! Invariants: a text stands as it was received, every version of it with who wrote it and when; times are
//! given in the zone that is named and in UTC; of imported chat the time that is told comes first, and when it was
//! received stands under it; whatever the document does not show is said in it. Labels stand in English and in
//! Chinese, where the fonts have Chinese.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::LeftOut;
use super::excerpt::{Excerpt, Part};
use super::picture::Picture;
use super::place::{self, Count, Place, why_not};
use super::typeset::{SetLine, Style, Tone, Typesetter};
use super::{Named, Source};
use crate::model::{Micros, Origin, PublicRecord, Sender};
use crate::transcript::{Label, Line, Message};

/// Where text stands on a page, in points: A4 with margins of 20 mm.
pub(super) const TEXT_WIDTH: f32 = 595.28 - 2.0 * MARGIN;
pub(super) const MARGIN: f32 = 56.7;
/// How far what was said stands in from who said it.
const INDENT: f32 = 12.0;
/// The column of names on the first page.
const NAMES_WIDTH: f32 = 110.0;
const NAMES_GAP: f32 = 8.0;
/// Largest picture on a page.
pub(super) const PICTURE_WIDTH_MAX: f32 = 360.0;
pub(super) const PICTURE_HEIGHT_MAX: f32 = 300.0;

const TITLE: Style = Style { size: 20.0, tone: Tone::Black, is_strong: true };
const HEADING: Style = Style { size: 13.0, tone: Tone::Black, is_strong: true };
const WHO: Style = Style { size: 10.0, tone: Tone::Black, is_strong: true };
const TEXT: Style = Style { size: 10.5, tone: Tone::Black, is_strong: false };
const SMALL: Style = Style { size: 8.0, tone: Tone::Gray, is_strong: false };
const NOTE: Style = Style { size: 9.5, tone: Tone::Gray, is_strong: false };

/// How the document is to be read.
const READING: Label = Label::new(
    "本文件供阅读之用。证明各条消息于所述时间、按此顺序收到且此后未经改动的，是上述证据包：其清单与证明无需店铺及其服务器即可核验。店铺员工之间的内部消息不在本文件中。无法排印或不可见的字符以方框中的编号表示（U+0123 至 U+89ABCDEF），从本文件复制时仍为该字符本身。",
    "This document is for reading. What proves that the messages were received at these times, in this order, and are unaltered since is the bundle named above: its manifest and its proofs can be checked without the shop and without its server. Messages that the shop's staff wrote for each other are not part of this document. A character that cannot be set here, or that would not be seen, stands as its number in a frame (U+0123 to U+89ABCDEF); copied out of this document it is the character itself.",
);
const UNNAMED: Label =
    Label::new("证据包未写明名称的会话", "A conversation that the bundle does not name");

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
    source: &'a Source,
    pictures: &'a Pictures,
    pub(super) setter: Typesetter<'f>,
    pub(super) blocks: Vec<Block>,
    /// All of it was brought in from an old transcript, and the first page says so.
    is_all_imported: bool,
}

impl<'a, 'f> Story<'a, 'f> {
    pub(super) fn new(
        source: &'a Source,
        pictures: &'a Pictures,
        setter: Typesetter<'f>,
        excerpts: &[Excerpt<'_>],
    ) -> Story<'a, 'f> {
        let is_all_imported = is_all_imported(excerpts);
        Story { source, pictures, setter, blocks: Vec::new(), is_all_imported }
    }

    /// The first page: what this is, for what, and how it is checked.
    pub(super) fn add_front(
        &mut self,
        excerpts: &[Excerpt<'_>],
        context: usize,
        embedded: &[&Named],
    ) {
        let source = self.source;
        let title = self.said(Label::new("售后聊天记录", "Transcript of after-sales chat"));
        self.add(&title, TITLE, Block::default());
        let files: Vec<String> = embedded.iter().map(|file| file.name_inside()).collect();
        let inside = if files.is_empty() {
            self.said(Label::new("无；均在证据包内", "none; they are in the bundle"))
        } else {
            files.join(", ")
        };
        let made = format!("{} by {}", both(source.made_at, source.zone), source.made_by);
        let evidence = format!("bundle with SHA-256 {}", source.bundle_sha256);
        let (shown, times) = (self.shown(excerpts, context), self.times());
        let rows = [
            (Label::new("案件", "Case"), source.case.clone()),
            (Label::new("店铺", "Shop"), source.shop.clone()),
            (Label::new("订单", "Order"), source.order.clone().unwrap_or_default()),
            (Label::new("会话", "Conversations"), names(excerpts)),
            (Label::new("收录", "Shown"), shown),
            (Label::new("时间", "Times"), times),
            (Label::new("证据包制作", "Bundle made"), made),
            (Label::new("证据包", "Evidence"), evidence),
            (Label::new("本 PDF 内的文件", "Files in this PDF"), inside),
        ];
        let mut is_first = true;
        for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
            let name = self.said(name);
            let beside = self.setter.lines(&name, NOTE, NAMES_WIDTH - NAMES_GAP);
            let mut lines = self.setter.lines(&value, TEXT, TEXT_WIDTH - NAMES_WIDTH);
            while lines.len() < beside.len() {
                lines.extend(self.setter.lines("", TEXT, TEXT_WIDTH));
            }
            let above = if is_first { 14.0 } else { 3.0 };
            let (indent, is_ruled) = (NAMES_WIDTH, is_first);
            let block = Block { beside, lines, indent, above, is_ruled, ..Block::default() };
            self.blocks.push(block);
            is_first = false;
        }
        let note = Block { above: 14.0, is_ruled: true, ..Block::default() };
        self.add(READING.en, NOTE, note);
        if self.setter.has_chinese() {
            self.add(READING.zh, NOTE, Block { above: 4.0, ..Block::default() });
        }
    }

    /// How much of what was said is shown, and why not the rest.
    fn shown(&self, excerpts: &[Excerpt<'_>], context: usize) -> String {
        let shown: usize = excerpts.iter().map(|excerpt| excerpt.shown).sum();
        let of: usize = excerpts.iter().map(|excerpt| excerpt.of).sum();
        let chosen = self.source.chosen.len();
        let (some_en, some_zh) = match shown {
            0 => ("none of".to_string(), "均未收录".to_string()),
            _ if shown == of && chosen == 0 => ("all".to_string(), "全部收录".to_string()),
            _ => (format!("{shown} of"), format!("收录 {shown} 条")),
        };
        let mut en = format!("{some_en} {of} messages between customer and shop");
        let mut zh = format!("客户与店铺之间共 {of} 条消息，{some_zh}");
        if chosen > 0 {
            en = format!(
                "{chosen} chosen messages, marked with a bar, and up to {context} before and after each: {en}"
            );
            zh = format!("选定的 {chosen} 条消息（左侧有竖线）及其前后各至多 {context} 条：{zh}");
        }
        let mut withheld: BTreeMap<&str, Count> = BTreeMap::new();
        for (why, count) in excerpts.iter().flat_map(|excerpt| &excerpt.withheld) {
            let all = withheld.entry(why).or_default();
            all.messages += count.messages;
            all.others += count.others;
        }
        for (why, Count { messages, .. }) in withheld.iter().filter(|(_, of)| of.messages > 0) {
            let why = why_not(why);
            en.push_str(&format!("; {messages} {}", why.en));
            zh.push_str(&format!("；{messages} 条{}", why.zh));
        }
        let others: usize = withheld.values().map(|count| count.others).sum();
        if others > 0 {
            en.push_str(&format!("; {others} other entries are not disclosed either"));
            zh.push_str(&format!("；另有 {others} 条其他记录未披露"));
        }
        let cut = excerpts.iter().flat_map(Excerpt::messages).filter(|message| {
            let event = message.sent.event;
            self.source.withheld.contains_key(&(event.conversation.clone(), event.id.clone()))
        });
        let cut = cut.count();
        if cut > 0 {
            en.push_str(&format!("; of those shown {cut} without their text"));
            zh.push_str(&format!("；收录者中 {cut} 条的内容未披露"));
        }
        self.in_lines(en, zh)
    }

    /// What the times in the document are.
    fn times(&self) -> String {
        let zone = self.source.zone;
        let (name, offset) = (zone.name(), offset_of(self.source.made_at, zone));
        let (en, zh) = if self.is_all_imported {
            (
                "all of this chat was imported: each time is as the old transcript tells it, and when the shop's server received it stands below",
                "全部为导入的记录：各条时间以原记录所述为准，店铺服务器收到的时间列于其下",
            )
        } else {
            (
                "as the shop's server received each message, unless marked otherwise",
                "除另有标明外，为店铺服务器收到每条消息的时间",
            )
        };
        self.in_lines(
            format!("in {name} ({offset}) first, then in UTC; {en}"),
            format!("先为 {name}（{offset}），后为 UTC；{zh}"),
        )
    }

    /// A label, in both languages where the fonts have both.
    fn said(&self, label: Label) -> String {
        if self.setter.has_chinese() {
            format!("{} · {}", label.en, label.zh)
        } else {
            label.en.to_string()
        }
    }

    /// The same of sentences, each on a line of its own.
    fn in_lines(&self, en: String, zh: String) -> String {
        if self.setter.has_chinese() { format!("{en}\n{zh}") } else { en }
    }

    /// A conversation, or what is shown of it.
    pub(super) fn add_conversation(&mut self, excerpt: &Excerpt<'_>) {
        let heading =
            Block { above: 26.0, keeps_with_next: true, is_ruled: true, ..Block::default() };
        let name = match excerpt.id {
            Some(id) => format!("{} {id}", self.said(Label::new("会话", "Conversation"))),
            None => self.said(UNNAMED),
        };
        self.add(&name, HEADING, heading);
        let mut day = None;
        for part in &excerpt.parts {
            let record = match part {
                Part::Gap { of, not_disclosed } => {
                    self.add_gap(*of, *not_disclosed);
                    continue;
                }
                Part::Places(places) => {
                    self.add_places(places);
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
                Part::Places(_) | Part::Gap { .. } => {}
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
        let name = self.said(Label::new("本文件未收录", "Left out of this document"));
        self.add(&name, HEADING, heading);
        for left in left_out {
            let line = match &left.sha256 {
                Some(sha256) => format!("{}: {} (SHA-256 {sha256})", left.what, left.why),
                None => format!("{}: {}", left.what, left.why),
            };
            self.add(&line, NOTE, Block { above: 4.0, ..Block::default() });
        }
        let all = self.said(Label::new("均在证据包内。", "All of it is in the bundle."));
        self.add(&all, NOTE, Block { above: 4.0, ..Block::default() });
    }

    fn add_gap(&mut self, of: Count, not_disclosed: usize) {
        let Count { messages, others } = of;
        let mut en = format!("{} here left out", of.words());
        let mut zh = format!("此处略去 {messages} 条消息");
        if others > 0 {
            zh.push_str(&format!("及 {others} 条其他记录"));
        }
        match not_disclosed {
            0 => {
                en.push_str("; all are in the bundle");
                zh.push_str("；均在证据包内");
            }
            count => {
                en.push_str(&format!("; of {count} the bundle has the place alone"));
                zh.push_str(&format!("；其中 {count} 条在证据包内仅有其位置"));
            }
        }
        let gap = self.in_lines(format!("[ {en} ]"), format!("[ {zh} ]"));
        self.add(&gap, NOTE, Block { above: 10.0, indent: INDENT, ..Block::default() });
    }

    fn add_places(&mut self, places: &[&Place]) {
        let zone = self.source.zone;
        let words = place::words(places, zone, |label| self.said(label));
        let keeps_with_next = places.len() == 1;
        self.add(&words, NOTE, Block { above: 10.0, keeps_with_next, ..Block::default() });
        if let [place] = places {
            let received =
                format!("received {} · leaf {}", both(place.received_at, zone), place.leaf);
            self.add(&received, SMALL, Block::default());
        }
    }

    fn add_message(&mut self, message: &Message<'_>, is_chosen: bool) {
        let sent = &message.sent;
        let zone = self.source.zone;
        let block = |above: f32| Block { above, is_chosen, ..Block::default() };
        let who = format!("{}  {}", clock(sent.occurred_at, zone), who(&sent.event.sender));
        let automatic = if sent.event.automatic { "  (sent automatically)" } else { "" };
        let keeps_with_next = true;
        self.add(&format!("{who}{automatic}"), WHO, Block { keeps_with_next, ..block(10.0) });
        self.add(&self.received(sent), SMALL, Block { keeps_with_next, ..block(0.0) });
        if let Some(quote) = &message.reply_to {
            let quote = match quote.offset {
                Some(_) => format!("in answer to {}: “{}”", quote.sender, quote.excerpt),
                // Its id could be that of a note.
                None => "in answer to a message that is not here".to_string(),
            };
            self.add(&quote, NOTE, Block { indent: INDENT, ..block(1.0) });
        }
        self.add_text(sent, block(2.0));
        for attachment in &sent.event.attachments {
            self.add_attachment(attachment, block(4.0));
        }
        for edit in &message.edits {
            let head = format!(
                "{} {} by {}; since then it reads:",
                self.said(Label::new("已编辑", "edited")),
                both(edit.occurred_at, zone),
                who_short(edit)
            );
            let keeping = |above| Block { indent: INDENT, keeps_with_next, ..block(above) };
            self.add(&head, NOTE, keeping(4.0));
            self.add(&self.received(edit), SMALL, keeping(0.0));
            self.add_text(edit, block(1.0));
        }
        for retraction in &message.retractions {
            let why = retraction.event.text.as_deref().map(|why| format!(": “{why}”"));
            let head = format!(
                "{} {} by {}{}",
                self.said(Label::new("已撤回", "retracted")),
                both(retraction.occurred_at, zone),
                who_short(retraction),
                why.unwrap_or_default()
            );
            let indented = |above| Block { indent: INDENT, ..block(above) };
            self.add(&head, NOTE, Block { keeps_with_next, ..indented(4.0) });
            self.add(&self.received(retraction), SMALL, indented(0.0));
        }
    }

    /// When the server received a record, where it stands, and what commits to it.
    fn received(&self, record: &PublicRecord<'_>) -> String {
        let told = match (record.origin, &record.event.sent_at) {
            (Origin::Live, _) => String::new(),
            (Origin::Imported, Some(sent_at)) if self.is_all_imported => {
                format!("told {sent_at}; ")
            }
            (Origin::Imported, Some(sent_at)) => {
                format!("imported: the time above is as the old transcript tells it ({sent_at}); ")
            }
            (Origin::Imported, None) if self.is_all_imported => "told without a time; ".to_string(),
            (Origin::Imported, None) => {
                "imported from an old transcript without times; ".to_string()
            }
        };
        let by =
            record.by.map(|by| format!(" · sent for them by {} ({})", by.sub, by.role.as_str()));
        format!(
            "{told}received {} · no. {} · leaf {}{}",
            both(record.received_at, self.source.zone),
            record.seq,
            record.leaf,
            by.unwrap_or_default()
        )
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
            let not_there = self.said(Label::new("证据包未收", "not in the bundle"));
            let why = self.said(why_not(why));
            return self.add(&format!("[ {not_there}: {why} ]"), NOTE, block);
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
        let is_told = record.origin == Origin::Imported && !self.is_all_imported;
        let text = format!(
            "{}  {} {}{}",
            clock(record.occurred_at, zone),
            who(&record.event.sender),
            line.words,
            if is_told { "  (imported: the time is told)" } else { "" }
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

/// Whether all that is shown was brought in from an old transcript, whose times are then those of the document.
pub(super) fn is_all_imported(excerpts: &[Excerpt<'_>]) -> bool {
    let mut records = excerpts.iter().flat_map(Excerpt::records).peekable();
    records.peek().is_some() && records.all(|record| record.origin == Origin::Imported)
}

/// The conversations, each by its name where the bundle says it.
fn names(excerpts: &[Excerpt<'_>]) -> String {
    let mut names: Vec<String> =
        excerpts.iter().filter_map(|excerpt| excerpt.id).map(str::to_string).collect();
    match excerpts.len() - names.len() {
        0 => {}
        count => names.push(format!("{count} that the bundle does not name")),
    }
    names.join(", ")
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
