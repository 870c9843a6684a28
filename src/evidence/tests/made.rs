//! Bundles that nobody has touched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::sample::{Log, event, request, verify_py};
use crate::evidence::spec::Custody;
use crate::evidence::{EvidenceRequest, Held, Redaction, read_vkey, verify};
use crate::ledger::LedgerKey;
use crate::model::{Audience, Micros, Seen};

fn held(log: &Log) -> Held {
    Held { vkey: Some(format!("{}\n", log.vkey())), checkpoint: None }
}

/// Both verifiers, on the zip and on the folder that others unpack from it.
#[test]
fn both_verifiers_believe_what_was_made() {
    let log = Log::new();
    let zip = log.zip("case.zip", &request(&["c-林/1", "c2"]));
    let verdict = verify(&zip, &held(&log)).unwrap();
    assert_eq!((verdict.failed_step(), verdict.holds.len()), (None, 7), "{verdict:?}");
    let (code, said) = verify_py(&[zip.to_str().unwrap(), "--vkey", &log.vkey()]);
    assert_eq!(code, 0, "{said}");
    for (step, sentence) in verdict.holds.iter().enumerate() {
        assert!(said.contains(&format!("step {} holds: ", step + 1)), "{said}");
        assert!(step == 6 || said.contains(sentence.as_str()), "{sentence}\n{said}");
    }
    let unpacked = log.folder.path().join("unpacked");
    zip::ZipArchive::new(std::fs::File::open(&zip).unwrap()).unwrap().extract(&unpacked).unwrap();
    let folder = std::fs::read_dir(&unpacked).unwrap().next().unwrap().unwrap().path();
    let verdict = verify(&folder, &held(&log)).unwrap();
    assert_eq!(verdict.failed_step(), None, "{verdict:?}");
    let (code, said) = verify_py(&[folder.to_str().unwrap(), "--vkey", &log.vkey()]);
    assert_eq!(code, 0, "{said}");
}

/// A mistyped key looked like the seal of somebody else.
#[test]
fn what_is_no_key_gives_no_verdict() {
    let log = Log::new();
    let zip = log.zip("case.zip", &request(&["c2"]));
    let (key, folder) = (log.vkey(), log.folder.path());
    let (good, other) = (folder.join("key"), folder.join("no-key"));
    std::fs::write(&good, format!("\n{key}\n\n")).unwrap();
    std::fs::write(&other, "a letter from the bank\n").unwrap();
    let judged = |given: &str| verify_py(&[zip.to_str().unwrap(), "--vkey", given]);
    assert_eq!(judged(good.to_str().unwrap()).0, 0);
    assert_eq!(read_vkey(&format!("\n{key} ")), Some(format!("{key}\n")));
    let cut = &key[..key.len() - 1];
    let renamed = key.replacen("shop.example", "shop.exampel", 1);
    // One took this for white space, which it is in Python alone; and this, which no file of a key has.
    let [separated, wide] = ['\u{1f}', '\u{2003}'].map(|char| format!("{key}{char}"));
    let other = other.to_str().unwrap();
    for given in ["", "nonsense", cut, &renamed, &separated, &wide, other, "/nowhere/key"] {
        assert_eq!(read_vkey(given), None, "{given}");
        let (code, said) = judged(given);
        assert!(code == 2 && said.contains("nothing could be checked"), "{given}: {said}");
    }
    // A key of small order, under which anything seems signed.
    let weak = [&[1, 1][..], &[0; 31]].concat();
    let id = Sha256::digest([&b"shop.example/log\n"[..], &weak].concat());
    let weak = format!("shop.example/log+{}+{}", hex::encode(&id[..4]), STANDARD.encode(&weak));
    assert_eq!((read_vkey(&weak), judged(&weak).0), (None, 2));
    // One that is somebody's did not seal this bundle.
    let other = LedgerKey::from_bytes("shop.example/log", &[8; 32]).unwrap().public().to_string();
    let vkey = read_vkey(&other);
    let verdict = verify(&zip, &Held { vkey, checkpoint: None }).unwrap();
    assert_eq!((verdict.failed_step(), judged(&other).0), (Some(1), 11), "{verdict:?}");
}

/// The checkpoint that somebody kept is read before anything is judged.
#[test]
fn what_is_no_checkpoint_of_the_reader_gives_no_verdict() {
    let log = Log::new();
    let zip = log.zip("case.zip", &request(&["c2"]));
    let kept = log.folder.path().join("checkpoint");
    std::fs::write(&kept, b"\xff\n").unwrap();
    for given in [kept.to_str().unwrap(), "/nowhere/checkpoint", ""] {
        let (code, said) = verify_py(&[zip.to_str().unwrap(), "--checkpoint", given]);
        assert!(code == 2 && said.contains("nothing could be checked"), "{given}: {said}");
    }
}

/// A folder whose name has a line feed in it made one line of the manifest look like two: a file that
/// was taken away was not missed.
#[test]
fn a_name_with_a_line_in_it_stands_for_no_other_file() {
    use std::fs;
    let log = Log::new();
    let zip = log.zip("lines.zip", &request(&["c2"]));
    let unpacked = log.folder.path().join("lines");
    zip::ZipArchive::new(fs::File::open(&zip).unwrap()).unwrap().extract(&unpacked).unwrap();
    let folder = fs::read_dir(&unpacked).unwrap().next().unwrap().unwrap().path();
    let tags = fs::read_to_string(folder.join("tagmanifest-sha256.txt")).unwrap();
    let sum =
        |name: &str| tags.lines().find(|line| line.ends_with(name)).unwrap()[..64].to_string();
    let between = format!("custody/custody.jsonl\n{}  custody", sum("custody/environment.json"));
    let kept = fs::read(folder.join("custody/custody.jsonl")).unwrap();
    fs::remove_file(folder.join("custody/custody.jsonl")).unwrap();
    fs::remove_file(folder.join("custody/environment.json")).unwrap();
    fs::create_dir_all(folder.join(&between)).unwrap();
    fs::write(folder.join(&between).join("environment.json"), kept).unwrap();
    let verdict = verify(&folder, &held(&log)).unwrap();
    assert_eq!(verdict.failed_step(), Some(1), "{verdict:?}");
    let (code, said) = verify_py(&[folder.to_str().unwrap(), "--vkey", &log.vkey()]);
    assert_eq!(code, 11, "{said}");
}

#[test]
fn what_is_withheld_is_there_as_commitments() {
    let log = Log::new();
    let mut request = request(&["c-林/1"]);
    request.from = Some("2026-01-03T02:13:30+08:00".to_string());
    request.redact = vec![
        Redaction::parse("sender@role:customer").unwrap(),
        Redaction::parse("body@message:m4").unwrap(),
    ];
    let zip = log.zip("withheld.zip", &request);
    let verdict = verify(&zip, &held(&log)).unwrap();
    assert_eq!(verdict.failed_step(), None, "{verdict:?}");
    let (code, said) = verify_py(&[zip.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("which only the bundle says"), "{said}");
    let bytes = std::fs::read(&zip).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("SUM(A1)") && holds("customer?"));
    for hidden in ["careful", "杯子碎了", "refund 236", "refund 263", "customer-1"] {
        assert!(!holds(hidden), "{hidden}");
    }
    request.with_private = true;
    request.redact.clear();
    let bytes = std::fs::read(log.zip("private.zip", &request)).unwrap();
    assert!(bytes.windows(7).any(|window| window == b"careful"));
}

/// Tags, assignments, the reasons of holds and erasures were in bundles for the other side, though no transcript
/// shows them.
#[test]
fn the_other_side_gets_of_a_bundle_what_it_gets_of_a_transcript() {
    let of = |id: &str, kind: &str, role: &str, more| event("c", id, kind, role, more);
    let mut log = Log::of(vec![
        of("o", "open", "customer", json!({})),
        of("m", "message", "customer", json!({"text": "the cup is broken"})),
        of("t", "tag", "human", json!({"category": "suspected-fraud"})),
        of("a", "assign", "human", json!({"assignee": "agent-zhou"})),
        of("q", "pause", "human", json!({"text": "for the specialists"})),
        of("n", "message", "human", json!({"text": "careful", "visibility": "private"})),
        of("nr", "read", "bot", json!({"target": "n"})),
        of("h", "hold", "human", json!({"text": "a chargeback is coming"})),
        of("x", "erase", "human", json!({"target": "m", "text": "she named her cousin"})),
        of("y", "message", "human", json!({"text": "we look into it"})),
    ]);
    log.records[1] = log.records[1].erased_at(Micros(9), "she named her cousin");
    log.records[5] = log.records[5].erased_at(Micros(9), "it named her cousin");
    let bytes_of = |with_private| {
        let request = EvidenceRequest { with_private, ..request(&["c"]) };
        let zip = log.zip("own.zip", &request);
        let verdict = verify(&zip, &held(&log)).unwrap();
        assert_eq!(verdict.failed_step(), None, "{verdict:?}");
        let (code, said) = verify_py(&[zip.to_str().unwrap(), "--vkey", &log.vkey()]);
        assert_eq!(code, 0, "{said}");
        std::fs::read(&zip).unwrap()
    };
    let holds = |bytes: &[u8], words: &str| {
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    };
    let (other_side, shop) = (bytes_of(false), bytes_of(true));
    let seen = Seen::by(Audience::OtherSide, &log.records);
    let seen: Vec<&str> = seen.records.iter().map(|record| record.event.id.as_str()).collect();
    assert_eq!(seen, ["o", "m", "y"]);
    for record in log.records.iter().filter(|record| record.salt.is_some()) {
        let id = format!(r#"\"id\":\"{}\",\"kind\""#, record.event.id);
        assert_eq!(holds(&other_side, &id), seen.contains(&record.event.id.as_str()), "{id}");
        assert!(holds(&shop, &id), "{id}");
    }
    for hidden in ["suspected-fraud", "agent-zhou", "specialists", "chargeback is", "cousin"] {
        assert!(!holds(&other_side, hidden), "{hidden}");
        assert!(holds(&shop, hidden), "{hidden}");
    }
    // Of the two that were erased the other side knew one.
    assert!(holds(&other_side, "\"erased\":3") && holds(&other_side, "\"private\":21"));
}

/// What is to be hidden is hidden, as much as is said and nothing else, or there is no bundle.
#[test]
fn a_rule_hides_what_it_names_or_makes_no_bundle() {
    let log = Log::new();
    let made = |rules: &[&str]| {
        let mut request = request(&["c-林/1", "c2"]);
        request.redact = rules.iter().map(|rule| Redaction::parse(rule).unwrap()).collect();
        log.bundle(&request, &log.newest())
    };
    // The message, its edit and its retraction, of one of the two conversations that have one of this id.
    let one = made(&["body@message:c-林/1/m4"]).unwrap();
    assert_eq!(one.redacted.unwrap().to_string(), "3 parts of 3 records");
    let two = made(&["body@message:c-林/1/m4", "sender,body@message:c2/m4"]).unwrap();
    assert_eq!(two.redacted.unwrap().to_string(), "9 parts of 6 records");
    assert_eq!(made(&[]).unwrap().redacted, None);
    for (rule, said) in [
        ("body@message:nosuch", "no record"),
        ("body@message:c2/nosuch", "no record"),
        ("body@sender:nobody", "no record"),
        ("body@message:m4", "write CONVERSATION/ID"),
    ] {
        let error = made(&["body@message:c2/m4", rule]).err().unwrap().to_string();
        assert!(error.contains(&format!("`{rule}`")) && error.contains(said), "{error}");
    }
}

/// The id of a note was in the meta of what answered it, and so in three files for the bank.
#[test]
fn no_answer_names_the_note_that_it_answers() {
    let of = |id: &str, role: &str, more| event("c", id, "message", role, more);
    let log = Log::of(vec![
        of("m", "customer", json!({"text": "the cup is broken"})),
        of("NOTE-ID", "human", json!({"text": "careful", "visibility": "private"})),
        of("y", "human", json!({"text": "we look into it", "reply_to": "NOTE-ID"})),
        of("z", "human", json!({"text": "we refund 236", "reply_to": "m"})),
    ]);
    for with_private in [false, true] {
        let mut request = EvidenceRequest { with_private, ..request(&["c"]) };
        let zip = log.zip("answers.zip", &request);
        let verdict = verify(&zip, &held(&log)).unwrap();
        assert_eq!(verdict.failed_step(), None, "{verdict:?}");
        let (code, said) = verify_py(&[zip.to_str().unwrap(), "--vkey", &log.vkey()]);
        assert_eq!(code, 0, "{said}");
        let bytes = std::fs::read(&zip).unwrap();
        let holds = |words: &str| bytes.windows(words.len()).any(|part| part == words.as_bytes());
        assert_eq!(holds("NOTE-ID"), with_private);
        assert!(holds("we look into it") && holds("\\\"reply_to\\\":\\\"m\\\""));
        // Of the note all three parts, and of the answer its meta.
        assert_eq!(holds("\"withheld\":{\"private\":4}"), !with_private);
        // Whoever hides the meta anyway says so.
        request.redact = vec![Redaction::parse("meta@message:y").unwrap()];
        let bytes = std::fs::read(log.zip("hidden.zip", &request)).unwrap();
        let holds = |words: &str| bytes.windows(words.len()).any(|part| part == words.as_bytes());
        let withheld = if with_private { "" } else { "\"private\":3," };
        assert!(holds(&format!("\"withheld\":{{{withheld}\"redacted\":1}}")));
    }
}

/// A stranger's copy names the customer nowhere, and tells nothing of the machine but what checks need.
#[test]
fn whoever_is_hidden_is_nowhere_in_the_bundle() {
    let log = Log::of(vec![
        event("c", "o", "open", "human", json!({"customer": "customer-1"})),
        event("c", "m", "message", "customer", json!({"text": "it is broken"})),
        event("c", "j", "join", "human", json!({"customer": "neighbour-2"})),
    ]);
    for (rule, also_hidden) in [("sender@role:customer", true), ("sender@sender:customer-1", false)]
    {
        let mut request = request(&["c"]);
        request.customers = vec!["customer-1".to_string()];
        request.redact = vec![Redaction::parse(rule).unwrap()];
        let zip = log.zip("stranger.zip", &request);
        let verdict = verify(&zip, &held(&log)).unwrap();
        assert_eq!(verdict.failed_step(), None, "{verdict:?}");
        assert_eq!(verify_py(&[zip.to_str().unwrap()]).0, 0);
        let bytes = std::fs::read(&zip).unwrap();
        let holds =
            |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(!holds("customer-1") && holds("it is broken"), "{rule}");
        assert_eq!(holds("neighbour-2"), !also_hidden, "{rule}");
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert!(!holds(kernel.trim()) && !holds("config_sha256"));
    }
}

#[test]
fn a_log_goes_on_from_what_the_other_side_holds() {
    let log = Log::new();
    for size in 1..=log.records.len() {
        let since = log.checkpoint(size).note;
        let mut request = request(&["c2"]);
        request.since = Some(since.clone());
        let zip = log.zip("since.zip", &request);
        let held = Held { checkpoint: Some(since.clone()), ..held(&log) };
        let verdict = verify(&zip, &held).unwrap();
        assert_eq!(verdict.failed_step(), None, "{size}: {verdict:?}");
        if size % 5 == 0 {
            let file = log.folder.path().join("since");
            std::fs::write(&file, since).unwrap();
            let (code, said) =
                verify_py(&[zip.to_str().unwrap(), "--checkpoint", file.to_str().unwrap()]);
            assert_eq!(code, 0, "{said}");
        }
    }
    let without = log.zip("without.zip", &request(&["c2"]));
    let earlier = Held { checkpoint: Some(log.checkpoint(3).note), ..held(&log) };
    assert_eq!(verify(&without, &earlier).unwrap().failed_step(), Some(3));
}

/// The same records make the same bytes, in whatever pages they are read; only who asked, and when, is
/// elsewhere.
#[test]
fn the_same_order_makes_the_same_bytes() {
    let log = Log::new();
    let request = request(&["c-林/1", "c2"]);
    let made = |custody: &Custody, now| {
        let bundle = log.bundle_by(&request, &log.newest(), custody, Micros(now)).unwrap();
        let mut bytes = Vec::new();
        bundle.zip.write(&mut bytes).unwrap();
        bytes
    };
    let ann = Custody { who: "ann".to_string(), ..Custody::default() };
    assert!(made(&ann, 5_000_000) == made(&ann, 5_000_000));
    assert!(made(&ann, 5_000_000) != made(&ann, 6_000_000));
}

/// Pages, and a proof with many leaves.
#[test]
fn a_long_conversation_is_one_bundle() {
    let log = Log::long(1_500);
    let zip = log.zip("long.zip", &request(&["long"]));
    let verdict = verify(&zip, &held(&log)).unwrap();
    assert_eq!(verdict.failed_step(), None, "{verdict:?}");
    assert!(verdict.holds[3].contains("the 1500 records"), "{verdict:?}");
    let (code, said) = verify_py(&[zip.to_str().unwrap(), "--vkey", &log.vkey()]);
    assert_eq!(code, 0, "{said}");
}

/// A record that says something else than its sender was told is in no bundle.
#[test]
fn what_was_altered_is_not_exported() {
    let mut log = Log::new();
    log.records[3].event.text = Some("we never said so".to_string());
    let error = log.bundle(&request(&["c-林/1"]), &log.newest()).err().unwrap();
    assert!(error.to_string().contains("does not have the leaf"), "{error}");
}

/// What was erased keeps its place, and when that was stands beside it; why is the shop's own.
#[test]
fn what_was_erased_leaves_the_rest_provable() {
    let mut log = Log::new();
    log.records[3] = log.records[3].erased_at(Micros(9), "asked by the customer");
    let zip = log.zip("erased.zip", &request(&["c-林/1"]));
    let verdict = verify(&zip, &held(&log)).unwrap();
    assert_eq!(verdict.failed_step(), None, "{verdict:?}");
    let told = "(records with parts withheld: 1 as erased, 1 as private)";
    assert!(verdict.holds[5].contains(told), "{verdict:?}");
    let (code, said) = verify_py(&[zip.to_str().unwrap()]);
    assert!(code == 0 && said.contains(told), "{said}");
    let bytes = std::fs::read(&zip).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(!holds("asked by the customer") && !holds("杯子碎了"));
}

/// What leaves or changes between counting and copying breaks the bundle off: no other bytes go out under a
/// sum that was sealed.
#[test]
fn a_file_that_changes_under_the_bundle_breaks_it_off() {
    let log = Log::new();
    let bundle = log.bundle(&request(&["c2"]), &log.newest()).unwrap();
    let photo = log.kept.values().find(|path| std::fs::read(path).unwrap() == b"photo").unwrap();
    std::fs::write(photo, b"PHOTO").unwrap();
    let error = bundle.zip.write(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("000001.bin` changed"), "{error}");
    std::fs::remove_file(photo).unwrap();
    assert!(bundle.zip.write(&mut Vec::new()).is_err());
}

#[test]
fn holes_are_said_where_they_are_seen() {
    let log = Log::new();
    let bundle = log.bundle(&request(&["c2"]), &log.newest()).unwrap();
    assert_eq!(bundle.holes, ["1 attachments are damaged", "1 attachments are missing"]);
    let mut bytes = Vec::new();
    bundle.zip.write(&mut bytes).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("This bundle has holes: 1 attachments are damaged") && holds("本证据包有缺口"));
}

/// What stands in the second verifier stands for the frame of the page, and is short enough to be read.
#[test]
fn the_second_verifier_fits() {
    let script = include_str!("../texts/verify.py");
    let head: Vec<&str> = super::super::copies::PAGE_HEAD.lines().collect();
    let frame = format!("{}\n{}", head.join("\n"), super::super::copies::PAGE_END.trim_end());
    let sum = hex::encode(Sha256::digest(frame));
    let wanted = format!("FRAME_LINES, FRAME_SHA256 = {}, \"{sum}\"", head.len());
    assert!(script.contains(&wanted), "{wanted}");
    assert!(script.lines().count() < 250, "{} lines", script.lines().count());
}
