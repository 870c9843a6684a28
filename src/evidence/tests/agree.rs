//! Bundles on which the two verifiers once differed, each made as only whoever has the log's key could.

use sha2::{Digest, Sha256};

use super::mutants::{Files, committed, files_of, pack, raw_zip, sealed};
use super::sample::{Log, event, request, verify_py};
use crate::evidence::copies::{Cells, PAGE_END, PAGE_HEAD, table_head};
use crate::evidence::hex_bytes::HexBytes;
use crate::evidence::json::{self, Json};
use crate::evidence::names::PROOF;
use crate::evidence::row::{ParsedRow, Part, Row};
use crate::evidence::verify::Proof;
use crate::evidence::{Held, verify, zip};
use crate::ledger::{Checkpoint, LedgerKey};

const MESSAGES: &str = "data/messages.jsonl";
const ATTACHMENTS: &str = "data/attachments.jsonl";
const COMPLETENESS: &str = "custody/completeness.json";

/// The step at which both refuse a bundle, 0 where both believe it; its name is the first line of a failure.
#[track_caller]
fn judged(log: &Log, name: &str, files: &Files, key: &LedgerKey) -> u8 {
    let path = log.folder.path().join("judged.zip");
    std::fs::write(&path, pack(&sealed(files.clone(), key))).unwrap();
    let verdict = verify(&path, &Held::default()).unwrap();
    let (code, said) = verify_py(&[path.to_str().unwrap()]);
    let step = verdict.failed_step().unwrap_or(0);
    let of_python = if code == 0 { 0 } else { code - 10 };
    assert_eq!(i32::from(step), of_python, "{name}\n{verdict:?}\n{said}");
    step
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

fn with_body(line: &str, body: &str) -> Row {
    let mut row: Row = json::read(line).unwrap();
    row.parts.body = Part::Disclosed { canonical: body.to_string(), salt: HexBytes([3; 16]) };
    row
}

/// One was laxer about what a file must have to be named, where it lies, and how long a line may be.
#[test]
fn what_is_no_file_and_no_line_is_refused_by_both_where_it_stands() {
    let log = Log::new();
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c2"]))).unwrap());
    let lines: Vec<String> =
        text(&good, MESSAGES).split_inclusive('\n').map(str::to_string).collect();
    let sum = "ab".repeat(32);
    let mut bodies: Vec<(String, Option<String>)> = Vec::new();
    for (file, fields) in [
        ("{\"name\":\"a.png\"}".to_string(), "\"name\":\"a.png\""),
        ("{\"name\":\"a.png\",\"sha256\":5}".to_string(), "\"name\":\"a.png\",\"sha256\":5"),
        (
            format!("[[\"name\",\"a.png\"],[\"sha256\",\"{sum}\"]]"),
            "\"name\":\"a.png\",\"sha256\":\"SUM\"",
        ),
    ] {
        let fields = fields.replace("SUM", &sum);
        let listed = format!("{{\"file\":\"missing\",\"leaf\":\"LEAF\",{fields}}}\n");
        bodies.push((format!("{{\"attachments\":[{file}],\"text\":\"a\"}}"), Some(listed)));
    }
    bodies.push((format!("{{\"text\":\"{}\"}}", "字".repeat(1_500_000)), None));
    for (body, listed) in bodies {
        let line = committed(with_body(lines[3].trim_end(), &body));
        let row: Row = json::read(line.trim_end()).unwrap();
        let mut files = good.clone();
        let messages = text(&good, MESSAGES).replacen(&lines[3], &line, 1);
        files.insert(MESSAGES.to_string(), messages.into_bytes());
        if let Some(listed) = listed {
            let listed = listed.replace("LEAF", &hex::encode(row.leaf.0));
            let all = text(&good, ATTACHMENTS) + &listed;
            files.insert(ATTACHMENTS.to_string(), all.into_bytes());
        }
        assert_eq!(judged(&log, &format!("{body:.80}"), &files, &log.key), 4, "{body:.80}");
    }
}

/// A place of 0, with the leaf that follows from it, and with the one that stood for none.
#[test]
fn no_record_stands_at_place_0() {
    let log = Log::new();
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c2"]))).unwrap());
    let first = text(&good, MESSAGES).split_inclusive('\n').next().unwrap().to_string();
    let mut row: Row = json::read(first.trim_end()).unwrap();
    let commitments = row.parts().map(|(_, part)| match part {
        Part::Disclosed { canonical, salt } => {
            Sha256::digest([&salt.0[..], canonical.as_bytes()].concat())
        }
        Part::Withheld { .. } => panic!("it is disclosed"),
    });
    row.seq = 0;
    let leaf = Sha256::new()
        .chain_update(b"\0verbatim/leaf/v2")
        .chain_update(row.thread.0)
        .chain_update(row.seq.to_be_bytes())
        .chain_update(row.prev.0)
        .chain_update(row.received_at_us.to_be_bytes())
        .chain_update([row.kind])
        .chain_update(commitments.concat());
    for leaf in [leaf.finalize().into(), [0; 32]] {
        row.leaf.0 = leaf;
        let mut files = good.clone();
        let messages = text(&good, MESSAGES).replacen(&first, &(row.line() + "\n"), 1);
        files.insert(MESSAGES.to_string(), messages.into_bytes());
        assert_eq!(judged(&log, "seq 0", &files, &log.key), 4);
    }
}

/// A bundle of a log of one record, whose meta says this.
fn of_one_record(log: &Log, meta: &str) -> Files {
    let zip = log.zip("one.zip", &request(&["c"]));
    let mut files = files_of(&std::fs::read(zip).unwrap());
    let mut row: Row = json::read(text(&files, MESSAGES).trim_end()).unwrap();
    row.parts.meta = Part::Disclosed { canonical: meta.to_string(), salt: HexBytes([3; 16]) };
    let line = committed(row);
    let read = ParsedRow::parse(line.trim_end()).unwrap();
    let cells = Cells::of(&read).unwrap();
    let leaf = read.row.leaf.0;
    let proof = Proof { hashes: Vec::new(), leaves: vec![0], size: 1 };
    let mut said = json::read_object(text(&files, COMPLETENESS).trim_end()).unwrap();
    let name = said["conversations"].list().unwrap()[0].object().unwrap()["conversation"].clone();
    let conversation = json::object([
        ("conversation", name),
        ("last_leaf", hex::encode(leaf).into()),
        ("records", 1.into()),
        ("thread", hex::encode(&leaf[..16]).into()),
    ]);
    said.insert("conversations".to_string(), Json::List(vec![Json::Object(conversation)]));
    let note = Checkpoint::sign(&log.key, 1, leaf).unwrap().note;
    let page = format!("{PAGE_HEAD}{}{PAGE_END}", cells.page_line(&read, &[]));
    let new: [(&str, Vec<u8>); 6] = [
        (MESSAGES, line.into_bytes()),
        (PROOF, (json::written(&proof) + "\n").into_bytes()),
        (COMPLETENESS, (json::written(&said) + "\n").into_bytes()),
        ("proofs/checkpoint", note.into_bytes()),
        ("data/messages.csv", [table_head(), cells.table_line()].concat()),
        ("data/transcript.html", page.into_bytes()),
    ];
    files.extend(new.map(|(name, bytes)| (name.to_string(), bytes)));
    files
}

/// In Python `True` is 1, and a text or an object without members has as much in it as a list without any.
#[test]
fn a_proof_has_the_types_of_one() {
    let text = serde_json::json!({"text": "x"});
    let log = Log::of(vec![event("c", "m", "message", "customer", text)]);
    let meta = r#"{"automatic":false,"conversation":"c","id":"m","kind":"message","shop":"shop"}"#;
    let good = of_one_record(&log, meta);
    for (proof, step) in [
        (r#"{"hashes":[],"leaves":[0],"size":1}"#, 0),
        (r#"{"hashes":[],"leaves":[0],"size":true}"#, 5),
        (r#"{"hashes":[],"leaves":[false],"size":1}"#, 5),
        (r#"{"hashes":"","leaves":[0],"size":1}"#, 5),
        (r#"{"hashes":{},"leaves":[0],"size":1}"#, 5),
        (r#"{"hashes":null,"leaves":[0],"size":1}"#, 5),
        (r#"{"hashes":[],"leaves":"0","size":1}"#, 5),
        (r#"{"hashes":[],"leaves":{"0":0},"size":1}"#, 5),
    ] {
        let mut files = good.clone();
        files.insert(PROOF.to_string(), format!("{proof}\n").into_bytes());
        assert_eq!(judged(&log, proof, &files, &log.key), step, "{proof}");
    }
}

/// One took a field whose name begins like a usual one for that one, and left it out of the copies. Cells
/// that begin with a line feed or a semicolon are guarded by both.
#[test]
fn fields_are_told_apart_by_their_whole_names() {
    let said = |text: &str| {
        Log::of(vec![event("c", "m", "message", "customer", serde_json::json!({"text": text}))])
    };
    let log = said("\n=1+1");
    let meta = |more: &str| {
        format!(
            "{{\"automatic\":false,\"conversation\":\"c\",{more}\"id\":\"m\",\"kind\":\"message\",\"shop\":\"shop\"}}"
        )
    };
    assert_eq!(judged(&log, "as it is", &of_one_record(&log, &meta("")), &log.key), 0);
    for name in ["conversation: x", "conversation: ", "e: \\n"] {
        let files = of_one_record(&log, &meta(&format!("\"{name}\":\"y\",")));
        assert_eq!(judged(&log, name, &files, &log.key), 0, "{name}");
        assert!(text(&files, "data/messages.csv").contains(": y"), "{name}");
    }
    for text_of in ["\n=1+1", ";=1+1"] {
        let log = said(text_of);
        let files = of_one_record(&log, &meta(""));
        assert_eq!(judged(&log, text_of, &files, &log.key), 0);
        assert!(text(&files, "data/messages.csv").contains(&format!("\"'{text_of}\"")));
    }
    for wrong in ["\"conversation\":5", "\"conversation\":true"] {
        let meta = meta("").replacen("\"conversation\":\"c\"", wrong, 1);
        let mut files = files_of(&std::fs::read(log.zip("one.zip", &request(&["c"]))).unwrap());
        let mut row: Row = json::read(text(&files, MESSAGES).trim_end()).unwrap();
        row.parts.meta = Part::Disclosed { canonical: meta, salt: HexBytes([3; 16]) };
        files.insert(MESSAGES.to_string(), committed(row).into_bytes());
        assert_eq!(judged(&log, wrong, &files, &log.key), 4, "{wrong}");
    }
}

/// Without Zip64 there are 65,534 entries at most; the next number means that there are more.
#[test]
fn a_zip_of_more_entries_than_its_form_counts_is_refused_by_both() {
    let log = Log::new();
    for (count, is_one) in [(65_534, true), (65_535, false)] {
        let files: Vec<(String, Vec<u8>)> =
            (0..count).map(|index| (format!("case/x{index:06}"), Vec::new())).collect();
        let path = log.folder.path().join("many.zip");
        std::fs::write(&path, raw_zip(&files)).unwrap();
        let extents = zip::extents(&mut std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(extents.is_some(), is_one, "{count}");
        let texts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/texts");
        let driver = format!(
            "import sys\nsys.path.insert(0, {texts:?})\nimport verify\nverify.unzipped({path:?})"
        );
        let python =
            std::process::Command::new("python3").args(["-B", "-c", &driver]).output().unwrap();
        assert_eq!(python.status.success(), is_one, "{count}");
    }
}

/// A key of small order seems to have signed whatever one likes: its owner could disown every word.
#[test]
fn a_key_by_which_anything_seems_signed_seals_nothing() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let log = Log::new();
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c2"]))).unwrap());
    let name = "shop.example/log";
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    let encoded = [&[1], &identity[..]].concat();
    let id = &Sha256::digest([name.as_bytes(), b"\n", &encoded].concat())[..4];
    let signature = STANDARD.encode([id, &identity[..], &[0; 32]].concat());
    let signed = |text: &str| format!("{text}\n— {name} {signature}\n").into_bytes();
    let checkpoint = log.newest().note;
    let checkpoint = &checkpoint[..checkpoint.find("\n\n").unwrap() + 1];
    let spki = STANDARD
        .encode([&hex::decode("302a300506032b6570032100").unwrap()[..], &identity].concat());
    let mut files = good.clone();
    for (file, bytes) in [
        ("proofs/checkpoint", signed(checkpoint)),
        (
            "proofs/log.vkey",
            format!("{name}+{}+{}\n", hex::encode(id), STANDARD.encode(&encoded)).into_bytes(),
        ),
        (
            "proofs/log.pub.pem",
            format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n").into_bytes(),
        ),
    ] {
        files.insert(file.to_string(), bytes);
    }
    let mut files = sealed(files, &log.key);
    let sum = hex::encode(Sha256::digest(&files["tagmanifest-sha256.txt"]));
    let seal = format!("verbatim evidence bundle v1\n{sum}\n");
    files.insert("bundle.sig".to_string(), signed(&seal));
    let path = log.folder.path().join("weak.zip");
    std::fs::write(&path, pack(&files)).unwrap();
    assert_eq!(verify(&path, &Held::default()).unwrap().failed_step(), Some(1));
    let (code, said) = verify_py(&[path.to_str().unwrap()]);
    assert_eq!(code, 11, "{said}");
}

/// What is missing, and what was erased, follows from the records: a bundle cannot say otherwise.
#[test]
fn holes_and_erasures_are_counted_again() {
    let mut log = Log::new();
    log.records[3] = log.records[3].erased_at(crate::model::Micros(9), "asked");
    let good = files_of(&std::fs::read(log.zip("good.zip", &request(&["c-林/1"]))).unwrap());
    let said = text(&good, COMPLETENESS);
    let erased = &said[said.find("\"erased\":[").unwrap()..];
    let erased = &erased[..erased.find(']').unwrap() + 1];
    let holes = &said[said.find("\"holes\":[").unwrap()..];
    let holes = &holes[..holes.find(']').unwrap() + 1];
    let first = &erased["\"erased\":[".len()..erased.len() - 1];
    assert!(holes.contains("missing") && first.contains("leaf"), "{said}");
    assert_eq!(judged(&log, "as it is", &good, &log.key), 0);
    for (from, to) in [
        (holes, "\"holes\":[]".to_string()),
        (holes, "\"holes\":{}".to_string()),
        (holes, "\"holes\":[\"1 attachments are missing\"]".to_string()),
        (erased, "\"erased\":[]".to_string()),
        (erased, "\"erased\":{}".to_string()),
        (erased, format!("\"erased\":[{first},{first}]")),
        (
            erased,
            format!(
                "\"erased\":[{}]",
                first.replace(&hex::encode(log.records[3].leaf.0), &"ab".repeat(32))
            ),
        ),
        (erased, format!("\"erased\":[{first},{{\"leaf\":null}}]")),
        (erased, format!("\"erased\":[{first},5]")),
        (erased, "\"erased\":[5]".to_string()),
        (erased, "\"erased\":[[[\"leaf\",\"x\"]]]".to_string()),
    ] {
        let mut files = good.clone();
        files.insert(COMPLETENESS.to_string(), said.replacen(from, &to, 1).into_bytes());
        assert_eq!(judged(&log, &to, &files, &log.key), 6, "{to}");
    }
}
