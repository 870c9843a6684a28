//! A conversation as text for people and for indexes, which the bodies of mails are. What somebody wrote is indented, so
//! that no text can look like a line of ours, and characters that would hide or reorder stand there by their number.

use std::fmt::Write;

use chrono_tz::Tz;

use super::conversation::{Conversation, Told};
use crate::transcript::shown::Shown;
use crate::transcript::with_offset;

/// Before each line of what somebody wrote.
const INDENT: &str = "    ";

/// What stands above the records, of which so many are shown, a line each: what this is, and what is withheld of it.
pub(super) fn head(conversation: &Conversation<'_>, zone: Tz, shown: usize) -> Vec<String> {
    let (count, shop) = (conversation.told.len(), &conversation.shop);
    let mut head = vec![
        format!("Conversation {} of {shop}", conversation.name),
        format!("{count} records from its first on; times in {zone}"),
    ];
    if shown < count {
        head.push(format!("{shown} of these are here; others are in files of other days."));
    }
    if let Some(order) = conversation.order {
        head.push(format!("Order {order}"));
    }
    head.push(match conversation.withheld_words() {
        none if none.is_empty() => "Nothing of them is withheld.".to_string(),
        words => format!("Withheld parts of records: {words}. Each has its place."),
    });
    head.push(
        "The evidence copy inside (messages.jsonl) has each record with what its leaf is made of."
            .to_string(),
    );
    head.iter().map(|line| line_of(line)).collect()
}

/// These of its records, each with its text, its files and all else that is known of it.
pub(super) fn text(conversation: &Conversation<'_>, zone: Tz, told: &[&Told<'_>]) -> String {
    let mut text = String::new();
    for line in head(conversation, zone, told.len()) {
        push(&mut text, &line);
    }
    for told in told {
        push(&mut text, "");
        add(&mut text, conversation, zone, told);
    }
    text
}

fn add(text: &mut String, conversation: &Conversation<'_>, zone: Tz, told: &Told<'_>) {
    let (at, sender) = (with_offset(told.occurred_at(), zone), conversation.sender_words(told));
    let seq = told.row.row.seq;
    push(text, &line_of(&format!("#{seq} {at} {sender}: {}", told.words())));
    for written in told.text().iter().flat_map(|text| text.split('\n')) {
        push(text, &format!("{INDENT}{}", line_of(written)));
    }
    for file in &told.files {
        push(text, &line_of(&format!("- file: {}", file.words())));
    }
    for (what, places) in [("edited", &told.edits), ("retracted", &told.retractions)] {
        for change in conversation.changes(places) {
            push(text, &line_of(&format!("- {what}: {change}")));
        }
    }
    let fields: Vec<String> =
        told.fields().iter().map(|(name, value)| format!("{name} {value}")).collect();
    push(text, &line_of(&format!("- {}", fields.join("; "))));
}

/// On one line, as it is seen.
pub(super) fn line_of(text: &str) -> String {
    Shown::plain(text.trim_end_matches('\r')).text().replace('\n', "[U+000A]")
}

fn push(text: &mut String, line: &str) {
    // Into a string. Lines end as those of mails do.
    let _ = write!(text, "{line}\r\n");
}
