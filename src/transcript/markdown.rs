//! A transcript as Markdown, for mails and tickets.
//!
//! Invariant: what people wrote stays text: none of it becomes a heading, a link or markup.

use super::document::{Document, Part};
use super::labels::{self, Label};
use super::row::{Bubble, ChangeView, FileView, LineView, Row, SenderView};
use super::shown::Shown;
use super::stamp::Stamp;

impl Document {
    /// As Markdown, with each record's receipt in full.
    pub fn markdown(&self) -> String {
        let mut writer = Writer { text: String::new() };
        writer.line(&format!("# {}", escaped(&self.title())));
        writer.line("");
        for warning in self.warnings() {
            writer.line(&format!("**{warning}**"));
            writer.line("");
        }
        writer.items(self.head());
        for part in &self.parts {
            writer.part(part);
        }
        writer.text
    }
}

struct Writer {
    text: String,
}

impl Writer {
    fn part(&mut self, part: &Part) {
        self.line("");
        self.line(&format!("## {} {}", labels::CONVERSATION, safe(&part.conversation)));
        self.line("");
        self.items(part.head());
        if part.summary.imported {
            self.line(&format!("- {}", labels::BROUGHT_IN));
        }
        for row in &part.rows {
            self.row(row);
        }
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Day(day) => {
                self.line("");
                self.line(&format!("### {}", day.format("%Y-%m-%d, %A")));
            }
            Row::Conversation(..) => {}
            Row::Line(line) => self.event(line),
            Row::Change(change) => self.change(change),
            Row::Message(bubble) => self.message(bubble),
        }
    }

    fn event(&mut self, line: &LineView) {
        let mark = private_mark(line.private);
        self.head(
            &line.stamp,
            &format!("{} *{}* {}{mark}", who(&line.sender), line.label.zh, safe(&line.summary)),
        );
        self.content(&line.text, &line.stamp);
        self.files(&line.files);
        self.data(&line.data);
        self.receipt(&line.stamp);
    }

    fn change(&mut self, change: &ChangeView) {
        let places: Vec<String> = change
            .places
            .iter()
            .map(|(before, after)| format!("{} → {}", safe(before), safe(after)))
            .collect();
        let places =
            if places.is_empty() { String::new() } else { format!(": {}", places.join("; ")) };
        self.head(
            &change.stamp,
            &format!(
                "{} *{}* {} {}{places}{}",
                who(&change.sender),
                change.label,
                change.of_time,
                safe(&change.of_sender),
                private_mark(change.private)
            ),
        );
        if change.has_receipt {
            self.receipt(&change.stamp);
        }
    }

    fn message(&mut self, bubble: &Bubble) {
        for version in &bubble.versions {
            let mut marks = private_mark(bubble.private);
            for (is_on, mark) in
                [(bubble.automatic, labels::AUTOMATIC), (bubble.retracted, labels::RETRACTED_LATER)]
            {
                marks.push_str(&if is_on { format!(" *({mark})*") } else { String::new() });
            }
            let who = match &version.edited_by {
                Some(by) => format!("*{}* {}", labels::EDITED_BY, safe(by)),
                None => who(&bubble.sender),
            };
            self.head(&version.stamp, &format!("{who}{marks}"));
            if let (Some(reply), None) = (&bubble.reply, &version.edited_by) {
                let quoted = if reply.address.is_empty() { &reply.id } else { &reply.excerpt };
                self.line(&format!("  *{}:* {}  ", labels::IN_REPLY_TO, safe(quoted)));
            }
            self.content(&version.text, &version.stamp);
            self.files(&version.files);
            self.receipt(&version.stamp);
        }
        for act in bubble.acts.iter().filter(|act| act.retracts) {
            self.head(&act.stamp, &format!("*{}* {}", act.label, safe(&act.by)));
            self.content(&act.reason, &act.stamp);
            self.receipt(&act.stamp);
        }
        self.data(&bubble.data);
    }

    /// What people wrote, or that it was erased.
    fn content(&mut self, text: &Shown, stamp: &Stamp) {
        if !stamp.erased.is_empty() {
            self.line(&format!("  **{}**  ", safe(&stamp.erased)));
        }
        self.said(text);
    }

    fn head(&mut self, stamp: &Stamp, words: &str) {
        let not_known = labels::TIME_NOT_KNOWN.to_string();
        let time = if stamp.local.is_empty() { &not_known } else { &stamp.local };
        let imported = stamp.imported.then(|| format!(" *({})*", labels::IMPORTED));
        let imported = imported.unwrap_or_default();
        self.line("");
        self.line(&format!("- **{}** {}{imported} {words}  ", stamp.number, escaped(time)));
    }

    fn said(&mut self, text: &Shown) {
        if !text.is_empty() {
            let text = text.text();
            let lines: Vec<String> = text.split('\n').map(line_escaped).collect();
            self.line(&format!("  > {}  ", lines.join("  \n  > ")));
            // What follows is no part of the quotation.
            self.line("");
        }
    }

    fn files(&mut self, files: &[FileView]) {
        for file in files {
            let state = file.state.why_not().map(|why| format!("; {why}")).unwrap_or_default();
            self.line(&format!(
                "  {}: {} ({}, {} bytes{state}), SHA-256 `{}`  ",
                labels::ATTACHMENT,
                safe(&file.name),
                safe(&file.media_type),
                file.bytes,
                file.sha256
            ));
        }
    }

    fn data(&mut self, data: &Shown) {
        if !data.is_empty() {
            self.line(&format!("  data: {}  ", safe(data)));
        }
    }

    fn receipt(&mut self, stamp: &Stamp) {
        let place = stamp
            .place
            .map(|place| format!("seq {}, offset {}, ", place.seq, place.offset))
            .unwrap_or_default();
        self.line(&format!("  {}; {place}leaf `{}`", escaped(&stamp.clocks), stamp.leaf));
    }

    fn items(&mut self, items: Vec<(Label, Shown)>) {
        for (name, value) in items {
            self.line(&format!("- {name}: {}", safe(&value)));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn who(sender: &SenderView) -> String {
    let by = if sender.by.is_empty() {
        String::new()
    } else {
        format!(" ({} {})", labels::SENT_BY, safe(&sender.by))
    };
    format!("**{}** ({}){by}", safe(&sender.name), sender.role_label)
}

fn private_mark(is_private: bool) -> String {
    if is_private { format!(" **({})**", labels::PRIVATE_NOTE) } else { String::new() }
}

/// What people wrote, on one line.
fn safe(text: &Shown) -> String {
    line_escaped(&text.text().replace('\n', " "))
}

/// A line of outside text, also where it would begin a list, a heading or a rule.
fn line_escaped(line: &str) -> String {
    let text = escaped(line.trim_end_matches('\r'));
    let lead = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let is_number = lead.len() < text.len() && lead.starts_with(['.', ')']);
    if is_number {
        let digits = text.len() - lead.len();
        return format!("{}\\{lead}", &text[..digits]);
    }
    if text.trim_start().starts_with(['-', '+', '=']) {
        format!("\\{}", text.trim_start())
    } else {
        text
    }
}

/// Every character that means something in Markdown or HTML, as itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(
            char,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!'
        ) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_becomes_no_markup() {
        let cases = [
            ("# head <b>x</b>", "\\# head \\<b\\>x\\</b\\>"),
            ("[click](http://x)", "\\[click\\](http://x)"),
            ("- item", "\\- item"),
            ("12. item", "12\\. item"),
            ("428.00 元", "428\\.00 元"),
            ("*b* `c` a_b", "\\*b\\* \\`c\\` a\\_b"),
            ("plain 退款", "plain 退款"),
        ];
        for (text, expected) in cases {
            assert_eq!(line_escaped(text), expected);
        }
        assert_eq!(safe(&Shown::plain("a\nb \u{202e}c")), "a b \\[U+202E\\]c");
    }
}
