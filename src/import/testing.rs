//! Sources for tests, made as they are needed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use super::{Found, Notes, Settings, Source};
use crate::model::{Event, Kind, Role, Visibility};

/// A zip of these files, deflated.
pub(super) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut zip, mut central) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let mut fields = Vec::new();
        for word in [20_u16, 0x0800, 8, 0, 0x21] {
            fields.extend_from_slice(&word.to_le_bytes());
        }
        for word in [crc32fast::hash(bytes), packed.len() as u32, bytes.len() as u32] {
            fields.extend_from_slice(&word.to_le_bytes());
        }
        fields.extend_from_slice(&(name.len() as u16).to_le_bytes());
        fields.extend_from_slice(&[0; 2]);
        central.extend_from_slice(b"PK\x01\x02\x14\x03");
        central.extend_from_slice(&fields);
        central.extend_from_slice(&[0; 10]);
        central.extend_from_slice(&(zip.len() as u32).to_le_bytes());
        central.extend_from_slice(name.as_bytes());
        zip.extend_from_slice(b"PK\x03\x04");
        zip.extend_from_slice(&fields);
        zip.extend_from_slice(name.as_bytes());
        zip.extend_from_slice(&packed);
    }
    let (start, size) = (zip.len() as u32, central.len() as u32);
    let count = (files.len() as u16).to_le_bytes();
    zip.extend_from_slice(&central);
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    zip.extend_from_slice(&count);
    zip.extend_from_slice(&count);
    zip.extend_from_slice(&size.to_le_bytes());
    zip.extend_from_slice(&start.to_le_bytes());
    zip.extend_from_slice(&[0; 2]);
    zip
}

pub(super) fn zip_file(files: &[(&str, &[u8])]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&zip_of(files)).unwrap();
    file.rewind().unwrap();
    file
}

/// All that a source gave.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) events: Vec<Event>,
    /// Each with the place where it stands.
    pub(super) refused: Vec<String>,
    pub(super) notes: Notes,
    /// Hashes of the files whose bytes came along.
    pub(super) carried: Vec<String>,
    pub(super) originals: Vec<String>,
}

impl Read {
    /// `KIND ID ROLE:SENDER [private] at TIME: TEXT`, a line each, for comparison with what is wanted.
    pub(super) fn lines(&self) -> Vec<String> {
        self.events.iter().map(line_of).collect()
    }

    pub(super) fn left(&self) -> Vec<(String, u64)> {
        self.notes.iter().map(|(kind, count)| (kind.to_string(), count)).collect()
    }

    /// As JSON, to hold one reading against another.
    pub(super) fn bodies(&self) -> Vec<String> {
        self.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
    }
}

fn line_of(event: &Event) -> String {
    let mut line = format!(
        "{} {} {}:{}",
        event.kind.as_str(),
        event.id,
        event.sender.role.as_str(),
        event.sender.id
    );
    if event.visibility == Visibility::Private {
        line.push_str(" private");
    }
    let details = [
        ("customer", event.customer.clone()),
        ("target", event.target.clone()),
        ("reply_to", event.reply_to.clone()),
        ("assignee", event.assignee.clone()),
        ("category", event.category.clone()),
        ("rating", event.rating.map(|rating| rating.to_string())),
        ("channel", event.channel.clone()),
        ("at", event.sent_at.clone()),
        (
            "files",
            (!event.attachments.is_empty()).then(|| {
                let names = event.attachments.iter().map(|file| file.name.clone());
                names.collect::<Vec<_>>().join(",")
            }),
        ),
        ("text", event.text.clone()),
    ];
    for (name, value) in details {
        if let Some(value) = value {
            line.push_str(&format!(" {name}={value}"));
        }
    }
    line
}

/// Reads what lies at `path` to its end; a relay would take what it gives.
pub(super) fn read_path(path: &Path, settings: &Settings) -> Result<Read, String> {
    let read = read_all(path, settings)?;
    assert_taken(&read.events);
    Ok(read)
}

fn read_all(path: &Path, settings: &Settings) -> Result<Read, String> {
    let settings = Settings { keep_originals: true, ..settings.clone() };
    let mut read = Read {
        events: Vec::new(),
        refused: Vec::new(),
        notes: Notes::default(),
        carried: Vec::new(),
        originals: Vec::new(),
    };
    for path in super::sources(path).map_err(|error| error.to_string())? {
        let mut source = Source::open(&path, &settings).map_err(|error| error.to_string())?;
        while let Some(piece) = source.next_piece().map_err(|error| error.to_string())? {
            let is_refused = piece.events.iter().any(Result::is_err);
            for found in piece.events {
                match found {
                    Found::Ok(event) => read.events.push(event),
                    Found::Err(refused) => {
                        read.refused.push(format!("{}: {}", piece.place, refused.error));
                    }
                }
            }
            if is_refused {
                read.originals.push(String::from_utf8_lossy(&piece.original).into_owned());
            }
            for file in &piece.files {
                let bytes = source.bytes_of(file).unwrap();
                use sha2::Digest;
                assert_eq!(hex::encode(sha2::Sha256::digest(&bytes)), file.sha256);
                read.carried.push(file.sha256.clone());
            }
        }
        read.notes.merge(source.notes());
    }
    Ok(read)
}

/// Holds events to what a relay asks of an edit, a retraction and an answer, and of ids.
fn assert_taken(events: &[Event]) {
    let mut known: HashMap<(&str, &str), &Event> = HashMap::new();
    for event in events {
        let target = event.target.as_deref().filter(|_| event.kind != Kind::Read);
        if let Some(target) = target {
            let of = known.get(&(event.conversation.as_str(), target));
            let of = of.unwrap_or_else(|| panic!("{} comes before {target}", event.id));
            let (by, sender) = (&event.sender, &of.sender);
            let is_own = by.id == sender.id && by.role == sender.role;
            let are_of_shop = by.role != Role::Customer && sender.role != Role::Customer;
            let is_moderated = event.kind == Kind::Retract && by.role == Role::Human;
            assert!(is_own || are_of_shop || is_moderated, "{} may not change {target}", by.id);
            assert_eq!((event.visibility, of.kind), (of.visibility, Kind::Message), "{}", event.id);
        }
        if let Some(answered) = &event.reply_to
            && let Some(of) = known.get(&(event.conversation.as_str(), answered.as_str()))
        {
            let is_told =
                event.visibility == Visibility::Private || of.visibility == Visibility::Public;
            assert!(is_told, "{} answers a note", event.id);
        }
        let before = known.insert((&event.conversation, &event.id), event);
        let body = |event: &Event| serde_json::to_string(event).unwrap();
        assert!(before.is_none_or(|before| body(before) == body(event)), "{} twice", event.id);
    }
}

/// Reads a file of this name and bytes; a relay would take what it gives.
pub(super) fn read(name: &str, bytes: &[u8], settings: &Settings) -> Result<Read, String> {
    let read = read_any(name, bytes, settings)?;
    assert_taken(&read.events);
    Ok(read)
}

/// The same of bytes that may make no sense.
pub(super) fn read_any(name: &str, bytes: &[u8], settings: &Settings) -> Result<Read, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let within = folder.path().display().to_string();
    read_all(&path, settings).map_err(|error| error.replace(&within, ""))
}
