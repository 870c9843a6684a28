//! A transcript as Markdown, for mails and tickets.
//!
//! Invariant: what people wrote stays text: none of it becomes a heading, a link or markup.

use super::document::{Document, Part};
use super::row::{Bubble, ChangeView, FileView, LineView, Row, SenderView};
use super::shown::Shown;
use super::stamp::Stamp;
use crate::model::Audience;

impl Document {
    /// As Markdown, with each record's receipt in full.
    pub fn markdown(&self) -> String {
        let mut writer = Writer { text: String::new() };
        writer.line(&format!("# {}", escaped(&self.title())));
        writer.line("");
        if self.is_internal() {
            writer.line(
                "**内部 INTERNAL: 含内部备注，不得外传 contains private notes, not for the other side**",
            );
            writer.line("");
        }
        writer.item("店铺 Shop", &safe(&self.shop()));
        if !self.orders().is_empty() {
            writer.item("订单 Order", &escaped(&self.orders()));
        }
        writer.item("时区 Zone", &escaped(self.about.zone.name()));
        writer
            .item("制作 Made", &format!("{}, {}", escaped(&self.made_at()), safe(&self.made_by())));
        let offset = self.about.complete_to.map(|offset| format!("; offset {offset}"));
        writer.item(
            "完整至 Complete to",
            &format!(
                "{}: 此前已确认的全部内容 everything acknowledged before{}",
                escaped(&self.made_at()),
                offset.unwrap_or_default()
            ),
        );
        writer.item("范围 Holds", match self.about.audience {
            Audience::Shop => "全部记录 every record",
            Audience::OtherSide => {
                "客户可见的全部内容；店铺内部记录不在此副本中 everything that the customer could see; the shop's internal records are no part of this copy"
            }
        });
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
        let summary = &part.summary;
        self.line("");
        self.line(&format!("## 会话 Conversation {}", safe(&part.conversation)));
        self.line("");
        self.item("时间 Time", &escaped(&part.span()));
        let rating = summary.rating.map(|rating| format!("; 评分 rated {rating} of 5"));
        self.item("状态 Status", &format!("{}{}", summary.status, rating.unwrap_or_default()));
        for (role, people) in part.people() {
            self.item(role, &escaped(&people));
        }
        if summary.imported {
            self.item(
                "导入 Imported",
                "时间以原记录所述为准 its times are as the old transcript tells them",
            );
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
            let mut marks = private_mark(bubble.private).to_string();
            for (is_on, mark) in [
                (bubble.automatic, " *(自动 automatic)*"),
                (bubble.retracted, " *(已撤回 retracted later)*"),
            ] {
                marks.push_str(if is_on { mark } else { "" });
            }
            let who = match &version.edited_by {
                Some(by) => format!("*编辑 Edited by* {}", safe(by)),
                None => who(&bubble.sender),
            };
            self.head(&version.stamp, &format!("{who}{marks}"));
            if let (Some(reply), None) = (&bubble.reply, &version.edited_by) {
                let quoted = if reply.address.is_empty() { &reply.id } else { &reply.excerpt };
                self.line(&format!("  *回复 In reply to:* {}  ", safe(quoted)));
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
        let time =
            if stamp.local.is_empty() { "时间未知 time not known" } else { &stamp.local };
        let imported = if stamp.imported { " *(导入 imported)*" } else { "" };
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
                "  附件 Attachment: {} ({}, {} bytes{state}), SHA-256 `{}`  ",
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

    fn item(&mut self, name: &str, value: &str) {
        self.line(&format!("- {name}: {value}"));
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
        format!(" (经 sent by {})", safe(&sender.by))
    };
    format!("**{}** ({}){by}", safe(&sender.name), sender.role_label)
}

fn private_mark(is_private: bool) -> &'static str {
    if is_private { " **(内部备注 private note)**" } else { "" }
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
