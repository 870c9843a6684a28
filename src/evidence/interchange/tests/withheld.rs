//! What a bundle withholds, no form shows, and each says that it is withheld.

use strum::VariantArray;

use super::read::{read, text, unzipped};
use super::sample::{Chats, all, for_the_other_side};
use crate::evidence::Redaction;
use crate::evidence::interchange::Form;
use crate::evidence::row::Disclosure;
use crate::model::parse_time;

/// All that lies in the zip of a form, with mails and zips inside it taken apart.
fn bytes_of(form: Form, zip: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in unzipped(zip) {
        all.extend(name.into_bytes());
        if form == Form::Vcon {
            all.extend(bytes);
            continue;
        }
        let mail = super::read::mail(&bytes);
        all.extend(format!("{:?}{}", mail.headers, mail.text).into_bytes());
        for (name, bytes) in mail.files {
            all.extend(name.bytes());
            match name.as_str() {
                "rsmf.zip" => {
                    all.extend(unzipped(&bytes).into_iter().flat_map(|(_, bytes)| bytes));
                }
                _ => all.extend(bytes),
            }
        }
    }
    all
}

fn has(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn private_notes_and_the_shops_own_doings_are_not_there() {
    let chats = Chats::new();
    let private = ["careful with this one", "untag", "dispute", "\"n\"", "human-1 by"];
    for form in Form::VARIANTS {
        let with = bytes_of(*form, &chats.made(*form, &all()));
        assert!(has(&with, private[0]) && has(&with, private[2]), "{}", form.as_str());
        let zip = chats.made(*form, &for_the_other_side(&[]));
        let bytes = bytes_of(*form, &zip);
        for word in [private[0], private[2], private[3]] {
            assert!(!has(&bytes, word), "{} has `{word}`", form.as_str());
        }
        let read = read(*form, &zip);
        let places: Vec<_> = read.said.iter().filter(|said| !said.withheld.is_empty()).collect();
        assert!(places.len() > 10, "{}", form.as_str());
        for place in places {
            assert_eq!(place.withheld, "sender: private, body: private, meta: private");
            assert!(place.text.is_empty() && place.id.is_empty() && place.files.is_empty());
            // Only that there is something: its kind, time and leaf, as in the bundle.
            assert_eq!(place.fields.keys().collect::<Vec<_>>(), ["prev"], "{}", form.as_str());
        }
        assert!(has(&bytes, "private"), "{} says nothing of it", form.as_str());
    }
}

#[test]
fn what_rules_hide_is_hidden_in_every_form_and_counted() {
    let chats = Chats::new();
    let rules = ["sender@role:customer", "body@message:c-1/m2", "body@message:c-1/e2"];
    let rules = rules.map(|rule| Redaction::parse(rule).unwrap());
    for form in Form::VARIANTS {
        let zip = chats.made(*form, &for_the_other_side(&rules));
        let bytes = bytes_of(*form, &zip);
        for word in ["customer-1", "Ann customer"] {
            assert!(!has(&bytes, word), "{} has `{word}`", form.as_str());
        }
        let read = read(*form, &zip);
        let said = |id: &str| {
            read.said.iter().find(|said| said.conversation == "c-1" && said.id == id).unwrap()
        };
        let hidden = said("m2");
        assert_eq!((hidden.text.as_str(), hidden.files.len()), ("", 0));
        assert_eq!(hidden.withheld, "sender: redacted, body: redacted");
        assert!(has(&bytes, "redacted"), "{}", form.as_str());
        // The versions around one that is hidden stand there.
        assert_eq!((said("e1").text.as_str(), said("e2").text.as_str()), ("we refund 263", ""));
        assert_eq!(said("m4").text, "we refund 236");
    }
    // The page and the photo of the hidden message, whose bytes are in the bundle for the other chat's sake.
    let read = read(Form::Rsmf, &chats.made(Form::Rsmf, &for_the_other_side(&rules)));
    let events = |manifest: &serde_json::Value| manifest["events"].as_array().unwrap().clone();
    let hidden = read.raw.iter().flat_map(events).find(|event| event["id"] == "m2").unwrap();
    assert!(hidden["attachments"].is_null(), "{hidden}");
    assert_eq!(hidden["participant"], "customer?");
    let edited = read.raw.iter().flat_map(events).find(|event| event["id"] == "m4").unwrap();
    assert_eq!(edited["body"], "we refund 263");
    let [_, hidden] = edited["edits"].as_array().unwrap().as_slice() else { panic!("{edited}") };
    assert_eq!((&hidden["previous"], hidden["new"].is_null()), (&"we refund 263".into(), true));
}

#[test]
fn what_lies_outside_of_the_time_asked_for_has_its_place_and_nothing_else() {
    let chats = Chats::new();
    let to = parse_time("2026-01-03T10:00:00+08:00");
    let disclosure = Disclosure { to, ..all() };
    for form in Form::VARIANTS {
        let zip = chats.made(*form, &disclosure);
        let read = read(*form, &zip);
        let count: usize = chats.records.values().map(Vec::len).sum();
        assert_eq!(read.said.len(), count, "{}", form.as_str());
        let later = read.said.iter().filter(|said| said.withheld.contains("range"));
        assert!(later.clone().count() > 10 && later.clone().all(|said| said.text.is_empty()));
        assert!(!has(&bytes_of(*form, &zip), "slow"), "{}", form.as_str());
    }
}

/// Its place stays, with which side wrote it; no form knows more of it.
#[test]
fn what_was_erased_is_gone_from_every_form() {
    let mut chats = Chats::new();
    let records = chats.records.get_mut("c-1").unwrap();
    let place = records.iter().position(|record| record.event.id == "ra").unwrap();
    records[place] = records[place].erased_at(records[place].received_at, "asked by the customer");
    let (seq, leaf) = (records[place].seq.0, records[place].leaf.to_string());
    chats.records.retain(|name, _| name == "c-1");
    for form in Form::VARIANTS {
        let zip = chats.made(*form, &all());
        let bytes = bytes_of(*form, &zip);
        for word in ["slow", "but kind", "asked by the customer"] {
            assert!(!has(&bytes, word), "{} has `{word}`", form.as_str());
        }
        let read = read(*form, &zip);
        let erased = read.said.iter().find(|said| said.seq == seq).unwrap();
        assert_eq!((erased.kind.as_str(), &erased.leaf), ("rate", &leaf));
        assert_eq!(erased.withheld, "sender: erased, body: erased, meta: erased");
        assert!(has(&bytes, "customer?"), "{}", form.as_str());
    }
}

/// Nothing names the conversation then; it is still one, by its thread.
#[test]
fn a_conversation_whose_name_is_withheld_is_called_by_its_thread() {
    let chats = Chats::new();
    let rules = [Redaction::parse("sender,body,meta").unwrap()];
    for form in Form::VARIANTS {
        let zip = chats.made(*form, &for_the_other_side(&rules));
        let bytes = bytes_of(*form, &zip);
        assert!(!has(&bytes, "c-1") && !has(&bytes, "Ann"), "{}", form.as_str());
        let read = read(*form, &zip);
        assert!(read.said.iter().all(|said| said.conversation.len() == 32), "{}", form.as_str());
        let thread = hex::encode(&chats.records["c-1"][0].leaf.0[..16]);
        assert!(read.said.iter().any(|said| said.conversation == thread));
    }
    let read = read(Form::Vcon, &chats.made(Form::Vcon, &for_the_other_side(&rules)));
    assert_eq!(text(&read.raw[0]["parties"][0]["name"]), "anonymous");
}
