//! No form loses anything, and all have the same.

use std::collections::{BTreeMap, BTreeSet};

use strum::{VariantArray, VariantNames};

use super::read::{ReadBack, Said, read, text, unzipped};
use super::sample::{Chats, all, for_the_other_side, sha256};
use crate::evidence::Redaction;
use crate::evidence::interchange::Form;
use crate::evidence::row::Disclosure;
use crate::model::{Kind, Record};

fn read_all(chats: &Chats, disclosure: &Disclosure<'_>) -> BTreeMap<&'static str, ReadBack> {
    let forms = Form::VARIANTS.iter();
    forms.map(|form| (form.as_str(), read(*form, &chats.made(*form, disclosure)))).collect()
}

/// The records themselves, as a form must say them.
fn said_of(record: &Record) -> (String, u32, String, String, String, String, Vec<String>) {
    let event = &record.event;
    let mut files: Vec<String> = event.attachments.iter().map(|file| file.sha256.clone()).collect();
    files.sort();
    (
        event.conversation.clone(),
        record.seq.0,
        event.id.clone(),
        record.received_at.to_string(),
        record.leaf.to_string(),
        event.text.clone().unwrap_or_default(),
        files,
    )
}

fn of(said: &Said) -> (String, u32, String, String, String, String, Vec<String>) {
    let Said { conversation, seq, id, received_at, leaf, text, files, .. } = said.clone();
    (conversation, seq, id, received_at, leaf, text, files)
}

#[test]
fn each_form_has_every_record_with_its_texts_times_hashes_and_files() {
    let chats = Chats::new();
    let records: BTreeSet<_> = chats.records.values().flatten().map(said_of).collect();
    for (form, read) in read_all(&chats, &all()) {
        let said: BTreeSet<_> = read.said.iter().map(of).collect();
        assert_eq!(said.len(), read.said.len(), "{form}: a record stands there twice");
        for (one, other) in records.iter().zip(&said) {
            assert_eq!(one, other, "{form}");
        }
        assert_eq!(said.len(), records.len(), "{form}");
        assert!(read.said.iter().all(|said| said.withheld.is_empty()), "{form}");
    }
}

/// What has no place in a format is still there: every field of every event.
#[test]
fn each_form_has_every_field() {
    let chats = Chats::new();
    let read = read_all(&chats, &all());
    for (form, read) in &read {
        let fields: BTreeSet<&str> =
            read.said.iter().flat_map(|said| said.fields.keys()).map(String::as_str).collect();
        for name in [
            "assignee",
            "automatic",
            "by",
            "category",
            "channel",
            "data",
            "language",
            "order",
            "origin",
            "prev",
            "rating",
            "reply_to",
            "sender_id",
            "sender_name",
            "sender_role",
            "sent_at",
            "target",
            "visibility",
        ] {
            assert!(fields.contains(name), "{form} has no `{name}`: {fields:?}");
        }
    }
    let [eml, rsmf, vcon] = ["eml", "rsmf", "vcon"].map(|form| &read[form].said);
    for ((eml, rsmf), vcon) in eml.iter().zip(rsmf).zip(vcon) {
        assert_eq!(rsmf, vcon);
        assert_eq!(eml, rsmf);
    }
}

#[test]
fn the_chat_has_every_kind_of_event() {
    let chats = Chats::new();
    let there: BTreeSet<&str> =
        chats.records["c-1"].iter().map(|record| record.event.kind.as_str()).collect();
    // An erasure names what is gone; what is about the shop is no evidence.
    let missing: Vec<&&str> = Kind::VARIANTS
        .iter()
        .filter(|kind| !there.contains(**kind) && !["rules", "access", "erase"].contains(*kind))
        .collect();
    assert_eq!(missing.len(), 0, "{missing:?}");
}

/// The copy of each file is the bundle's, to the byte: leaves are computed from it, wherever the fields of a form went.
#[test]
fn each_form_carries_the_evidence_copy() {
    let chats = Chats::new();
    let rules = [Redaction::parse("body@message:m2").unwrap()];
    for disclosure in [all(), for_the_other_side(&rules)] {
        let copy = chats.copy(&disclosure);
        let mut lines: Vec<&str> = copy.lines().collect();
        lines.sort_unstable();
        for (form, mut read) in read_all(&chats, &disclosure) {
            read.copy.sort();
            assert!(read.copy == lines, "{form}");
        }
    }
}

/// The formats' own places, which their viewers show: a field of ours beside them is no substitute.
#[test]
fn edits_retractions_and_receipts_stand_where_viewers_look() {
    let chats = Chats::new();
    let read = read_all(&chats, &all());
    let events: Vec<_> = read["rsmf"]
        .raw
        .iter()
        .flat_map(|manifest| manifest["events"].as_array().unwrap())
        .filter(|event| event["conversation"] == "c-1")
        .collect();
    let message = events.iter().find(|event| event["id"] == "m4").unwrap();
    assert_eq!(message["body"], "we refund 623 元");
    assert_eq!(message["deleted"], true);
    let versions: Vec<(String, String)> = message["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| (text(&edit["previous"]), text(&edit["new"])))
        .collect();
    assert_eq!(
        versions,
        [("we refund 236", "we refund 263"), ("we refund 263", "we refund 623 元")]
            .map(|(one, other)| (one.to_string(), other.to_string()))
    );
    assert_eq!(message["read_receipts"][0]["participant"], "customer/customer-1");
    assert_eq!(message["parent"], "m2");
    let custom = message["custom"].to_string();
    assert!(
        custom.contains("retracted_1") && custom.contains("by Ann human (human), seq 14, leaf"),
        "{custom}"
    );
    let types: BTreeSet<String> = events.iter().map(|event| text(&event["type"])).collect();
    assert!(types.contains("join") && types.contains("leave"), "{types:?}");

    let vcon =
        read["vcon"].raw.iter().find(|vcon| vcon["verbatim"]["conversation"] == "c-1").unwrap();
    let texts: Vec<String> =
        vcon["dialog"].as_array().unwrap().iter().map(|dialog| text(&dialog["body"])).collect();
    assert!(
        texts.contains(&"we refund 236".to_string())
            && texts.contains(&"we refund 263".to_string())
    );
    let history = vcon["dialog"].to_string();
    assert!(history.contains(r#""event":"join""#) && history.contains(r#""event":"drop""#));
    let mail = text(&read["eml"].raw[0]);
    for line in ["- edited: 2026-", "- retracted: 2026-", "human): edited `m4`", "rated 2 of 5"] {
        assert!(mail.contains(line), "{line}: {mail}");
    }
}

/// Everybody computes it again from the hash: no clock and no chance is in it.
#[test]
fn the_same_bundle_makes_the_same_bytes() {
    let chats = Chats::new();
    for form in Form::VARIANTS {
        let made = || sha256(&chats.made(*form, &all()));
        assert_eq!(made(), made(), "{}", form.as_str());
    }
}

#[test]
fn a_conversation_has_a_file_a_day_by_the_shops_clocks_that_name_each_other() {
    let chats = Chats::new();
    let read = read(Form::Rsmf, &chats.made(Form::Rsmf, &all()));
    assert_eq!(
        read.names,
        [
            "000001-c-1-2026-01-03.rsmf",
            "000001-c-1-2026-01-04.rsmf",
            "000002-c-2-2026-01-03.rsmf",
            "000002-c-2-2026-01-04.rsmf",
            "000003-old-2025-03-08.rsmf",
            "000003-old-2025-03-10.rsmf",
        ]
    );
    let collections: Vec<String> =
        read.raw.iter().map(|manifest| text(&manifest["eventcollectionid"])).collect();
    assert!(
        collections[0] == collections[1] && collections[1] != collections[2],
        "{collections:?}"
    );
}

#[test]
fn a_vcon_is_signed_beside_the_unsigned_one() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let chats = Chats::new();
    let files: BTreeMap<String, Vec<u8>> =
        unzipped(&chats.made(Form::Vcon, &all())).into_iter().collect();
    assert_eq!(files.len(), 6);
    let plain = &files["case-vcon/000001-c-1.vcon"];
    let signed: serde_json::Value =
        serde_json::from_slice(&files["case-vcon/000001-c-1.signed.vcon"]).unwrap();
    let decoded =
        |value: &serde_json::Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
    assert!(decoded(&signed["payload"]) == *plain, "the payload is the unsigned vCon");
    let [signature] = signed["signatures"].as_array().unwrap().as_slice() else {
        panic!("{signed}")
    };
    assert_eq!(decoded(&signature["protected"]), br#"{"alg":"RS256"}"#);
    let unsigned: serde_json::Value = serde_json::from_slice(plain).unwrap();
    assert_eq!(signature["header"]["uuid"], unsigned["uuid"]);
    assert_eq!(signature["header"]["x5c"][0], STANDARD.encode("certificate"));
    let input = format!("{}.{}", text(&signature["protected"]), text(&signed["payload"]));
    assert_eq!(decoded(&signature["signature"]), hex::decode(sha256(input.as_bytes())).unwrap());
}
