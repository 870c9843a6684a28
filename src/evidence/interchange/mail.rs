//! Mails as files (RFC 5322, MIME): a text for people, and files beside it. Nobody was written to: addresses end in a
//! domain that leads nowhere (RFC 2606).
//!
//! Invariant: what strangers wrote stands in texts, names and files, and makes no header and no part of its own.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};

use super::conversation::Conversation;
use super::naming::{hash_of, media_type};
use super::people::Person;
use super::plain::line_of;
use crate::model::{Micros, Role};

const DOMAIN: &str = "verbatim.invalid";
/// Characters of an id that is the beginning of an address as it is; RFC 5321 takes 64.
const LOCAL_CHARS_MAX: usize = 48;
/// Bytes of a name in one encoded word: its line has at most 76 characters then, as RFC 2047 wants.
const WORD_BYTES_MAX: usize = 42;

/// A mail that is not written yet.
pub(super) struct Mail<'a> {
    pub(super) conversation: &'a Conversation<'a>,
    pub(super) subject: String,
    pub(super) at: Micros,
    /// By which it is known: what it says makes it.
    pub(super) id: [u8; 32],
    /// Beside those that every mail has.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) text: String,
    pub(super) files: Vec<MailFile<'a>>,
}

/// A file of a mail.
pub(super) struct MailFile<'a> {
    pub(super) name: String,
    pub(super) media_type: &'a str,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl Mail<'_> {
    pub(super) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let id = hex::encode(self.id);
        // The builder puts encoded words in quotes, where no reader decodes them.
        let (from, to) = self.addresses();
        write!(out, "From: {from}\r\n")?;
        if !to.is_empty() {
            write!(out, "To: {}\r\n", to.join(",\r\n "))?;
        }
        let mut message = MessageBuilder::new()
            .date(self.at.0.div_euclid(1_000_000))
            .message_id(format!("{id}@{DOMAIN}"))
            .subject(header_of(&self.subject));
        for (name, value) in self.headers {
            message = message.header(name, Text::new(header_of(&value)));
        }
        let mut parts = vec![MimePart::new("text/plain", self.text)];
        parts.extend(self.files.into_iter().map(MailFile::part));
        // What is inside was hashed into it, so that nobody can write it there.
        let boundary = format!("verbatim-{}", &id[..32]);
        let mixed = ContentType::new("multipart/mixed").attribute("boundary", boundary);
        message.body(MimePart::new(mixed, parts)).write_to(out)
    }

    /// From whom, and to whom: the customer speaks to the shop's side, as far as they are known.
    fn addresses(&self) -> (String, Vec<String>) {
        let people = &self.conversation.people.list;
        let customer = people.iter().position(|person| person.role == Role::Customer.as_str());
        let from = customer.unwrap_or(0);
        let address =
            people.get(from).map_or_else(|| format!("Archive\r\n <archive@{DOMAIN}>"), address_of);
        let others = people.iter().enumerate().filter(|(place, _)| *place != from);
        (address, others.map(|(_, person)| address_of(person)).collect())
    }
}

impl<'a> MailFile<'a> {
    /// Base64, whatever its type: every byte is one.
    fn part(self) -> MimePart<'a> {
        // A program that opens mails runs no page and reads no mail of a stranger by itself.
        let said = media_type(self.media_type);
        let is_opened = ["text/", "message/", "multipart/"].iter().any(|kind| {
            said.get(..kind.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(kind))
        });
        let said = if is_opened { "application/octet-stream" } else { said };
        let content = ContentType::new(said.to_string()).attribute("name", self.name.clone());
        MimePart::new(content, BodyPart::Binary(self.bytes)).attachment(self.name)
    }
}

/// An address for somebody of a chat, who has none: ID@ROLE.DOMAIN.
fn address_of(person: &Person) -> String {
    let local = person.id.as_deref().map_or("withheld".to_string(), local_of);
    let role = person.role.to_ascii_lowercase();
    format!("{}\r\n <{local}@{role}.{DOMAIN}>", phrase_of(&line_of(&person.name)))
}

/// A name before an address: words as they are where they can be, or else encoded ones (RFC 2047), each on its line.
fn phrase_of(name: &str) -> String {
    let is_atom = |word: &str| {
        !word.is_empty() && word.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
    };
    if name.len() <= WORD_BYTES_MAX && name.split(' ').all(is_atom) {
        return name.to_string();
    }
    let mut words = vec![String::new()];
    for char in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + char.len_utf8() <= WORD_BYTES_MAX => word.push(char),
            _ => words.push(char.to_string()),
        }
    }
    let encoded = words.iter().filter(|word| !word.is_empty());
    let encoded: Vec<String> =
        encoded.map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    encoded.join("\r\n ")
}

/// A text for a header: on one line, as it is seen, and no encoded word (RFC 2047) of somebody else's, which readers would
/// decode into what it hides.
fn header_of(text: &str) -> String {
    line_of(text).replace("=?", "= ?")
}

/// An id as the beginning of an address: as it is where it can be one, or else by its hash.
fn local_of(id: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    let begins = id.starts_with(|char: char| char.is_ascii_alphanumeric());
    let is_hash = id.starts_with("sha256-");
    if begins
        && !is_hash
        && id != "withheld"
        && id.len() <= LOCAL_CHARS_MAX
        && id.chars().all(is_plain)
    {
        return id.to_string();
    }
    format!("sha256-{}", &hex::encode(hash_of("address", &[id.as_bytes()]))[..32])
}
