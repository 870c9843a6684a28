//! A transcript as text, for terminals and for whatever reads lines.
//!
//! Invariant: nothing that people wrote moves the cursor or reorders the line around it.

use super::document::{Document, Part};
use super::labels;
use super::row::{Bubble, ChangeView, FileView, LineView, Reply, Row, SenderView};
use super::shown::{Piece, Shown};
use super::stamp::Stamp;
use crate::model::Audience;

impl Document {
    /// As text. With `leaves`, each record's clocks and receipt in full stand beneath it.
    pub fn text(&self, leaves: bool) -> String {
        let mut writer = Writer { text: String::new(), leaves };
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                writer.text.push('\n');
            }
            writer.head_of(self, part);
            for row in &part.rows {
                writer.row(row);
            }
        }
        writer.text
    }
}

struct Writer {
    text: String,
    leaves: bool,
}

impl Writer {
    fn head_of(&mut self, document: &Document, part: &Part) {
        let summary = &part.summary;
        let order = summary.orders.first().or(document.about.order.as_ref());
        let order = order.map_or("none".to_string(), |order| line_of(&Shown::plain(order)));
        self.line(&format!("conversation {}", line_of(&part.conversation)));
        let zone = document.about.zone;
        match document.about.audience {
            Audience::Shop => self.line(&format!(
                "order {order}, records {} to {}, offsets {} to {}, times in {zone}",
                summary.seqs.0, summary.seqs.1, summary.offsets.0, summary.offsets.1
            )),
            Audience::OtherSide => self.line(&format!(
                "order {order}, {} records that the customer could see, times in {zone}",
                summary.records
            )),
        }
        if let (Some(by), Audience::Shop) = (&summary.by, document.about.audience) {
            let by = line_of(&Shown::plain(&format!("{} {}", by.role.as_str(), by.sub)));
            self.line(&format!("all of it sent by {by}"));
        }
        if summary.imported {
            self.line(labels::BROUGHT_IN.en);
        }
        self.line("");
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Day(_) | Row::Conversation(..) => {}
            Row::Line(line) => self.event(line),
            Row::Change(change) => self.change(change),
            Row::Message(bubble) => self.message(bubble),
        }
    }

    fn event(&mut self, line: &LineView) {
        let mark = if line.private { " [private]" } else { "" };
        let head = head(&line.stamp, &line.sender);
        self.line(&format!("{head}{mark} -- {}", said(&line.summary)));
        let text = content(&line.text, &line.stamp);
        if !text.is_empty() {
            self.line(&format!("    {text}"));
        }
        self.files(&line.files);
        self.data(&line.data);
        self.receipt(&line.stamp);
    }

    fn change(&mut self, change: &ChangeView) {
        let mark = if change.private { " [private]" } else { "" };
        let places: Vec<String> = change
            .places
            .iter()
            .map(|(before, after)| format!("{} → {}", line_of(before), line_of(after)))
            .collect();
        let places =
            if places.is_empty() { String::new() } else { format!(": {}", places.join("; ")) };
        self.line(&format!(
            "{}{mark} -- {} the message of {} by {}{places}",
            head(&change.stamp, &change.sender),
            change.label.en,
            change.of_time,
            line_of(&change.of_sender),
        ));
        if change.has_receipt {
            self.receipt(&change.stamp);
        }
    }

    fn message(&mut self, bubble: &Bubble) {
        let marks = [
            (bubble.private, "private"),
            (bubble.automatic, "automatic"),
            (bubble.retracted, "retracted"),
        ];
        let marks: Vec<&str> =
            marks.iter().filter(|(is_on, _)| *is_on).map(|(_, mark)| *mark).collect();
        let marks =
            if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
        for version in &bubble.versions {
            let text = content(&version.text, &version.stamp);
            match &version.edited_by {
                None => {
                    self.line(&format!("{}{marks}: {text}", head(&version.stamp, &bubble.sender)));
                    self.reply(bubble.reply.as_ref());
                }
                Some(by) => self.line(&format!(
                    "    edited {} {}: {text}",
                    place(&version.stamp),
                    line_of(by)
                )),
            }
            self.files(&version.files);
            self.receipt(&version.stamp);
        }
        for act in bubble.acts.iter().filter(|act| act.retracts) {
            let reason = content(&act.reason, &act.stamp);
            let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
            self.line(&format!("    retracted {} {}{reason}", place(&act.stamp), line_of(&act.by)));
            self.receipt(&act.stamp);
        }
        self.data(&bubble.data);
    }

    fn reply(&mut self, reply: Option<&Reply>) {
        let Some(reply) = reply else { return };
        let quoted = if reply.address.is_empty() {
            line_of(&reply.id)
        } else {
            format!("{}: {}", line_of(&reply.sender), line_of(&reply.excerpt))
        };
        self.line(&format!("    in reply to {quoted}"));
    }

    fn files(&mut self, files: &[FileView]) {
        for file in files {
            let state = file.state.why_not().map(|why| format!("; {}", why.en));
            let state = state.unwrap_or_default();
            self.line(&format!(
                "    attachment {} ({}, {} bytes{state}) {}",
                line_of(&file.name),
                line_of(&file.media_type),
                file.bytes,
                file.sha256
            ));
        }
    }

    fn data(&mut self, data: &Shown) {
        if !data.is_empty() {
            self.line(&format!("    data {}", line_of(data)));
        }
    }

    fn receipt(&mut self, stamp: &Stamp) {
        if self.leaves {
            self.line(&format!("    {}", line_of(&Shown::plain(&stamp.clocks))));
            self.line(&format!("    leaf {}", stamp.leaf));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn head(stamp: &Stamp, sender: &SenderView) -> String {
    let by = if sender.by.is_empty() {
        String::new()
    } else {
        format!(" ({} {})", labels::SENT_BY.en, line_of(&sender.by))
    };
    let imported =
        if stamp.imported { format!(" [{}]", labels::IMPORTED.en) } else { String::new() };
    format!("{} {} {}{by}{imported}", place(stamp), sender.role, line_of(&sender.name))
}

/// `#353 2026-01-04 02:13:20 +08:00`
fn place(stamp: &Stamp) -> String {
    let time = if stamp.local.is_empty() { &stamp.time } else { &stamp.local };
    match stamp.place {
        Some(place) => format!("#{} {time}", place.offset),
        None => format!("{} {time}", stamp.number),
    }
}

/// What people wrote, or that it was erased.
fn content(text: &Shown, stamp: &Stamp) -> String {
    if stamp.erased.is_empty() { said(text) } else { format!("[{}]", line_of(&stamp.erased)) }
}

/// What people wrote, its lines under each other.
fn said(text: &Shown) -> String {
    written(text, "\n    ")
}

/// What people wrote, on one line.
fn line_of(text: &Shown) -> String {
    written(text, " ")
}

fn written(text: &Shown, line_break: &str) -> String {
    let mut written = String::new();
    for piece in &text.pieces {
        match piece {
            Piece::Plain(text) | Piece::Found(text) => {
                // A return before a line feed is seen as a part of the line's end only.
                let text = text.replace('\r', "").replace('\t', " ").replace('\n', line_break);
                written.push_str(&text);
            }
            Piece::Hidden { code, .. } => written.push_str(&format!("<{code}>")),
        }
    }
    written
}
