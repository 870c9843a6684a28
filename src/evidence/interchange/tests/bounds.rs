//! What is too much, and what is no bundle.

use std::collections::BTreeMap;
use std::fs::File;

use serde_json::json;

use super::read::{mail, read, unzipped};
use super::sample::{Chats, all, event, usual};
use crate::evidence::interchange::rsmf::EVENTS_MAX;
use crate::evidence::interchange::{Bounds, Form, InterchangeError, interchange};
use crate::relay::DiskSpace;

#[test]
fn a_file_has_no_more_events_than_its_readers_take() {
    // One more than a file takes beside its disclaimer; all on one day.
    let said =
        |index: usize| event(&format!("m{index}"), "message", "customer", json!({"text": "x"}));
    let mut chats =
        Chats::of(BTreeMap::from([("c", (0..EVENTS_MAX).map(said).collect::<Vec<_>>())]));
    chats.on_one_day();
    let zip = chats.made(Form::Rsmf, &all());
    let read = read(Form::Rsmf, &zip);
    assert_eq!(read.names, ["000001-c-2026-01-03-001.rsmf", "000001-c-2026-01-03-002.rsmf"]);
    let counts: Vec<usize> =
        read.raw.iter().map(|manifest| manifest["events"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [EVENTS_MAX, 2]);
    assert_eq!(read.said.len(), EVENTS_MAX);
    for ((_, bytes), count) in unzipped(&zip).iter().zip(counts) {
        let said = mail(bytes).headers.into_iter().find(|(name, _)| name == "X-RSMF-EventCount");
        assert_eq!(said.unwrap().1, count.to_string());
    }
}

#[test]
fn more_than_is_read_at_once_is_refused_with_what_to_do() {
    let chats = Chats::new();
    let refused = |form, bounds: Bounds<'_>| {
        chats.made_within(form, &all(), None, bounds).err().unwrap().to_string()
    };
    for form in [Form::Rsmf, Form::Vcon, Form::Eml] {
        let small = refused(form, Bounds { files_bytes_max: 10, ..usual() });
        assert!(small.contains("has 11 bytes") && small.contains("fewer"), "{small}");
        let small = refused(form, Bounds { records_bytes_max: 10, ..usual() });
        assert!(small.contains("messages.jsonl"), "{small}");
        let gone = refused(form, Bounds { is_wanted: &|| false, ..usual() });
        assert!(gone.contains("nobody"), "{gone}");
    }
}

#[test]
fn what_is_no_bundle_or_an_altered_one_makes_no_file() {
    let chats = Chats::new();
    let spool = DiskSpace::of(chats.folder.path().to_path_buf(), 0);
    let made = |bytes: &[u8]| {
        let path = chats.folder.path().join("altered.zip");
        std::fs::write(&path, bytes).unwrap();
        interchange(File::open(&path).unwrap(), Form::Eml, None, usual(), &spool)
    };
    let whole = std::fs::read(chats.bundle(&all())).unwrap();
    assert!(made(&whole).is_ok());
    let at =
        |word: &str| whole.windows(word.len()).position(|bytes| bytes == word.as_bytes()).unwrap();
    for (word, with) in [("we refund 236", "we refund 936"), ("photo", "phony")] {
        let mut altered = whole.clone();
        let at = at(word);
        altered.splice(at..at + word.len(), with.bytes());
        let refused = made(&altered).err();
        assert!(refused.is_some(), "{word}");
    }
    let refused = made(b"no zip").err();
    assert!(matches!(refused, Some(InterchangeError::BadBundle { .. })), "{refused:?}");
}
