//! Texts, names and types that try to become something else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use strum::VariantArray;

use super::read::{mail, read, unzipped};
use super::sample::{Chats, all, event, file, sha256};
use crate::evidence::interchange::Form;

/// Names and texts as nobody means well.
const HOSTILE: [&str; 9] = [
    "a\r\nBcc: x@example.com\r\n\r\nbody",
    "../../../etc/passwd",
    "..\\..\\x.exe",
    "\u{202e}gnp.exe",
    "x\u{0}\u{1b}[31m\u{7}",
    "=?utf-8?Q?=0D=0ABcc:_x?=",
    "\"; filename=\"y.exe",
    "مرحبا שלום 👩\u{200d}🔧 🇨🇳 e\u{301}",
    "--verbatim-0000--",
];

pub(super) fn chats() -> Chats {
    let mut events =
        vec![event("o", "open", "customer", json!({"order": "A\" --x", "channel": "<b>"}))];
    let mut kept = BTreeMap::new();
    for (index, text) in HOSTILE.iter().enumerate() {
        let bytes = format!("file {index}").into_bytes();
        // What the relay refuses in names is tried in texts alone.
        let name = if text.chars().any(char::is_control) { "a.png" } else { text };
        let media_type = if text.chars().any(char::is_control) { "text/html" } else { text };
        let mut message = event(
            &format!("m{index}"),
            "message",
            "customer",
            json!({
            "text": text, "attachments": [file(&bytes, name, media_type)]}),
        );
        message["sender"]["name"] = name.into();
        message["sender"]["id"] = format!("{name}{index}").into();
        events.push(message);
        kept.insert(sha256(&bytes), bytes);
    }
    let long = "长 text, ".repeat(32 * 1024 / 10);
    events.push(event("long", "message", "human", json!({"text": long})));
    let name = "c\"; x=\"../\u{202e}<林>";
    let mut chats = Chats::of(BTreeMap::from([(name, events)]));
    chats.kept = kept;
    chats
}

#[test]
fn nothing_that_was_written_becomes_a_header_a_part_or_a_path() {
    let chats = chats();
    for form in [Form::Eml, Form::Rsmf] {
        for (name, bytes) in unzipped(&chats.made(form, &all())) {
            let inner = name.split_once('/').unwrap().1;
            assert!(!inner.contains(['/', '\\']) && inner.is_ascii(), "{name}");
            let mail = mail(&bytes);
            let names: BTreeSet<&str> =
                mail.headers.iter().map(|(name, _)| name.as_str()).collect();
            let is_ours = |name: &&str| {
                name.starts_with("X-")
                    || [
                        "From",
                        "To",
                        "Date",
                        "Subject",
                        "Message-ID",
                        "MIME-Version",
                        "Content-Type",
                    ]
                    .contains(name)
            };
            assert!(names.iter().all(is_ours), "{names:?}");
            assert_eq!(names.len(), mail.headers.len(), "{names:?}");
            assert!(mail.headers.iter().all(|(_, value)| value.is_ascii()), "{:?}", mail.headers);
            // An encoded word of a stranger would be decoded into what it hides.
            assert!(mail.headers.iter().all(|(_, value)| !value.contains("=?utf-8?Q?=0D")));
            let is_plain = |said: &String| {
                let kind = said.split(';').next().unwrap_or_default();
                ["octet-stream", "jsonl", "zip"].contains(&kind.trim_start_matches("application/"))
            };
            assert!(mail.types.iter().all(is_plain), "{:?}", mail.types);
            // One for each file, and one for the evidence copy or the zip.
            let parts = if form == Form::Eml { HOSTILE.len() + 1 } else { 1 };
            assert_eq!(mail.files.len(), parts);
            // No text is at the beginning of a line of ours.
            for line in mail.text.split("\r\n").filter(|line| line.contains("Bcc")) {
                let is_ours = ["    ", "- ", "#"].iter().any(|begin| line.starts_with(begin));
                assert!(is_ours, "{line}");
            }
            assert!(!mail.text.contains(['\u{202e}', '\u{0}', '\u{1b}']));
        }
    }
    for (_, bytes) in unzipped(&chats.made(Form::Rsmf, &all())) {
        for (name, _) in unzipped(&mail(&bytes).files[0].1) {
            assert!(
                name.chars().all(|char| char.is_ascii_alphanumeric() || "._".contains(char)),
                "{name}"
            );
        }
    }
}

/// To the byte, where the format has a place for any text; in the mail's text, by their numbers.
#[test]
fn whatever_was_written_is_there_as_it_was() {
    let chats = chats();
    let texts: BTreeSet<&str> = chats
        .records
        .values()
        .flatten()
        .filter_map(|record| record.event.text.as_deref())
        .collect();
    for form in [Form::Rsmf, Form::Vcon] {
        let read = read(form, &chats.made(form, &all()));
        let there: BTreeSet<&str> = read.said.iter().map(|said| said.text.as_str()).collect();
        for text in &texts {
            assert!(there.contains(text), "{}: {text:.40?}", form.as_str());
        }
    }
    let mail = read(Form::Eml, &chats.made(Form::Eml, &all()));
    let text = mail.raw[0].as_str().unwrap();
    assert!(text.contains("[U+202E]gnp.exe") && text.contains("x[U+0000][U+001B]"));
    assert!(text.contains("مرحبا שלום 👩\u{200d}🔧 🇨🇳 e\u{301}"));
}

/// As long as one event can be, many times: a megabyte of one sender.
#[test]
fn a_megabyte_of_text_is_as_little_trouble() {
    let text = "字 and more\n".repeat(2_000);
    let said =
        |index: usize| event(&format!("m{index}"), "message", "customer", json!({"text": text}));
    let chats = Chats::of(BTreeMap::from([("c", (0..40).map(said).collect::<Vec<Value>>())]));
    for form in Form::VARIANTS {
        let read = read(*form, &chats.made(*form, &all()));
        assert_eq!(read.said.len(), 40);
        let is_whole = |said: &String| said.trim_end_matches('\n') == text.trim_end_matches('\n');
        assert!(read.said.iter().all(|said| is_whole(&said.text)), "{}", form.as_str());
    }
}
