//! Packs of bundles as they are made.

use std::fs::File;

use chrono_tz::Tz;

use super::sample::{Log, SHOP, request};
use crate::evidence::Redaction;
use crate::evidence::pack::read_bundle;
use crate::model::{Record, Visibility};

const BYTES_MAX: u64 = 1024 * 1024;

/// What of a record a pack shows.
fn shown(record: &Record) -> (u32, i64, String, String, Option<&str>, usize) {
    let event = &record.event;
    let sender = format!("{} {:?} {:?}", event.sender.id, event.sender.role, event.sender.name);
    let (at, leaf) = (record.received_at.0, record.leaf.to_string());
    (record.seq.0, at, leaf, sender, event.text.as_deref(), event.attachments.len())
}

#[test]
fn a_pack_shows_what_its_bundle_discloses() {
    let log = Log::new();
    let name = "c-林/1";
    let read = read_bundle(File::open(log.zip("pack.zip", &request(&[name]))).unwrap(), BYTES_MAX)
        .unwrap();
    assert_eq!((read.conversations.len(), read.shop.as_deref()), (1, Some(SHOP)));
    let public = log.records.iter().filter(|record| {
        record.event.conversation == name && record.event.visibility == Visibility::Public
    });
    let public: Vec<_> = public.map(shown).collect();
    let conversation = &read.conversations[0];
    assert_eq!(conversation.id, name);
    assert_eq!(conversation.records.iter().map(shown).collect::<Vec<_>>(), public);
    assert!(public.len() > 5 && read.withheld.is_empty());
    assert_eq!(read.zone, Some(Tz::Asia__Shanghai));
    assert_eq!(read.case.as_deref(), Some(request(&[name]).case.as_str()));
    assert!(read.made_at.0 > 0, "the custody says when it was made");
    assert_eq!(read.files[0].name, "data/messages.jsonl");
    assert!(read.files.iter().any(|file| file.name == "proofs/checkpoint"));

    let mut redacted = request(&[name]);
    redacted.redact = vec![Redaction::parse("body@message:m4").unwrap()];
    let read =
        read_bundle(File::open(log.zip("redacted.zip", &redacted)).unwrap(), BYTES_MAX).unwrap();
    let why = read.withheld.get(&(name.to_string(), "m4".to_string()));
    assert_eq!(why.map(String::as_str), Some("redacted"));
    let small = read_bundle(File::open(log.zip("small.zip", &request(&[name]))).unwrap(), 100);
    let refused = small.unwrap_err().to_string();
    assert!(refused.contains("more than 100 bytes"), "{refused}");
}
