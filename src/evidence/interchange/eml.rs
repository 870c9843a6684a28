//! A conversation as one mail (RFC 5322, MIME) for mail archives and for programs that take mails apart: the text for
//! people, the files of the chat, the evidence copy. One and not a mail a message: archives file, hold and hand over a
//! mail with what is attached to it as one thing, so that nothing of the conversation gets lost from it.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::InterchangeError;
use super::conversation::{Conversation, Told};
use super::mail::{Mail, MailFile};
use super::naming::{hash_of, saved_as};
use super::out::{Out, evidence_copy, load};
use super::plain;
use super::source::Bytes;

const COPY: &str = "messages.jsonl";

/// Writes the mail of a conversation.
pub(super) fn write(
    conversation: &Conversation<'_>,
    zone: Tz,
    stem: &str,
    bytes: &mut impl Bytes,
    out: &mut Out<'_>,
) -> Result<(), InterchangeError> {
    let name = format!("{stem}.eml");
    let mut loaded = load(&name, &conversation.told, bytes, out)?;
    let copy = evidence_copy(&conversation.told);
    let all: Vec<&Told<'_>> = conversation.told.iter().collect();
    let text = plain::text(conversation, zone, &all);
    let id = hash_of("eml", &[copy.as_bytes(), text.as_bytes()]);
    let mut files = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::from([COPY.to_string()]);
    // Each file once, however often it was sent.
    for file in conversation.told.iter().flat_map(|told| &told.files) {
        if let Some(bytes) = loaded.remove(file.sha256) {
            let mut name = saved_as(file.name);
            if !names.insert(name.clone()) {
                name = format!("{}-{name}", &file.sha256[..8]);
                names.insert(name.clone());
            }
            files.push(MailFile { name, media_type: file.media_type, bytes: bytes.into() });
        }
    }
    files.push(MailFile {
        name: COPY.to_string(),
        media_type: "application/jsonl",
        bytes: copy.into_bytes().into(),
    });
    let mut subject = format!("Conversation {}", conversation.name);
    if let Some(order) = conversation.order {
        subject.push_str(&format!(", order {order}"));
    }
    let leaf = conversation.told.last().map(|told| told.leaf().to_string()).unwrap_or_default();
    let withheld = match conversation.withheld_words() {
        none if none.is_empty() => "nothing".to_string(),
        words => words,
    };
    let headers = vec![
        ("X-Verbatim-Shop", conversation.shop.clone()),
        ("X-Verbatim-Conversation", conversation.name.clone()),
        ("X-Verbatim-Thread", conversation.thread.clone()),
        ("X-Verbatim-Records", conversation.told.len().to_string()),
        ("X-Verbatim-Withheld", withheld),
        ("X-Verbatim-Last-Leaf", leaf),
    ];
    let times = conversation.told.iter().map(|told| told.occurred_at());
    let at = times.min().unwrap_or_default();
    let mail = Mail { conversation, subject, at, id, headers, text, files };
    Ok(out.add(&name, |out| mail.write(out))?)
}
