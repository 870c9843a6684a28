//! Our own two formats, a line each: events, and transcripts of one conversation.

use std::collections::VecDeque;

use super::files::{Files, is_json_name};
use super::lines::InputFile;
use super::objects::UNREAD;
use super::out::{Piece, Reader, Refused};
use super::{InputError, Notes, Settings};
use crate::model::fields::FIELDS;

/// The fields of a transcript, beside which its source may have others.
const OF_TRANSCRIPT: &[&str] = &["conversation_id", "messages"];
/// Those that it may have besides.
const ALSO_OF_TRANSCRIPT: &[&str] = &["customer_id", "agent_id", "order_id", "lang", "language"];

/// Whether an object with these fields is an event or a transcript. One that is cut off has some of
/// an event's fields, and no other.
pub(super) fn has_fields(names: &[String]) -> bool {
    let has = |name: &&str| names.iter().any(|field| field == name);
    let is_of_transcript =
        |name: &String| OF_TRANSCRIPT.iter().chain(ALSO_OF_TRANSCRIPT).any(|known| known == name);
    let is_of_event = |name: &String| FIELDS.iter().any(|field| field.name == *name);
    OF_TRANSCRIPT.iter().all(&has)
        || ["conversation", "kind", "sender"].iter().filter(|name| has(name)).count() >= 2
        || (!names.is_empty() && names.iter().all(is_of_event))
        || (has(&"messages") && names.iter().all(is_of_transcript))
}

/// The lines of all files.
pub(super) struct Lines {
    names: VecDeque<String>,
    open: Option<(String, InputFile)>,
    /// Files that hold no lines.
    unread: u64,
}

impl Lines {
    pub(super) fn of(files: &Files) -> Lines {
        let mut names = files.names();
        let count = names.len();
        names.retain(|name| files.is_one() || is_json_name(name));
        let unread = (count - names.len()) as u64;
        Lines { names: names.into(), open: None, unread }
    }
}

impl Reader for Lines {
    fn next(
        &mut self,
        files: &Files,
        settings: &Settings,
        notes: &mut Notes,
    ) -> Result<Option<Piece>, InputError> {
        notes.add_many(UNREAD, std::mem::take(&mut self.unread));
        loop {
            if let Some((name, file)) = &mut self.open {
                if let Some(line) = file.next_line()? {
                    let place = files.place(name, line.number);
                    let events = line.events.into_iter().map(|event| event.map_err(Refused::from));
                    let keeps = settings.keep_originals;
                    let original = if keeps { file.last_line().to_vec() } else { Vec::new() };
                    let events = events.collect();
                    return Ok(Some(Piece { place, events, original, ..Piece::default() }));
                }
                self.open = None;
            }
            let Some(name) = self.names.pop_front() else { return Ok(None) };
            let file = InputFile::over(files.path_of(&name), files.reader(&name)?);
            self.open = Some((name, file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read, zip_of};
    use super::*;

    const EVENT: &str = r#"{"id":"m1","conversation":"c1","kind":"message","sender":{"id":"anna","role":"human"},"text":"hi"}"#;

    #[test]
    fn lines_are_read_packed_or_not_and_bad_ones_kept_to_be_mended() {
        let bad = EVENT.replace("message", "shout");
        let lines = format!("{EVENT}\n\n{bad}\n{}", EVENT.replace("m1", "m2"));
        let gzip = {
            use std::io::Write;
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(lines.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = zstd::encode_all(lines.as_bytes(), 3).unwrap();
        let zip = zip_of(&[("chat/a.jsonl", lines.as_bytes()), ("read me.txt", b"words")]);
        for bytes in [lines.clone().into_bytes(), gzip, zstd, zip] {
            let read = read("chat.jsonl", &bytes, &Settings::default()).unwrap();
            assert_eq!(
                read.lines(),
                ["message m1 human:anna text=hi", "message m2 human:anna text=hi"]
            );
            assert_eq!(read.originals, std::slice::from_ref(&bad));
            assert!(read.refused[0].contains(":3: kind `shout`"), "{:?}", read.refused);
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_what_there_is() {
        let error = read("x.csv", b"name,text\n", &Settings::default()).unwrap_err();
        assert!(error.contains("verbatim, zendesk, zendesk-chat"), "{error}");
        let settings =
            Settings { from: Some(super::super::Format::Verbatim), ..Settings::default() };
        assert_eq!(read("x.csv", b"name,text\n", &settings).unwrap().refused.len(), 1);
    }
}
