//! A source: whatever a path leads to, read in the format that it is in.

use std::path::Path;

use super::chatwoot::Chatwoot;
use super::files::Files;
use super::intercom::Intercom;
use super::mattermost::Mattermost;
use super::objects::Objects;
use super::out::{CARRIED_BYTES_MAX, Carried, Piece, Reader};
use super::own::Lines;
use super::slack::Slack;
use super::whatsapp::Whatsapp;
use super::zendesk::Zendesk;
use super::zendesk_chat::ZendeskChat;
use super::{Format, InputError, Notes, Settings, rsmf};

/// An open source.
pub struct Source {
    files: Files,
    format: Format,
    settings: Settings,
    reader: Box<dyn Reader>,
    notes: Notes,
    is_pipe: bool,
}

impl Source {
    /// Opens what lies at `path`, `-` for standard input, and looks whether it says all that must be
    /// known.
    pub fn open(path: &Path, settings: &Settings) -> Result<Source, InputError> {
        let files = Files::open(path)?;
        let format = match settings.from {
            Some(format) => format,
            None => Format::told(&files)?,
        };
        let is_pipe = files.is_pipe();
        let mut reader: Box<dyn Reader> = match format {
            Format::Verbatim => Box::new(Lines::of(&files)),
            Format::Zendesk => Objects::of(&files, Box::new(Zendesk::default())),
            Format::ZendeskChat => Objects::of(&files, Box::new(ZendeskChat)),
            Format::Intercom => Objects::of(&files, Box::new(Intercom)),
            Format::Chatwoot => Objects::of(&files, Box::new(Chatwoot)),
            Format::Mattermost => Objects::of(&files, Box::new(Mattermost::default())),
            Format::Slack => Box::new(Slack::default()),
            Format::Whatsapp => Box::new(Whatsapp::default()),
            Format::Rsmf => rsmf::reader(&files),
        };
        reader.begin(&files, settings)?;
        let settings = settings.clone();
        Ok(Source { files, format, settings, reader, notes: Notes::default(), is_pipe })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// The next part of it; `None` at the end.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, InputError> {
        self.reader.next(&self.files, &self.settings, &mut self.notes)
    }

    /// The bytes of a file that a piece brought along.
    pub fn bytes_of(&self, file: &Carried) -> Result<Vec<u8>, InputError> {
        self.reader.within(&self.files).whole_raw(&file.name, CARRIED_BYTES_MAX)
    }

    /// What had no place so far.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Whether it can be opened once only.
    pub fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// Bytes of all of it, packed as it lies there; 0 where nobody knows.
    pub fn length(&self) -> u64 {
        self.files.length()
    }

    /// How many of them were read. What is looked at twice counts twice.
    pub fn bytes_read(&self) -> u64 {
        self.files.bytes_read()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read_any, read_path, zip_of};
    use super::super::{Agents, DateOrder};
    use super::*;
    use crate::model::testing::Dice;

    /// What tests/it imports too, each of a format.
    const SAMPLES: &[(&str, Format)] = &[
        ("zendesk.jsonl", Format::Zendesk),
        ("zendesk_chat.json", Format::ZendeskChat),
        ("intercom.jsonl", Format::Intercom),
        ("chatwoot.json", Format::Chatwoot),
        ("slack", Format::Slack),
        ("mattermost", Format::Mattermost),
        ("whatsapp", Format::Whatsapp),
        ("rsmf", Format::Rsmf),
    ];

    fn samples() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
    }

    fn settings() -> Settings {
        Settings {
            zone: Some(chrono_tz::Asia::Shanghai),
            agents: Agents::new(&["@shop.example".to_string(), "Shop".to_string()]),
            dates: Some(DateOrder::Dmy),
            ..Settings::default()
        }
    }

    #[test]
    fn samples_are_told_and_read_whole() {
        for (name, format) in SAMPLES {
            let path = samples().join(name);
            let source = Source::open(&path, &settings()).unwrap();
            assert_eq!(source.format(), *format, "{name}");
            let read = read_path(&path, &settings()).unwrap();
            assert_eq!(read.refused, Vec::<String>::new(), "{name}");
            assert!(read.events.len() >= 4, "{name}");
            assert_eq!(read.bodies(), read_path(&path, &settings()).unwrap().bodies(), "{name}");
        }
    }

    /// Somebody else's file may hold anything: it is read, or refused in words.
    #[test]
    fn whatever_is_damaged_nothing_panics() {
        let mut dice = Dice::new(7);
        for (name, format) in SAMPLES {
            let path = samples().join(name);
            let files = Files::open(&path).unwrap();
            let names = files.names();
            let whole: Vec<(String, Vec<u8>)> = names
                .iter()
                .map(|name| (name.clone(), files.whole_raw(name, 1 << 20).unwrap()))
                .collect();
            for _ in 0..200 {
                let mut damaged = whole.clone();
                let which = dice.roll(damaged.len());
                let bytes = &mut damaged[which].1;
                for _ in 0..=dice.roll(3) {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = dice.roll(bytes.len());
                    match dice.roll(4) {
                        0 => bytes.truncate(at),
                        1 => bytes[at] = *dice.pick(b"\0{}[]\",:0-\xff\n9"),
                        2 => bytes.insert(at, *dice.pick(b"{}[]\",:-e\xe2")),
                        _ => drop(bytes.remove(at)),
                    }
                }
                let settings = Settings { from: Some(*format), ..settings() };
                if whole.len() == 1 {
                    let _ = read_any(name, &damaged[0].1, &settings);
                } else {
                    let parts: Vec<(&str, &[u8])> = damaged
                        .iter()
                        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
                        .collect();
                    let mut zip = zip_of(&parts);
                    if dice.roll(4) == 0 {
                        let at = dice.roll(zip.len());
                        zip[at] ^= 1 << dice.roll(8);
                    }
                    let _ = read_any("x.zip", &zip, &settings);
                }
            }
        }
    }
}
