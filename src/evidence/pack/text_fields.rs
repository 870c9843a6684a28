//! The text fields that a platform asks for beside the document.

use std::borrow::Cow;

use super::excerpt::{Excerpt, Part};
use super::place::{self, Count};
use super::profiles::TextFields;
use super::story::{is_all_imported, local};
use super::{LeftOut, Named, Source};
use crate::model::Event;

/// The fields as files; and what is not in them.
pub(super) fn files(
    source: &Source,
    excerpts: &[Excerpt<'_>],
    fields: TextFields,
) -> (Vec<Named>, Option<LeftOut>) {
    let TextFields { text: text_field, text_chars_max, document } = fields;
    let (text, left) = text(source, excerpts, text_chars_max);
    let fields = serde_json::json!({
        text_field: text,
        document: "upload pack.pdf, and put the id of the upload here",
    });
    let named = |name: &str, media_type: &str, bytes: Vec<u8>| Named {
        name: name.to_string(),
        media_type: media_type.to_string(),
        bytes,
    };
    let files = vec![
        named(&format!("{text_field}.txt"), "text/plain", text.into_bytes()),
        named("fields.json", "application/json", format!("{fields:#}\n").into_bytes()),
    ];
    let left_out = (left > 0).then(|| LeftOut {
        what: format!("{left} messages in `{text_field}`"),
        why: format!("it takes {text_chars_max} characters; pack.pdf has them"),
        sha256: None,
    });
    (files, left_out)
}

/// The excerpt as plain text, message by message as far as there is room; and how many had none.
fn text(source: &Source, excerpts: &[Excerpt<'_>], chars_max: usize) -> (String, usize) {
    let told = if is_all_imported(excerpts) { ", as the old transcript tells them" } else { "" };
    let head = format!(
        "Transcript of after-sales chat, case {}. Times in {}{told}. The whole of it is in the attached PDF; bundle SHA-256 {}.\n",
        source.case,
        source.zone.name(),
        source.bundle_sha256
    );
    let (mut text, mut left) = (head, 0);
    let mut room = chars_max.saturating_sub(text.chars().count());
    for excerpt in excerpts {
        let conversation = match excerpt.id {
            Some(id) => format!("\nConversation {id}\n"),
            None => "\nA conversation that the bundle does not name\n".to_string(),
        };
        let mut lines = vec![(conversation, false)];
        lines.extend(excerpt.parts.iter().filter_map(|part| line(source, part)));
        for (line, is_message) in lines {
            let chars = line.chars().count();
            // Nothing after what had no room, or it would seem to follow on what stands there.
            if left == 0 && chars <= room {
                room -= chars;
                text.push_str(&line);
            } else {
                left += usize::from(is_message);
            }
        }
    }
    (text, left)
}

/// The text of a message, or why there is none.
fn said<'a>(source: &'a Source, event: &'a Event) -> Cow<'a, str> {
    let named = (event.conversation.clone(), event.id.clone());
    match (&event.text, source.withheld.get(&named)) {
        (Some(text), _) => text.into(),
        (None, Some(why)) => format!("[not in the bundle: {}]", place::why_not(why).en).into(),
        (None, None) => "[no text]".into(),
    }
}

/// A part as text, and whether it is a message.
fn line(source: &Source, part: &Part<'_>) -> Option<(String, bool)> {
    match part {
        Part::Gap { of: Count { messages: 0, .. }, .. } => None,
        Part::Gap { of, .. } => Some((format!("[{} messages left out]\n", of.messages), false)),
        Part::Places(places) => {
            let words = place::words(places, source.zone, |label| label.en.to_string());
            Some((format!("[{words}]\n"), false))
        }
        Part::Line(_) => None,
        Part::Message { message, is_chosen } => {
            let sender = &message.sent.event.sender;
            let name = sender.name.as_ref().unwrap_or(&sender.id);
            let mut text = String::new();
            for version in message.versions() {
                let at = local(version.occurred_at, source.zone).format("%Y-%m-%d %H:%M:%S %:z");
                let edited = if text.is_empty() { "" } else { " edited it to" };
                let mark = if *is_chosen { "* " } else { "" };
                let said = said(source, version.event);
                text.push_str(&format!(
                    "{mark}{at} {name} ({}){edited}: {said}\n",
                    sender.role.as_str()
                ));
            }
            for file in &message.sent.event.attachments {
                text.push_str(&format!("  [file {}]\n", file.name));
            }
            for retraction in &message.retractions {
                let at = local(retraction.occurred_at, source.zone).format("%Y-%m-%d %H:%M:%S %:z");
                text.push_str(&format!("  [retracted {at}]\n"));
            }
            Some((text, true))
        }
    }
}
