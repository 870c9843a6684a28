//! Packs of bundles as they are made.

use std::fs::File;

use chrono_tz::Tz;
use serde_json::json;

use super::sample::{Log, SHOP, event, request};
use crate::evidence::pack::{
    BundleRead, Fonts, PackRequest, Place, Profile, Report, pack, read_bundle,
};
use crate::evidence::{EvidenceRequest, Redaction};
use crate::model::{Micros, Record, Visibility};

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
    assert_eq!(conversation.id.as_deref(), Some(name));
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

fn read_of(log: &Log, request: &EvidenceRequest) -> BundleRead {
    read_bundle(File::open(log.zip("of.zip", request)).unwrap(), BYTES_MAX).unwrap()
}

fn report_of(read: BundleRead) -> Report {
    let request = PackRequest::default();
    let source = read.source(&request, None).unwrap();
    pack(&source, request.profile, &mut Fonts::find(&[]).unwrap()).unwrap().report
}

fn place(place: &Place) -> (u32, Option<&str>, &str, Option<Micros>) {
    (place.seq.0, place.role.as_deref(), &place.why, place.erased_at)
}

/// A platform was told that a message had no text which a rule had hidden.
#[test]
fn what_a_bundle_withholds_the_text_for_a_platform_calls_so() {
    let log = Log::new();
    let mut hidden = request(&["c2"]);
    hidden.redact = vec![Redaction::parse("body@message:m1").unwrap()];
    let asked = PackRequest { profile: Profile::Stripe, ..PackRequest::default() };
    let source = read_of(&log, &hidden).source(&asked, None).unwrap();
    let packed = pack(&source, asked.profile, &mut Fonts::find(&[]).unwrap()).unwrap();
    let text = packed.files.iter().find(|file| file.name.ends_with(".txt")).unwrap();
    let text = String::from_utf8(text.bytes.clone()).unwrap();
    assert!(text.contains("[not in the bundle: redacted]"), "{text}");
    assert!(!text.contains("[no text]"), "{text}");
}

/// A pack said `all 8 messages` of a conversation of which ten were erased, and nothing at all of one outside
/// of the days asked for.
#[test]
fn what_a_bundle_does_not_disclose_has_its_place_in_a_pack() {
    let mut log = Log::new();
    log.records[3] = log.records[3].erased_at(Micros(9_000_000), "asked by the customer");
    let name = "c-林/1";
    let read = read_of(&log, &request(&[name, "c2"]));
    let [erased, whole] = &read.conversations[..] else { panic!("{:?}", read.conversations) };
    let places: Vec<_> = erased.places.iter().map(place).collect();
    assert_eq!(places, [(2, Some("customer?"), "erased", Some(Micros(9_000_000)))]);
    assert!(whole.places.is_empty(), "notes of the shop have no place");
    let report = report_of(read_of(&log, &request(&[name])));
    assert_eq!((report.messages_shown, report.messages), (5, 6));
    assert_eq!(report.withheld, [("erased".to_string(), 1)].into());

    let later = EvidenceRequest { from: Some("2026-01-05".to_string()), ..request(&["c2"]) };
    let read = read_of(&log, &later);
    let [outside] = &read.conversations[..] else { panic!("{:?}", read.conversations) };
    assert_eq!((outside.id.as_deref(), outside.places.len()), (None, 10));
    let report = report_of(read);
    assert_eq!((report.messages_shown, report.messages), (0, 6));
    assert_eq!(report.withheld, [("range".to_string(), 6)].into());

    // Old answers to notes are withheld as far as they name them.
    let of = |id: &str, more| event("c", id, "message", "human", more);
    let answering = Log::of(vec![
        of("m", json!({"text": "hello"})),
        of("n", json!({"text": "careful", "visibility": "private"})),
        of("y", json!({"text": "as noted", "reply_to": "n"})),
    ]);
    let read = read_of(&answering, &request(&["c"]));
    let places: Vec<_> = read.conversations[0].places.iter().map(place).collect();
    assert_eq!(places, [(3, Some("human"), "private", None)]);
    let own = EvidenceRequest { with_private: true, ..request(&["c"]) };
    let report = report_of(read_of(&answering, &own));
    assert_eq!((report.messages_shown, report.messages), (2, 2));

    let mut hidden = request(&["c2"]);
    hidden.redact = vec![Redaction::parse("meta@message:m1").unwrap()];
    let read = read_of(&log, &hidden);
    let places: Vec<_> = read.conversations[0].places.iter().map(place).collect();
    assert_eq!(places, [(2, Some("customer"), "redacted", None)]);
}
