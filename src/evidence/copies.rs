//! The display copies: a table for spreadsheets and a page for people, both made from the rows and from
//! nothing else, so that a verifier makes them again and compares them to the last byte.
//!
//! The page is inert: no script, no address outside of the bundle. One line a record, between a frame
//! that is the same in every bundle. Characters that nobody would see, or that move their neighbours,
//! stand there as their numbers. The table guards cells that a spreadsheet would take for a formula
//! with an apostrophe.

use std::fmt::Write;

use super::json::{self, Json};
use super::row::{ParsedRow, Part};

/// The page's frame: what stands before its lines, and behind them.
pub(super) const PAGE_HEAD: &str = include_str!("texts/head.html");
pub(super) const PAGE_END: &str = "</table></body></html>\n";
/// Spreadsheets take a table for UTF-8 by this.
const BYTE_ORDER_MARK: &str = "\u{feff}";

const COLUMNS: [&str; 12] = [
    "conversation",
    "seq",
    "received_at",
    "kind",
    "role",
    "sender",
    "name",
    "text",
    "files",
    "about",
    "withheld",
    "leaf",
];
/// Which column names the attached files: the page has pictures there.
const FILES: usize = 8;
/// What is not said of a record, since it is so of most.
const USUAL: [&str; 3] = ["automatic: false", "origin: live", "visibility: public"];

/// What both copies show of a record, in the order of the columns.
pub(super) struct Cells([String; COLUMNS.len()]);

impl Cells {
    /// `None` where a disclosed part does not say what such a part says.
    pub(super) fn of(read: &ParsedRow) -> Option<Cells> {
        let text = |object: &json::Object, name: &str| match object.get(name) {
            None => Some(String::new()),
            Some(value) => value.text().map(str::to_string),
        };
        let role = match (&read.row.parts.sender, read.sender.is_empty()) {
            (Part::Withheld { role: Some(role), .. }, _) => format!("{role}?"),
            (_, true) => String::new(),
            (_, false) => read.sender.get("role")?.text()?.to_string(),
        };
        let names: Option<Vec<&str>> =
            files_of(read).iter().map(|file| file.object()?.get("name")?.text()).collect();
        let about = read
            .meta
            .iter()
            .filter(|(name, _)| !["conversation", "kind", "shop"].contains(&name.as_str()));
        let about: Vec<String> = about
            .map(|(name, value)| match value.text() {
                Some(text) => format!("{name}: {text}"),
                None => format!("{name}: {}", json::written(value)),
            })
            .filter(|said| !USUAL.contains(&said.as_str()))
            .collect();
        let withheld: Vec<String> =
            read.withheld().map(|(name, why)| format!("{name}: {why}")).collect();
        Some(Cells([
            text(&read.meta, "conversation")?,
            read.row.seq.to_string(),
            local_time(read.row.received_at_us, &read.row.zone)?,
            read.kind.as_str().to_string(),
            role,
            text(&read.sender, "id")?,
            text(&read.sender, "name")?,
            text(&read.body, "text")?,
            names?.join("; "),
            about.join("; "),
            withheld.join("; "),
            hex::encode(read.row.leaf.0),
        ]))
    }

    /// The line of the table.
    pub(super) fn table_line(&self) -> Vec<u8> {
        let guarded = self.0.iter().map(|cell| match cell.chars().next() {
            Some('-' | '=' | '+' | '@' | ';' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') =>
            {
                format!("'{cell}")
            }
            _ => cell.clone(),
        });
        quoted(guarded)
    }

    /// The line of the page. `files` are those that the record names, in order: where each lies in the
    /// bundle, or why it does not.
    pub(super) fn page_line(&self, read: &ParsedRow, files: &[String]) -> String {
        let mut cells: Vec<String> = self.0.iter().map(|cell| shown(cell)).collect();
        let named = files_of(read).iter().zip(files).map(|(file, place)| {
            let name = file.object().and_then(|file| file.get("name")).and_then(Json::text);
            let place = place.strip_prefix("data/").unwrap_or(place);
            let name = shown(name.unwrap_or_default());
            format!("<a href=\"{place}\"><img src=\"{place}\" alt=\"\">{name}</a>")
        });
        cells[FILES] = named.collect::<Vec<_>>().join("<br>");
        let shown = cells[..COLUMNS.len() - 1].join("<td>");
        format!("<tr class=\"{}\" id=\"{}\"><td>{shown}</tr>\n", cells[3], cells[COLUMNS.len() - 1])
    }
}

/// What the table begins with.
pub(super) fn table_head() -> Vec<u8> {
    let mut head = BYTE_ORDER_MARK.as_bytes().to_vec();
    head.extend(quoted(COLUMNS.iter().map(|name| name.to_string())));
    head
}

/// The files that a record discloses that it names.
pub(super) fn files_of(read: &ParsedRow) -> &[Json] {
    read.body.get("attachments").and_then(Json::list).unwrap_or_default()
}

fn quoted(cells: impl Iterator<Item = String>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Into memory.
    let _ = writer.write_record(cells.map(String::into_bytes));
    writer.into_inner().unwrap_or_default()
}

/// A time as the clocks in that zone showed it, and how far they were from UTC.
fn local_time(received_at_us: u64, zone: &str) -> Option<String> {
    let [sign @ (b'+' | b'-'), h, hh, b':', m, mm] = *zone.as_bytes() else { return None };
    let is_time = matches!(h, b'0' | b'1') && matches!(m, b'0'..=b'5');
    let digit = |byte: u8| char::from(byte).to_digit(10).map(i64::from);
    let minutes = (digit(h)? * 10 + digit(hh)?) * 60 + digit(m)? * 10 + digit(mm)?;
    let minutes = if sign == b'+' { minutes } else { -minutes };
    let local = i64::try_from(received_at_us).ok()?.checked_add(minutes * 60_000_000)?;
    let local = chrono::DateTime::from_timestamp_micros(local).filter(|_| is_time)?;
    // A clock before the year 1 has no such form, here or elsewhere.
    Some(format!("{}{zone}", local.naive_utc().format("%Y-%m-%d %H:%M:%S.%6f")))
}

/// A text as HTML on one line.
fn shown(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            _ if is_unseen(char, chars.peek().copied()) => {
                // Into a string.
                let _ = write!(html, "<b>U+{:04X}</b>", u32::from(char));
            }
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#x27;"),
            '\n' => html.push_str("&#10;"),
            char => html.push(char),
        }
    }
    html
}

/// Whether nobody would see a character, or it would move its neighbours. The list is written out, here
/// and in `verify.py`: what is unseen in a bundle must not depend on a program's Unicode tables.
fn is_unseen(char: char, next: Option<char>) -> bool {
    match char {
        // A joiner belongs to emoji.
        '\u{200d}' => !matches!(next, Some('\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')),
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::visible::{Character, characters};

    /// What pages show as hidden, the page in a bundle does, too; but for what picks the shape of a
    /// character, which alone is harmless.
    #[test]
    fn no_character_goes_unseen() {
        for char in ('\0'..=char::MAX).filter(|char| !matches!(char, '\u{fe00}'..='\u{fe0f}')) {
            let text = char.to_string();
            let is_hidden = characters(&text).any(|one| matches!(one, Character::Hidden(_)));
            assert!(!is_hidden || shown(&text).starts_with("<b>U+"), "{}", text.escape_unicode());
        }
        assert_eq!(
            shown("a<\"&'>\r\n👩\u{200d}🔧 退\u{200d}款"),
            "a&lt;&quot;&amp;&#x27;&gt;<b>U+000D</b>&#10;👩\u{200d}🔧 退<b>U+200D</b>款"
        );
    }

    #[test]
    fn times_are_those_of_the_zone_named_beside_them() {
        let at = 1_767_377_585_250_000;
        assert_eq!(local_time(at, "+08:00").unwrap(), "2026-01-03 02:13:05.250000+08:00");
        assert_eq!(local_time(at, "-03:30").unwrap(), "2026-01-02 14:43:05.250000-03:30");
        for wrong in ["", "Z", "+8:00", "+08:60", "+20:00", "+08:0x", "+0８:00"] {
            assert_eq!(local_time(at, wrong), None, "{wrong}");
        }
    }
}
