//! A pack is what a bank officer opens: tools of others must find it whole, and all of it readable.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::command::{Ran, command, ran};
use super::support::{Data, skipped};

const CASE: &str = "D-17";
/// What stands on every page, and is no part of what was said.
const RUNNING: [&str; 2] = ["Transcript of after-sales chat ·", "Bundle SHA-256"];

/// A message of the conversation `c-1`.
struct Said {
    id: String,
    text: String,
    is_private: bool,
    file: Option<String>,
}

fn said(id: &str, text: &str) -> Said {
    Said { id: id.to_string(), text: text.to_string(), is_private: false, file: None }
}

/// Whether the tools are there; without them the test says so.
fn has_tools() -> bool {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let are_there =
        ["qpdf", "pdftotext", "pdffonts", "pdfinfo", "pdfdetach"].iter().all(|tool| has(tool));
    if !are_there {
        skipped("qpdf and poppler-utils are not installed");
    }
    are_there
}

/// What a tool writes to stdout; it must be content.
#[track_caller]
fn tool(name: &str, arguments: &[&str]) -> String {
    let out = Command::new(name).args(arguments).output().unwrap();
    assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A bundle as far as a pack reads it.
fn bundle(
    data: &Data,
    messages: &[Said],
    pictures: &[Vec<u8>],
) -> (PathBuf, BTreeMap<String, Vec<u8>>) {
    let rows: Vec<Value> =
        messages.iter().enumerate().map(|(number, message)| row(number, message)).collect();
    bundle_of(data, &rows, &json!({}), pictures)
}

/// The line of a message.
fn row(number: usize, message: &Said) -> Value {
    let role = if number.is_multiple_of(2) { "customer" } else { "human" };
    let file = message.file.iter();
    let files: Vec<Value> = file
        .map(|sha256| json!({"bytes": 5, "media_type": "image/png", "name": "cup.png", "sha256": sha256}))
        .collect();
    let visibility = if message.is_private { "private" } else { "public" };
    let sender = json!({"id": format!("{role}-1"), "name": "佳怡", "role": role});
    let said = json!({"attachments": files, "text": message.text});
    let about = json!({"id": message.id, "kind": "message", "visibility": visibility});
    row_of(number, 2, sender, said, about)
}

fn row_of(number: usize, kind: u8, sender: Value, body: Value, mut about: Value) -> Value {
    let usual = json!({"automatic": false, "conversation": "c-1", "order": "FL1", "origin": "live",
        "shop": "demo", "visibility": "public"});
    for (name, value) in usual.as_object().unwrap() {
        if about.get(name).is_none() {
            about[name] = value.clone();
        }
    }
    let part = |canonical: Value| json!({"canonical": canonical.to_string(), "salt": "00"});
    json!({
        "kind": kind, "leaf": leaf_of(number), "prev": "00",
        "received_at_us": 1_767_900_000_000_000_i64 + number as i64 * 1_000_000,
        "seq": number + 1, "thread": "00", "zone": "+08:00",
        "parts": {"sender": part(sender), "body": part(body), "meta": part(about)},
    })
}

fn leaf_of(number: usize) -> String {
    hex::encode(Sha256::digest(number.to_string()))
}

/// The same row, of which nothing is disclosed.
fn withheld(mut row: Value, why: &str, role: Option<&str>) -> Value {
    for part in ["sender", "body", "meta"] {
        row["parts"][part] = json!({"commitment": "00", "why": why});
    }
    if let Some(role) = role {
        row["parts"]["sender"]["role"] = json!(role);
    }
    row
}

/// A bundle of these rows, and what it says of itself.
fn bundle_of(
    data: &Data,
    rows: &[Value],
    completeness: &Value,
    pictures: &[Vec<u8>],
) -> (PathBuf, BTreeMap<String, Vec<u8>>) {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let custody = json!({"what": "exported", "from": "2026-03-01T10:00:00.000000Z", "who": "anna"});
    let mut files = BTreeMap::from([
        ("data/messages.jsonl".to_string(), lines.into_bytes()),
        ("data/messages.csv".to_string(), b"for people".to_vec()),
        ("proofs/checkpoint".to_string(), "verbatim/demo\n9\nroot=\n\n— key sig\n".into()),
        ("proofs/proof.json".to_string(), b"{\"hashes\":[]}".to_vec()),
        ("custody/custody.jsonl".to_string(), format!("{custody}\n").into_bytes()),
        ("bundle.sig".to_string(), b"signed".to_vec()),
    ]);
    if *completeness != json!({}) {
        let name = "custody/completeness.json".to_string();
        files.insert(name, completeness.to_string().into_bytes());
    }
    for (number, picture) in pictures.iter().enumerate() {
        files.insert(format!("data/attachments/{:06}.bin", number + 1), picture.clone());
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in &files {
        zip.start_file(format!("{CASE}/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    (data.file("case.zip", zip.finish().unwrap().into_inner()), files)
}

fn pack(bundle: &Path, out: &Path, more: &[&str]) -> Ran {
    let mut pack = command();
    pack.args(["evidence", "pack"])
        .arg(bundle)
        .args(["--case", CASE, "--format", "json", "--force", "--out"]);
    pack.arg(out).args(["--zone", "Asia/Shanghai"]).args(more);
    ran(pack)
}

#[track_caller]
fn report(ran: &Ran) -> Value {
    ran.assert_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What a document says, without spaces and without what stands on every page.
fn text_of(pdf: &Path) -> String {
    let text = tool("pdftotext", &["-raw", pdf.to_str().unwrap(), "-"]);
    let lines = text.split(['\n', '\u{c}']);
    let lines = lines.filter(|line| !RUNNING.iter().any(|running| line.starts_with(running)));
    lines.flat_map(str::chars).filter(|char| !char.is_whitespace()).collect()
}

fn pages_of(pdf: &Path) -> u64 {
    let info = tool("pdfinfo", &[pdf.to_str().unwrap()]);
    let pages = info.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap();
    pages.trim().parse().unwrap()
}

/// A PNG of noise, which no compression shortens.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut pixel = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut raw = Vec::new();
    for _ in 0..height {
        raw.push(0);
        raw.extend((0..width * 3).map(|_| pixel()));
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], bytes: &[u8]| {
        png.extend((bytes.len() as u32).to_be_bytes());
        let body = [name, bytes].concat();
        png.extend(&body);
        png.extend(crc32(&body).to_be_bytes());
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    chunk(b"IHDR", &header);
    chunk(b"IDAT", &stored(&raw));
    chunk(b"IEND", b"");
    png
}

/// A zlib stream of stored blocks.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = bytes.chunks(65_535).collect();
    for (number, block) in blocks.iter().enumerate() {
        out.push(u8::from(number + 1 == blocks.len()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(*block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let crc = crc ^ u32::from(*byte);
        (0..8).fold(crc, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn a_pack_is_an_archivable_document_that_says_everything_that_was_said() {
    if !has_tools() {
        return;
    }
    let data = Data::new();
    let picture = noise(40, 30);
    let sha256 = hex::encode(Sha256::digest(&picture));
    let long: String = (0..200).map(|line| format!("第{line}行 of a long message\n")).collect();
    let mut messages = vec![
        said("m1", "你好，我收到的杯子碎了。My cup arrived broken."),
        said("m2", "我这边给您承诺：1月9日之前退款428元"),
        said("m3", "thanks 🙂👩\u{200d}🔧 ok\u{200b}? 𠮷"),
        said("m4", &"x".repeat(900)),
        said("m5", long.trim_end()),
        said("m6", "the last"),
    ];
    messages[0].file = Some(sha256.clone());
    let (bundle, files) = bundle(&data, &messages, &[picture]);
    let out = data.beside("pack");
    let made = report(&pack(&bundle, &out, &["--profile", "print"]));
    let pdf = out.join("pack.pdf");
    let path = pdf.to_str().unwrap();

    tool("qpdf", &["--check", path]);
    let bytes = std::fs::read(&pdf).unwrap();
    let raw = String::from_utf8_lossy(&bytes);
    assert!(
        raw.contains("<pdfaid:part>3</pdfaid:part>") && raw.contains("<pdfaid:conformance>U<"),
        "PDF/A-3u"
    );
    assert!(!raw.contains("/Collection") && !raw.contains("/URI"), "no portfolio, no links");
    let fonts = tool("pdffonts", &[path]);
    for font in fonts.lines().skip(2) {
        let yes = font.split_whitespace().filter(|word| *word == "yes").count();
        assert_eq!(yes, 3, "embedded, subset, Unicode: {font}");
    }
    assert!(fonts.lines().count() > 2);
    assert_eq!(pages_of(&pdf), made["pages"].as_u64().unwrap());

    let text = text_of(&pdf);
    let mut at = 0;
    for message in &messages {
        let wanted: String = message.text.chars().filter(|char| !char.is_whitespace()).collect();
        let found = text[at..].find(&wanted);
        at += found.unwrap_or_else(|| panic!("`{}` is not there in its place: {text}", message.id));
    }
    let whole = tool("pdftotext", &["-layout", path, "-"]);
    let hash = hex::encode(Sha256::digest(std::fs::read(&bundle).unwrap()));
    for page in whole.split('\u{c}').filter(|page| !page.trim().is_empty()) {
        assert!(page.contains(&hash), "each page names the bundle: {page}");
    }
    let squeezed: String = whole.chars().filter(|char| !char.is_whitespace()).collect();
    for page in 1..=made["pages"].as_u64().unwrap() {
        assert!(squeezed.contains(&format!("{hash}{page}/{}", made["pages"])), "{whole}");
    }
    let both = "2026-01-09 03:20:00.000 +08:00 = 2026-01-08 19:20:00.000 UTC";
    assert!(whole.contains(both), "{whole}");

    let inside = data.beside("inside");
    std::fs::create_dir(&inside).unwrap();
    tool("pdfdetach", &["-saveall", "-o", inside.to_str().unwrap(), path]);
    let embedded = made["embedded"].as_array().unwrap();
    assert_eq!(embedded.len(), 5, "{embedded:?}");
    assert_eq!(embedded[0], "data/messages.jsonl");
    for name in embedded {
        let name = name.as_str().unwrap();
        let saved = std::fs::read(inside.join(name.replace('/', "-"))).ok();
        assert!(saved.as_ref() == files.get(name), "{name}");
    }
    // The same again, to the byte.
    let again = data.beside("again.pdf");
    report(&pack(&bundle, &again, &["--profile", "print"]));
    assert!(std::fs::read(&again).unwrap() == bytes);
}

/// A bundle with the shop's own notes went whole into the document that a bank gets, as a file inside it.
#[test]
fn a_bundle_with_own_notes_travels_in_no_document() {
    let data = Data::new();
    let own = Said { is_private: true, ..said("n1", "SECRET note to ourselves") };
    let (bundle, _) = bundle(&data, &[said("m1", "the cup is broken"), own], &[]);
    for profile in ["print", "stripe"] {
        let out = data.beside(&format!("own-{profile}"));
        let made = report(&pack(&bundle, &out, &["--profile", profile]));
        assert_eq!((&made["embedded"], &made["messages"]), (&json!([]), &json!(1)), "{made}");
        let left_out = made["left_out"].to_string();
        assert!(left_out.contains("messages.jsonl") && left_out.contains("own notes"), "{made}");
        let bytes = std::fs::read(out.join("pack.pdf")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("EmbeddedFile"));
    }
}

#[test]
fn limits_are_kept_and_what_they_cost_is_said() {
    if !has_tools() {
        return;
    }
    let data = Data::new();
    let mut messages: Vec<Said> = (0..400)
        .map(|number| {
            said(
                &format!("m{number}"),
                &format!("第{number}条 message. {}", "退款 refund ".repeat(20)),
            )
        })
        .collect();
    let picture = noise(1_000, 800);
    let sha256 = hex::encode(Sha256::digest(&picture));
    messages[200].file = Some(sha256.clone());
    let (bundle, _) = bundle(&data, &messages, &[picture]);
    let out = data.beside("wave.pdf");
    let wave = ["--profile", "wave", "--messages", "m200", "--context", "150"];
    let made = report(&pack(&bundle, &out, &wave));
    assert!(pages_of(&out) <= 18, "{made}");
    let context = made["context"].as_u64().unwrap();
    assert!((20..150).contains(&context), "{made}");
    assert_eq!(made["messages_shown"].as_u64(), Some(2 * context + 1));
    let what = made["left_out"][0]["what"].as_str().unwrap();
    assert!(what.contains("not 150"), "{made}");
    let text = text_of(&out);
    assert!(text.contains("Leftoutofthisdocument") && text.contains("not150"), "it says so itself");
    assert!(text.contains(&format!("[{}messageshereleftout;allareinthebundle]", 200 - context)));

    // Noise takes 2.4 MB.
    let shopify = data.beside("shopify.pdf");
    let made = report(&pack(&bundle, &shopify, &["--profile", "shopify", "--words", "第200条"]));
    assert!(std::fs::metadata(&shopify).unwrap().len() <= 2_000_000);
    let left: Vec<&Value> = made["left_out"].as_array().unwrap().iter().collect();
    assert!(left.iter().any(|left| left["sha256"] == sha256.as_str()), "{made}");
    assert!(text_of(&shopify).contains(&sha256));

    let stripe = data.beside("stripe");
    report(&pack(
        &bundle,
        &stripe,
        &["--profile", "stripe", "--messages", "m10", "--context", "40"],
    ));
    let field = std::fs::read_to_string(stripe.join("uncategorized_text.txt")).unwrap();
    assert!(field.chars().count() <= 20_000 && field.contains("第10条"), "{field}");
    let fields: Value =
        serde_json::from_slice(&std::fs::read(stripe.join("fields.json")).unwrap()).unwrap();
    assert_eq!(fields["uncategorized_text"], field);

    let all: Vec<String> = (0..400).map(|number| format!("m{number}")).collect();
    let too_much = pack(&bundle, &out, &["--profile", "wave", "--messages", &all.join(",")]);
    too_much.assert_code(2);
    too_much.assert_stderr_has("`wave` takes 18 pages");
    for (more, complaint) in [
        (&["--messages", "m9999"][..], "m9999"),
        (&["--words", "unsaid"][..], "no message that the bundle shows has `unsaid`"),
    ] {
        let nothing = pack(&bundle, &out, more);
        nothing.assert_code(1);
        nothing.assert_stderr_has(complaint);
    }
    for (more, complaint) in [
        (&["--words", "第200条 \""][..], "\n  第200条 \""),
        (&["--words", "order:FL1"][..], "words `order:` must be left out"),
        (&["--words", ""][..], "say what to look for"),
        (&["--font", "/dev/null"][..], "`/dev/null`"),
        (&["--context", "1001"][..], "context `1001`"),
    ] {
        let refused = pack(&bundle, &out, more);
        refused.assert_code(2);
        refused.assert_stderr_has(complaint);
    }
    let no_bundle = data.file("no.zip", "not a zip");
    pack(&no_bundle, &out, &[]).assert_stderr_has("the bundle cannot be read");
}

/// Ten erased messages left a document without a sign of them, which said that it showed `all`.
#[test]
fn what_is_not_disclosed_has_its_place_in_the_document() {
    if !has_tools() {
        return;
    }
    let data = Data::new();
    let said: Vec<Said> = (1..=6).map(|id| said(&format!("m{id}"), "the cup is broken")).collect();
    let row = |number: usize| row(number, &said[number]);
    let rows = [
        row(0),
        withheld(row(1), "erased", Some("human")),
        withheld(row(2), "private", None),
        row(3),
        withheld(row(4), "range", None),
        withheld(row(5), "range", None),
    ];
    let erased = json!({"leaf": leaf_of(1), "at": "2026-02-28T16:00:00Z"});
    let completeness = json!({"erased": [erased], "zone": "Asia/Shanghai"});
    let (bundle, _) = bundle_of(&data, &rows, &completeness, &[]);
    let out = data.beside("places.pdf");
    let made = report(&pack(&bundle, &out, &[]));
    assert_eq!((&made["messages_shown"], &made["messages"]), (&json!(2), &json!(5)), "{made}");
    assert_eq!(made["withheld"], json!({"erased": 1, "range": 2}), "{made}");
    let text = text_of(&out);
    for words in [
        "2of5messagesbetweencustomerandshop;1erased",
        "共5条消息，收录2条；1条已删除",
        "no.2:human?erased",
        "2026-03-0100:00:00+08:00",
        "no.5to6:2messages,outsidethedaysaskedfor",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    assert!(!text.contains("no.3:") && !text.contains("all5"), "{text}");
    let stripe = data.beside("places");
    report(&pack(&bundle, &stripe, &["--profile", "stripe"]));
    let field = std::fs::read_to_string(stripe.join("uncategorized_text.txt")).unwrap();
    assert!(field.contains("[no. 2: human? erased 2026-03-01 00:00:00 +08:00]"), "{field}");

    // All of it outside of the days: no `all 0 messages`.
    let rows: Vec<Value> = (0..3).map(|number| withheld(row(number), "range", None)).collect();
    let (bundle, _) = bundle_of(&data, &rows, &json!({}), &[]);
    report(&pack(&bundle, &out, &[]));
    let text = text_of(&out);
    for words in [
        "noneof3messagesbetweencustomerandshop",
        "1thatthebundledoesnotname",
        "Aconversationthatthebundledoesnotname",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
}

/// `--words` marked whatever has one of the words, or did not know the fields.
#[test]
fn words_choose_what_a_search_finds() {
    let data = Data::new();
    let messages = [
        said("m1", "428元什么时候退？"),
        said("m2", "我承诺1月9日之前退428元"),
        said("m3", "1月9日见"),
        said("m4", "428"),
    ];
    let (bundle, _) = bundle(&data, &messages, &[]);
    let out = data.beside("words.pdf");
    for (words, more, chosen) in [
        ("1月9日 428", &[][..], &["m2"][..]),
        ("428 -承诺", &[], &["m1", "m4"]),
        ("role:customer 428", &[], &["m1"]),
        ("NOT 428", &[], &["m3"]),
        ("\"退428\" OR 见", &[], &["m2", "m3"]),
        ("FL1 承诺", &[], &["m2"]),
        ("承諾", &["--mode", "variants"], &["m2"]),
    ] {
        let made = report(&pack(&bundle, &out, &[&["--words", words], more].concat()));
        let chosen: Vec<String> = chosen.iter().map(|id| format!("c-1/{id}")).collect();
        assert_eq!(made["chosen"], json!(chosen), "{words}");
    }
    pack(&bundle, &out, &["--words", "承諾"]).assert_code(1);
}

/// Edits and retractions of imported chat stood under the minute of the import, as if they were made then.
#[test]
fn imported_chat_is_told_by_its_own_times() {
    if !has_tools() {
        return;
    }
    let data = Data::new();
    let sender = || json!({"id": "human-1", "name": "佳怡", "role": "human"});
    let told = |id: &str, kind: &str, sent_at: &str| {
        let target = if kind == "message" { Value::Null } else { json!("m1") };
        let mut about = json!({"id": id, "kind": kind, "origin": "imported", "sent_at": sent_at});
        if !target.is_null() {
            about["target"] = target;
        }
        about
    };
    let rows = [
        row_of(
            0,
            2,
            sender(),
            json!({"text": "退236"}),
            told("m1", "message", "2025-11-21T14:30:00+08:00"),
        ),
        row_of(
            1,
            3,
            sender(),
            json!({"text": "退263"}),
            told("e", "edit", "2025-11-21T14:31:25+08:00"),
        ),
        row_of(2, 4, sender(), json!({}), told("r", "retract", "2025-11-25T10:08:33+08:00")),
    ];
    let (bundle, _) = bundle_of(&data, &rows, &json!({}), &[]);
    let out = data.beside("told.pdf");
    report(&pack(&bundle, &out, &[]));
    let text = text_of(&out);
    for words in [
        "edited·已编辑2025-11-2114:31:25.000+08:00",
        "retracted·已撤回2025-11-2510:08:33.000+08:00",
        "told2025-11-25T10:08:33+08:00;received2026-01-0903:20:02.000+08:00",
        "astheoldtranscripttellsit",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    assert!(!text.contains("imported:thetimeabove"), "said once: {text}");
    // Beside a message that was received live, each says so itself.
    let (bundle, _) =
        bundle_of(&data, &[&rows[..], &[row(3, &said("m4", "ok"))]].concat(), &json!({}), &[]);
    report(&pack(&bundle, &out, &[]));
    assert_eq!(text_of(&out).matches("imported:thetimeabove").count(), 3);
}
