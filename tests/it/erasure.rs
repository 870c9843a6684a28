//! What is erased is nowhere: the whole data directory is searched for it, each file as its format
//! packs it. All else is as before, whatever is held, and wherever the process dies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Dispute};

use super::disk::Pinned;
use super::shims::CLOCK;
use super::steps::{start_to_die, start_to_die_before, start_to_list};
use super::support::{Data, Http, PATIENCE, SHOP, Server, message, sample, seeded, trials};

/// A word that nobody else says.
const SECRET: &str = "zebraquartz";
/// A part of it: who searched for what is recorded, and stays.
const PART: &str = "zebraquart";
/// A customer whom nobody else names.
pub const ANN: &str = "cust-ann-quagga";
pub const SETTINGS: &str =
    "commit_interval_ms = 50\nlog_segment_mib = 4\ncustomer_events_per_second = 1000\n";
/// What zstd frames begin with: the log's lines, and the pages of Parquet files.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The folders in which `word` is found, in whatever packing.
pub fn found_in(data: &Data, word: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in files_under(&data.path()) {
        let bytes = fs::read(&path).unwrap_or_default();
        if holds(&bytes, word) {
            let place = path.strip_prefix(data.path()).unwrap().to_str().unwrap();
            let depth = if place.starts_with("archive/") { 2 } else { 1 };
            found.insert(place.split('/').take(depth).collect::<Vec<_>>().join("/"));
        }
    }
    if terms_of(&data.path().join("index")).iter().any(|term| term.contains(word)) {
        found.insert("terms".to_string());
    }
    found
}

/// Where Ann is named. Which tokens were made stays known.
fn named_in(data: &Data) -> BTreeSet<String> {
    let mut found = found_in(data, ANN);
    found.remove("keys");
    found
}

pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    listing
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files_under(&path) } else { vec![path] }
        })
        .collect()
}

/// Whether bytes hold a word, as they are or in any zstd frame among them. (A word that comes once
/// stands in lz4 as it is.)
fn holds(bytes: &[u8], word: &str) -> bool {
    let has = |bytes: &[u8]| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let dictionary = include_bytes!("../../src/log/dictionary.ndjson");
    let unpacked = |from: usize, dictionary: &[u8]| {
        let mut unpacked = Vec::new();
        let decoder = zstd::stream::read::Decoder::with_dictionary(&bytes[from..], dictionary);
        // What follows the frame is none of it.
        let _ = decoder.unwrap().single_frame().read_to_end(&mut unpacked);
        unpacked
    };
    let frames = memchr(bytes);
    has(bytes)
        || frames.iter().any(|from| has(&unpacked(*from, b"")) || has(&unpacked(*from, dictionary)))
}

fn memchr(bytes: &[u8]) -> Vec<usize> {
    let starts = bytes.windows(4).enumerate().filter(|(_, window)| *window == ZSTD_MAGIC);
    starts.map(|(place, _)| place).collect()
}

/// Every term of the index, the marked documents' too.
fn terms_of(dir: &Path) -> Vec<String> {
    let index = tantivy::Index::open_in_dir(dir).unwrap();
    let searcher = index.reader().unwrap().searcher();
    let mut terms = Vec::new();
    for segment in searcher.segment_readers() {
        for (field, entry) in index.schema().fields() {
            if !entry.is_indexed() {
                continue;
            }
            let inverted = segment.inverted_index(field).unwrap();
            let mut stream = inverted.terms().stream().unwrap();
            while let Some((term, _)) = stream.next() {
                terms.push(String::from_utf8_lossy(term).into_owned());
            }
        }
    }
    terms
}

/// Two conversations of Ann's, one of them with an edit and a file, and some of others.
async fn chat(admin: &Http, ann: &Http) -> String {
    let photo = format!("a photo of the {SECRET}").into_bytes();
    let sha256 = hex::encode(Sha256::digest(&photo));
    assert_eq!(ann.put(&format!("/v1/attachments/{sha256}"), photo.clone()).await.status, 201);
    let said =
        |conversation: &str, id: &str, text: &str| message(conversation, id, "customer", ANN, text);
    let mut first = said("c1", "m1", &format!("my {SECRET} is broken"));
    first["sender"]["name"] = json!("Ann Quagga");
    first["attachments"] = json!([{"sha256": sha256, "name": format!("{SECRET}.png"),
        "media_type": "image/png", "bytes": photo.len()}]);
    first["data"] = json!({"note": SECRET});
    first["order"] = json!("A-1");
    let mut edit = said("c1", "e1", &format!("my {SECRET} 4711 is broken"));
    edit["kind"] = json!("edit");
    edit["target"] = json!("m1");
    for event in [&first, &edit, &said("c2", "m1", "where is my order?")] {
        assert_eq!(ann.event(event).await.status, 200);
    }
    let mut events = vec![
        message("c1", "m2", "human", "bo", "we are sorry"),
        json!({"id": "r1", "conversation": "c1", "kind": "resolve",
            "sender": {"id": "bo", "role": "human"}}),
        message("c2", "m2", "human", "bo", "on its way"),
    ];
    for other in 0..200 {
        let name = format!("other-{other}");
        events.push(message(&name, "m1", "customer", &format!("u-{other}"), "a refund, please"));
        events.push(message(&name, "m2", "human", "bo", "at once"));
    }
    admin.events(&events).await;
    let rating = json!({"id": "s1", "conversation": "c1", "kind": "rate", "rating": 2,
        "sender": {"id": ANN, "role": "customer"}});
    assert_eq!(ann.event(&rating).await.status, 200);
    admin.caught_up(true).await;
    sha256
}

/// What must not change by an erasure.
async fn figures(admin: &Http) -> BTreeMap<&'static str, String> {
    let mut figures = BTreeMap::new();
    for query in [
        "select \"offset\", seq, leaf, kind, received_at, sender_role, \"order\" from events where kind <> 'erase' order by \"offset\"",
        "select conversation, turn, outcome, nrt_ms, replier from turns order by conversation, turn",
        "select conversation, episode, messages, frt_total_ms, ended_by from episodes order by 1, 2",
        "select conversation, stint, place, agent, outcome, duration_ms from stints order by 1, 2",
        "select conversation, kind, rating, agent from ratings order by \"offset\"",
        "select conversation, count(*) from messages group by conversation order by conversation",
    ] {
        figures.insert(query, admin.sql(query).await.text());
    }
    figures
}

pub fn serve(data: &Data) -> Server {
    data.set(SETTINGS);
    Server::start(data)
}

fn erase(data: &Data, what: &[&str]) -> String {
    let ran = block_in_place(|| {
        data.run([&["erase"], what, &["--ground", "asked by the customer"]].concat())
    });
    ran.assert_code(0);
    ran.stderr
}

pub async fn until_done(admin: &Http, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let erasures = admin.get("/v1/erasures?limit=1000").await.json()["erasures"].clone();
        let erasures = erasures.as_array().unwrap().clone();
        if erasures.iter().filter(|of| of["done"].is_object()).count() >= count {
            return erasures;
        }
        let status = admin.get("/v1/status").await.text();
        assert!(since.elapsed() < PATIENCE, "not done: {erasures:?} {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_erased_is_nowhere_and_all_else_as_before() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    let sha256 = chat(&admin, &ann).await;
    let all = ["archive/changes", "archive/events", "attachments", "index", "log", "terms"];
    assert_eq!(found_in(&data, SECRET), BTreeSet::from(all.map(str::to_string)), "it can be found");
    let before = figures(&admin).await;

    let said = erase(&data, &["--message", "m1", "--conversation", "c1"]);
    assert!(said.contains("c1: 2 records, 1 attachments") && said.contains("done;"), "{said}");
    assert_eq!(found_in(&data, SECRET), BTreeSet::new());
    assert_eq!(found_in(&data, "Ann Quagga"), BTreeSet::new());
    assert_eq!(figures(&admin).await, before);

    let transcript = admin.get("/v1/conversations/c1").await;
    let records = transcript.json();
    assert_eq!(records[0]["erased"]["ground"], "asked by the customer");
    assert!(records[0]["event"].get("text").is_none() && records[0]["leaf"].is_string());
    assert_eq!(records[2]["event"]["text"], "we are sorry");
    let stream = admin.get("/v1/events?from=0").await.text();
    assert!(!transcript.text().contains(SECRET) && !stream.contains(SECRET));
    assert_eq!(admin.found(PART).await, 0);
    assert_eq!(admin.found("refund").await, 200);
    let erased = "select count(*) from messages where text is null and erased_at is not null";
    assert_eq!(admin.number(erased).await, 1);
    let path = format!("/v1/conversations/c1/events/m1/attachments/{sha256}");
    assert_eq!(admin.get(&path).await.status, 404);

    // Sent again it neither comes back nor passes for another.
    let again = message("c1", "m1", "customer", ANN, &format!("my {SECRET} is broken"));
    ann.event(&again).await.problem(410);
    let erasures = until_done(&admin, 1).await;
    let receipt = &erasures[0]["done"]["receipt"];
    assert_eq!((&receipt["records"], &receipt["attachments"]), (&json!(2), &json!(1)));
    let stores: BTreeSet<&str> = receipt["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["store"].as_str().unwrap())
        .collect();
    assert_eq!(stores, BTreeSet::from(["archive", "facts", "index"]), "{receipt}");

    assert_eq!(block_in_place(|| server.stop()), 0);
    block_in_place(|| data.succeeds(["audit"]));
    block_in_place(|| data.succeeds(["rebuild", "facts", "index", "lookup", "erasures"]));
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    assert_eq!(figures(&admin).await, before);
    assert_eq!(found_in(&data, SECRET), BTreeSet::new());
    assert_eq!(admin.get("/v1/conversations/c1").await.json()[0], records[0]);
}

/// Whoever read the log slowly held the segment open in which they stood: it was erased, and its bytes stayed on the
/// disk.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_that_was_removed_stays_open() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    // More than connections hold on their way, and than a stream reads at once.
    let text = "x".repeat(30_000);
    for batch in 0..20 {
        let ids = (0..50).map(|number| format!("m{}", batch * 50 + number));
        let said: Vec<Value> = ids.map(|id| message("c1", &id, "human", "bo", &text)).collect();
        admin.events(&said).await;
    }
    admin.caught_up(true).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    // Started again it has the records in no memory: they are read from the log's files.
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    let token = data.token(SHOP, "boss", &[Admin]);
    let asked = format!(
        "GET /v1/events?from=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let mut slow = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    slow.write_all(asked.as_bytes()).unwrap();
    let mut begin = [0; 12];
    block_in_place(|| slow.read_exact(&mut begin)).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");

    erase(&data, &["--message", "m1", "--conversation", "c1"]);
    let since = Instant::now();
    loop {
        let open = server.open_though_removed(&data.path());
        if open.is_empty() {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{open:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// G18: the content goes, the counts stay, by a pseudonym.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_was_erased_is_nowhere_and_figures_stay() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    chat(&admin, &ann).await;
    // An order's files lie under the customer's hash, and the log and keys name tokens by subject.
    let all = [
        "archive/episodes",
        "archive/events",
        "archive/ratings",
        "facts",
        "index",
        "log",
        "lookup",
        "terms",
    ];
    let named = found_in(&data, ANN);
    for place in all {
        assert!(named.contains(place), "{place}: {named:?}");
    }
    let before = figures(&admin).await;
    let said = erase(&data, &["--customer", ANN]);
    assert!(said.contains("c1: 3 records") && said.contains("c2: 1 records"), "{said}");
    assert_eq!(found_in(&data, SECRET), BTreeSet::new());
    assert_eq!(named_in(&data), BTreeSet::new());
    assert_eq!(figures(&admin).await, before);
    let customer = "select distinct customer from conversations where conversation in ('c1', 'c2')";
    let named = admin.sql(customer).await.json();
    assert_eq!(named.as_array().unwrap().len(), 1, "one pseudonym for one customer: {named}");
    assert!(named[0]["customer"].as_str().unwrap().starts_with("erased-"), "{named}");
    // Whoever comes with the same id is somebody else there.
    ann.event(&message("c1", "m9", "customer", ANN, "hello?")).await.problem(403);
    assert_eq!(block_in_place(|| server.stop()), 0);
    block_in_place(|| data.succeeds(["audit"]));
    block_in_place(|| data.succeeds(["rebuild", "facts", "index", "lookup"]));
    assert_eq!(named_in(&data), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_comes_before_an_erasure_and_each_case_is_released_for_itself() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let dispute = server.http_as(&data, "eva", &[Dispute]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    chat(&admin, &ann).await;
    let post = async |http: &Http, path: &str, body: Value| {
        http.post(path, "application/json", body.to_string()).await
    };
    let held = post(&dispute, "/v1/holds", json!({"order": "A-1", "case": "bank"})).await.json();
    assert_eq!(held["conversations"][0]["conversation"], "c1", "{held}");
    let by_conversation = json!({"conversation": "c1", "case": "court", "reason": "summons"});
    assert_eq!(post(&dispute, "/v1/holds", by_conversation).await.status, 200);
    // Who may what, and what is not there.
    post(&dispute, "/v1/erasures", json!({"conversation": "c1", "ground": "x"})).await.problem(403);
    let analyst = server.http_as(&data, "ida", &[Analyst]);
    post(&analyst, "/v1/holds", json!({"conversation": "c1", "case": "x"})).await.problem(403);
    for nobodys in [json!({"conversation": "c1"}), json!({"conversation": "c1", "case": " "})] {
        assert_eq!(post(&admin, "/v1/holds", nobodys).await.problem(400)["field"], "case");
    }
    let nowhere = json!({"conversation": "nowhere", "case": "x"});
    post(&admin, "/v1/holds", nowhere).await.problem(400);
    post(&admin, "/v1/holds", json!({"order": "nowhere", "case": "x"})).await.problem(404);
    post(&admin, "/v1/erasures", json!({"conversation": "c1"})).await.problem(400);
    post(&admin, "/v1/erasures", json!({"conversation": "nowhere", "ground": "x"}))
        .await
        .problem(404);

    let plan = json!({"customer": ANN, "ground": "asked", "dry_run": true});
    let plan = post(&admin, "/v1/erasures", plan).await.json();
    assert_eq!(plan["conversations"][0]["held_by"], json!(["bank", "court"]), "{plan}");
    assert!(admin.get("/v1/erasures").await.json()["erasures"].as_array().unwrap().is_empty());

    // Ann's other conversation goes, the held one waits, and goes on waiting over a restart.
    let asked = post(&admin, "/v1/erasures", json!({"customer": ANN, "ground": "asked"})).await;
    let id = asked.json()["id"].as_str().unwrap().to_string();
    until_done(&admin, 1).await;
    let is_done = async |admin: &Http| {
        let erasures = admin.get(&format!("/v1/erasures/{id}")).await.json();
        let of = |name: &str| {
            let all = erasures["erasures"].as_array().unwrap();
            all.iter().find(|of| of["conversation"] == name).unwrap()["done"].is_object()
        };
        (of("c1"), of("c2"))
    };
    assert_eq!(is_done(&admin).await, (false, true));
    assert_eq!(admin.found(PART).await, 2, "the message and its edit");
    assert_eq!(block_in_place(|| server.stop()), 0);
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let dispute = server.http_as(&data, "eva", &[Dispute]);
    assert_eq!(post(&dispute, "/v1/holds/release", json!({"case": "bank"})).await.status, 200);
    post(&dispute, "/v1/holds/release", json!({"case": "bank"})).await.problem(404);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(is_done(&admin).await, (false, true), "the court's hold stands");
    assert!(found_in(&data, SECRET).contains("archive/events"));
    assert_eq!(post(&dispute, "/v1/holds/release", json!({"case": "court"})).await.status, 200);
    until_done(&admin, 2).await;
    assert_eq!(found_in(&data, SECRET), BTreeSet::new());
    assert_eq!(named_in(&data), BTreeSet::new());
    let list = block_in_place(|| data.run(["hold", "list"]));
    list.assert_code(1);
}

/// A mistyped order ended as a full disk does.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_nothing_found_and_no_failure() {
    let data = Data::new();
    data.succeeds(["import", sample("history.ndjson").to_str().unwrap()]);
    let ask = || {
        for arguments in [
            &["hold", "add", "--order", "NOPE", "--case", "x"][..],
            &["hold", "add", "--customer", "NOPE", "--case", "x"],
            &["hold", "release", "--case", "NOPE"],
            &["erase", "--customer", "NOPE", "--ground", "x"],
            &["erase", "--conversation", "NOPE", "--ground", "x"],
            &["erase", "show", "NOPE"],
        ] {
            let ran = data.run(arguments);
            ran.assert_code(1);
            assert!(ran.stdout.is_empty() && !ran.stderr.contains("error:"), "{ran}");
        }
        data.run(["hold", "add", "--order", "NOPE", "--case", ""]).assert_code(2);
    };
    ask();
    let _server = Server::ready(&data).await;
    block_in_place(ask);
}

/// Times were UTC whatever zone was asked for, a receipt was a line of JSON, and a hold of no case read "held by
/// , H-1".
#[tokio::test(flavor = "multi_thread")]
async fn clerks_read_holds_and_receipts_in_words_and_in_their_zone() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    chat(&admin, &ann).await;
    block_in_place(|| {
        data.run(["hold", "add", "--conversation", "c1"]).assert_code(2);
        data.succeeds(["hold", "add", "--conversation", "c1", "--case", "bank"]);
        let list = data.succeeds(["hold", "list", "--zone", "Asia/Shanghai"]);
        assert!(list.starts_with("c1  bank  since 20") && list.contains(" +08:00, "), "{list}");
    });
    let asked = json!({"conversation": "c2", "ground": "asked"}).to_string();
    let asked = admin.post("/v1/erasures", "application/json", asked).await.json();
    until_done(&admin, 1).await;
    let id = asked["id"].as_str().unwrap();
    block_in_place(|| {
        let list = data.succeeds(["erase", "list", "--zone", "Asia/Shanghai"]);
        assert_eq!(list.matches(" +08:00").count(), 2, "{list}");
        let told = data.succeeds(["erase", "show", id, "--zone", "Asia/Shanghai"]);
        for said in ["c2: all of it\n", "+08:00 by boss: asked\n", " records, ", " of archive"] {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert!(!told.contains(['{', '"']), "{told}");
        let json = data.succeeds(["erase", "show", id, "--format", "json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert!(json[0]["done"]["receipt"]["records"].is_u64(), "{json}");
    });
}

/// The lookup could not be put in its place, once, amid an erasure: from then on nothing was taken until
/// a restart, while the service said that it was ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_cannot_be_put_in_its_place_takes_messages_on() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    chat(&admin, &ann).await;
    let Some(pinned) = Pinned::at(&data.path().join("lookup")) else { return };
    let asked = json!({"customer": ANN, "ground": "asked"}).to_string();
    assert_eq!(admin.post("/v1/erasures", "application/json", asked).await.status, 200);
    let goes_on = async |number: usize| {
        let said = message("other-1", &format!("later-{number}"), "human", "bo", "one moment");
        let answer = admin.event(&said).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(admin.event(&said).await.json(), answer.json(), "it is known");
        assert_eq!(admin.get("/readyz").await.status, 200);
    };
    let (mut number, since) = (0, Instant::now());
    let mut status = Value::Null;
    while !status["log"]["trouble"].to_string().contains("`lookup`") {
        assert!(since.elapsed() < PATIENCE, "{status}");
        goes_on(number).await;
        number += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        status = admin.get("/v1/status").await.json();
    }
    for _ in 0..20 {
        goes_on(number).await;
        number += 1;
    }
    drop(pinned);
    // By itself, once it can be.
    until_done(&admin, 1).await;
    goes_on(number).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    assert_eq!(named_in(&data), BTreeSet::new());
    block_in_place(|| data.succeeds(["audit"]));
}

/// A receipt said that what was said is gone while a bundle was sent from a file that had it.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_for_the_bundle_that_has_what_it_erases() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let token = data.token(SHOP, "clerk", &[Dispute]);
    // More than fits on the way to a client that reads none of it.
    let words = format!("{SECRET} ").repeat(30_000 / (SECRET.len() + 1));
    for number in 0..400 {
        let said = message("c1", &format!("m{number}"), "human", "bo", &words);
        assert_eq!(admin.event(&said).await.status, 200);
    }
    let bundle = json!({"conversations": ["c1"], "case": "D-1", "reason": "a dispute"});
    let bundle = server.http(&token).request(reqwest::Method::POST, "/v1/evidence").json(&bundle);
    let bundle = bundle.bearer_auth(&token).send().await.unwrap();
    assert_eq!(bundle.status(), 200);
    let asked = json!({"conversation": "c1", "ground": "asked"}).to_string();
    assert_eq!(admin.post("/v1/erasures", "application/json", asked).await.status, 200);
    admin.trouble_of("a bundle that was begun before").await;
    let erasures = admin.get("/v1/erasures").await.json();
    assert!(erasures["erasures"][0]["done"].is_null(), "{erasures}");
    drop(bundle);
    until_done(&admin, 1).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
}

/// A start with a clock that was more than a year ahead erased within seconds what was to be kept for a
/// month.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_wrong_clock_erases_nothing() {
    const DAY: i64 = 24 * 3_600;
    let data = Data::new();
    data.set(SETTINGS);
    let token = data.token_for("boss", &[Admin], Duration::from_secs(500 * DAY.unsigned_abs()));
    let clock = data.file("clock", 0_i64.to_ne_bytes());
    let start = |days: i64| {
        fs::write(&clock, (days * DAY).to_ne_bytes()).unwrap();
        Server::start_as(&data, |command| {
            command.env("LD_PRELOAD", CLOCK.as_os_str());
            command.env("VERBATIM_TEST_CLOCK", &clock);
        })
    };
    let said = |id: &str| message("c1", id, "human", "bo", "words");
    let server = start(0);
    let admin = server.http(&token);
    admin.events(&[said("m1"), said("m2")]).await;
    admin.caught_up(true).await;
    block_in_place(|| data.succeeds(["rules", "set", "keep_days=30"]));
    assert_eq!(block_in_place(|| server.stop()), 0);
    for round in 0..2 {
        let server = start(400);
        let admin = server.http(&token);
        // What it says comes after it has looked.
        admin.trouble_of("the clock says").await;
        let kept = "select count(*) from messages where text = 'words' and conversation = 'c1'";
        assert_eq!(admin.number(kept).await, 2, "round {round}");
        // A record that is dated by it makes it no truer.
        let later = message("c2", &format!("later-{round}"), "human", "bo", "hello");
        assert_eq!(admin.event(&later).await.status, 200);
        admin.caught_up(true).await;
        assert_eq!(block_in_place(|| server.stop()), 0);
    }
    let asked = block_in_place(|| data.run(["erase", "list"]));
    assert!(!asked.stdout.contains("c1"), "{asked}");
}

/// Nearly two days later nothing is left of what a shop keeps for one, but for what is held.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_keeps_no_longer_goes_by_itself_unless_it_is_held() {
    const HOUR: i64 = 3_600;
    let data = Data::new();
    let server = serve(&data);
    let life = Duration::from_secs(10 * 24 * 3_600);
    let token = data.token_for("boss", &[Admin], life);
    let (admin, ann) = (server.http(&token), server.http_as(&data, ANN, &[Customer]));
    chat(&admin, &ann).await;
    block_in_place(|| data.succeeds(["hold", "add", "--conversation", "c1", "--case", "bank"]));
    block_in_place(|| data.succeeds(["rules", "set", "keep_days=1"]));
    assert_eq!(block_in_place(|| server.stop()), 0);
    let clock = data.file("clock", (47 * HOUR).to_ne_bytes());
    let server = Server::start_as(&data, |command| {
        command.env("LD_PRELOAD", CLOCK.as_os_str());
        command.env("VERBATIM_TEST_CLOCK", &clock);
    });
    let admin = server.http(&token);
    let said = "select count(*) from messages where text is not null and conversation <> 'c1'";
    let since = Instant::now();
    while admin.number(said).await > 0 {
        assert!(since.elapsed() < PATIENCE, "{}", admin.get("/v1/status").await.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let grounds = "select distinct erased_ground from events where erased_at is not null";
    let grounds = admin.sql(grounds).await.text();
    assert!(grounds.contains("kept for 1 days"), "{grounds}");
    // What verbatim asked itself is listed till it is done.
    while admin.get("/v1/erasures").await.json()["erasures"] != json!([]) {
        assert!(since.elapsed() < PATIENCE, "{}", admin.get("/v1/status").await.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!found_in(&data, "at once").contains("archive/events"));
    assert!(found_in(&data, SECRET).contains("archive/events"), "it is held");
    assert_eq!(block_in_place(|| server.stop()), 0);
}

/// What an erasure lists must be there, and under its name, when the archive has let go of what named
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_on_stable_storage_before_the_archive_commits() {
    let data = Data::new();
    data.set(SETTINGS);
    let steps = data.beside("steps");
    let server = start_to_list(&data, &steps);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    chat(&admin, &ann).await;
    let asked = json!({"conversation": "c1", "ground": "asked"}).to_string();
    assert_eq!(admin.post("/v1/erasures", "application/json", asked).await.status, 200);
    until_done(&admin, 1).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    let steps = fs::read_to_string(&steps).unwrap();
    let steps: Vec<&str> = steps.lines().collect();
    let entry = files_under(&data.path().join("archive/events/_delta_log")).into_iter();
    let entry = entry.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let is_erasure = |path: &PathBuf| {
        let said = fs::read_to_string(path).unwrap();
        let mut said = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        said.any(|action| action["remove"]["dataChange"] == true)
    };
    let entry = entry.into_iter().find(is_erasure).unwrap();
    let entry = format!("link /{}", entry.strip_prefix(data.path()).unwrap().display());
    let commit = steps.iter().position(|step| *step == entry).unwrap();
    let named = steps[..commit].iter().rposition(|step| *step == "rename /erasing.json").unwrap();
    let is_synced = |step: &&str| step.starts_with("sync /erasing.json#");
    let written = steps[..named].iter().rposition(is_synced).unwrap();
    assert!(!steps[written..named].contains(&"rename /erasing.json"), "the file is synced");
    assert!(steps[named..commit].contains(&"sync "), "so is its name");
}

/// What was written anew was known to the process alone until all of it was, and a receipt that came
/// after its death did not name it.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_names_what_was_written_anew_before_a_death() {
    for step in ["unlink /attachments/", "unlink /archive/changes/", "unlink /index/"] {
        let data = Data::new();
        let server = serve(&data);
        let token = data.token(SHOP, "boss", &[Admin]);
        let admin = server.http(&token);
        let ann = server.http_as(&data, ANN, &[Customer]);
        chat(&admin, &ann).await;
        let asked = json!({"id": "e", "conversation": "c1", "kind": "erase", "target": "m1",
            "text": "asked", "sender": {"id": "boss", "role": "human"}});
        assert_eq!(admin.event(&asked).await.status, 200);
        server.kill();
        if let Some(mut server) = start_to_die_before(&data, step) {
            let since = Instant::now();
            while !server.has_ended() {
                assert!(since.elapsed() < PATIENCE, "{step} never came");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let server = serve(&data);
        let erasures = until_done(&server.http(&token), 1).await;
        let places = erasures[0]["done"]["receipt"]["places"].as_array().unwrap();
        let stores: BTreeSet<&str> =
            places.iter().map(|place| place["store"].as_str().unwrap()).collect();
        assert_eq!(stores, BTreeSet::from(["archive", "facts", "index"]), "{step}: {places:?}");
    }
}

/// A release, or the receipt of another erasure, was a conversation's last record, and put off by all
/// of the days what the shop keeps no longer.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_administration_does_puts_no_expiry_off() {
    const HOUR: i64 = 3_600;
    let data = Data::new();
    let token = data.token_for("boss", &[Admin], Duration::from_secs(10 * 24 * 3_600));
    let clock = data.file("clock", 0_i64.to_ne_bytes());
    data.set(SETTINGS);
    let start = |hours: i64| {
        fs::write(&clock, (hours * HOUR).to_ne_bytes()).unwrap();
        Server::start_as(&data, |command| {
            command.env("LD_PRELOAD", CLOCK.as_os_str());
            command.env("VERBATIM_TEST_CLOCK", &clock);
        })
    };
    let words = "select count(*) from messages where text is not null and conversation = ";
    // Gone from the archive, it is gone from the index a moment later: an audit in between sees it.
    let is_begun = || {
        let begun = fs::read(data.path().join("erasing.json")).unwrap_or_default();
        let begun: Value = serde_json::from_slice(&begun).unwrap_or_default();
        begun["conversations"].as_array().is_some_and(|begun| !begun.is_empty())
    };
    let until_gone = async |admin: &Http, conversation: &str| {
        let since = Instant::now();
        while admin.number(&format!("{words}'{conversation}'")).await > 0 || is_begun() {
            let status = admin.get("/v1/status").await.text();
            assert!(since.elapsed() < PATIENCE, "{conversation} is kept: {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let server = start(0);
    let admin = server.http(&token);
    let said = |name: &str, id: &str| message(name, id, "human", "bo", "words");
    let all = ["held", "partly", "other"];
    let events: Vec<Value> =
        all.iter().flat_map(|name| [said(name, "m1"), said(name, "m2")]).collect();
    admin.events(&events).await;
    admin.caught_up(true).await;
    block_in_place(|| data.succeeds(["hold", "add", "--conversation", "held", "--case", "x"]));
    block_in_place(|| data.succeeds(["rules", "set", "keep_days=2"]));
    assert_eq!(block_in_place(|| server.stop()), 0);
    // A day later something of one of them is erased.
    let server = start(24);
    let asked = json!({"message": "m1", "conversation": "partly", "ground": "asked"}).to_string();
    let admin = server.http(&token);
    let asked = admin.post("/v1/erasures", "application/json", asked).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    until_done(&admin, 1).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    // Two days and two hours after the last words.
    let server = start(50);
    let admin = server.http(&token);
    until_gone(&admin, "other").await;
    until_gone(&admin, "partly").await;
    assert_eq!(admin.number(&format!("{words}'held'")).await, 2);
    let released =
        admin.post("/v1/holds/release", "application/json", r#"{"case": "x"}"#.to_string()).await;
    assert_eq!(released.status, 200, "{}", released.text());
    assert_eq!(block_in_place(|| server.stop()), 0);
    let server = start(51);
    until_gone(&server.http(&token), "held").await;
    assert_eq!(block_in_place(|| server.stop()), 0);
}

/// Dies between two steps of an erasure, again and again, until it is done.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_goes_on_by_itself_wherever_the_process_dies() {
    let (rounds, mut random) = (trials("VERBATIM_ERASURES", 4), seeded("erasure"));
    for round in 0..rounds {
        let data = Data::new();
        let server = serve(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        let ann = server.http_as(&data, ANN, &[Customer]);
        chat(&admin, &ann).await;
        let before = figures(&admin).await;
        // Asked for while nothing can be done: the process is gone before.
        let body = json!({"customer": ANN, "ground": "asked"}).to_string();
        let asked = admin.post("/v1/erasures", "application/json", body).await;
        assert_eq!(asked.status, 200, "{}", asked.text());
        server.kill();
        let token = data.token(SHOP, "boss", &[Admin]);
        let said = data.beside("step");
        let mut deaths = 0;
        loop {
            let nth = 600_f64.powf(random.random_range(0.3..1.0)) as u64 * (1 + deaths / 8);
            if let Some(mut server) = start_to_die(&data, nth, &said) {
                let admin = server.http(&token);
                let since = Instant::now();
                while !server.has_ended() && since.elapsed() < Duration::from_secs(4) {
                    let request = admin.request(reqwest::Method::GET, "/v1/erasures");
                    let pending = match admin.try_send(request).await {
                        Ok(answer) if answer.status == 200 => {
                            let all = answer.json()["erasures"].as_array().unwrap().clone();
                            all.iter().any(|of| !of["done"].is_object())
                        }
                        _ => true,
                    };
                    if !pending {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                server.kill();
            }
            let _ = fs::remove_file(&said);
            deaths += 1;
            if deaths >= 6 {
                break;
            }
        }
        let server = serve(&data);
        let admin = server.http(&token);
        until_done(&admin, 2).await;
        admin.caught_up(true).await;
        assert_eq!(figures(&admin).await, before, "round {round}");
        assert_eq!(found_in(&data, SECRET), BTreeSet::new(), "round {round}");
        assert_eq!(named_in(&data), BTreeSet::new(), "round {round}");
        assert_eq!(block_in_place(|| server.stop()), 0);
        block_in_place(|| data.succeeds(["audit"]));
    }
}
