//! Hold before erase, whichever comes first by a moment, and one erasure in nobody else's way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use verbatim::access::TokenRole::{Admin, Customer};

use super::erasure::{ANN, SETTINGS, files_under, found_in, serve, until_done};
use super::shims::CLOCK;
use super::socket::Socket;
use super::steps::start_to_die;
use super::support::{Data, Http, PATIENCE, SHOP, Server, message, seeded, trials};

/// A message of Ann's with a file of its own. Returns the file's hash.
async fn say_with_file(ann: &Http, conversation: &str) -> String {
    let photo = format!("the photo of {conversation}").into_bytes();
    let sha256 = hex::encode(Sha256::digest(&photo));
    let bytes = photo.len();
    assert_eq!(ann.put(&format!("/v1/attachments/{sha256}"), photo).await.status, 201);
    let mut said = message(conversation, "m1", "customer", ANN, "look at this");
    said["attachments"] = json!([{"sha256": sha256, "name": "photo.png",
        "media_type": "image/png", "bytes": bytes}]);
    assert_eq!(ann.event(&said).await.status, 200);
    sha256
}

async fn post(http: &Http, path: &str, body: Value) -> Value {
    let answer = http.post(path, "application/json", body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn erase(admin: &Http, conversation: &str) {
    post(admin, "/v1/erasures", json!({"conversation": conversation, "ground": "asked"})).await;
}

/// The erasure of a conversation, which is asked for once.
async fn erasure_of(admin: &Http, conversation: &str) -> Value {
    let erasures = admin.get("/v1/erasures?limit=1000").await.json()["erasures"].clone();
    let of = |one: &&Value| one["conversation"] == conversation;
    erasures.as_array().unwrap().iter().find(of).unwrap().clone()
}

async fn until_done_of(admin: &Http, conversation: &str) -> Value {
    let since = Instant::now();
    loop {
        let erasure = erasure_of(admin, conversation).await;
        if erasure["done"].is_object() {
            return erasure;
        }
        let status = admin.get("/v1/status").await.text();
        assert!(since.elapsed() < PATIENCE, "not done: {erasure} {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn attachments(data: &Data) -> usize {
    files_under(&data.path().join("attachments")).len()
}

async fn text_of(admin: &Http, conversation: &str) -> Option<String> {
    let answer = admin.get(&format!("/v1/conversations/{conversation}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let records = answer.json();
    records[0]["event"]["text"].as_str().map(str::to_string)
}

/// What was asked for between two looks at the list had its words erased, and its files left.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_during_another_erasure_loses_its_files_too() {
    const COUNT: usize = 40;
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    for number in 0..COUNT {
        say_with_file(&ann, &format!("c{number}")).await;
    }
    admin.caught_up(true).await;
    assert_eq!(attachments(&data), COUNT);
    for number in 0..COUNT {
        erase(&admin, &format!("c{number}")).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    until_done(&admin, COUNT).await;
    assert_eq!(attachments(&data), 0);
}

/// Files were removed before it was asked for the last time whether the conversation is held, and
/// a hold that came between that and the commit was acknowledged and of no use.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_finds_words_and_files_keeps_them() {
    let (rounds, mut random) = (trials("VERBATIM_HOLDS", 24), seeded("holds"));
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    let mut kept = Vec::new();
    for round in 0..rounds {
        let name = format!("c{round}");
        let sha256 = say_with_file(&ann, &name).await;
        let file = format!("/v1/conversations/{name}/events/m1/attachments/{sha256}");
        admin.caught_up(true).await;
        erase(&admin, &name).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..450))).await;
        post(&admin, "/v1/holds", json!({"conversation": name, "case": "x"})).await;
        if text_of(&admin, &name).await.is_some() {
            assert_eq!(admin.get(&file).await.status, 200, "round {round}: the file is gone");
            kept.push((name, file));
        }
    }
    // None of them goes later, either.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!kept.is_empty());
    for (name, file) in kept {
        assert!(text_of(&admin, &name).await.is_some(), "{name} was held before it was erased");
        assert_eq!(admin.get(&file).await.status, 200, "{name}: the file is gone");
    }
}

/// Which files are named was asked once, before the first of them was removed: a message that named
/// one after that was acknowledged, with the file there, and lost it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_a_file_in_time_keeps_it() {
    const FILES: usize = 400;
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    let naming = |conversation: &str, number: usize, sha256: &str| {
        let mut said = message(conversation, &format!("m{number}"), "customer", ANN, "look");
        said["attachments"] = json!([{"sha256": sha256, "name": "photo.png",
            "media_type": "image/png", "bytes": 9}]);
        said
    };
    let mut hashes = Vec::new();
    for number in 0..FILES {
        let photo = format!("photo {number}").into_bytes();
        let sha256 = hex::encode(Sha256::digest(&photo));
        assert_eq!(ann.put(&format!("/v1/attachments/{sha256}"), photo).await.status, 201);
        assert_eq!(ann.event(&naming("c", number, &sha256)).await.status, 200);
        hashes.push(sha256);
    }
    admin.caught_up(true).await;
    erase(&admin, "c").await;
    let since = Instant::now();
    while !data.path().join("erasing.json").exists() {
        assert!(since.elapsed() < PATIENCE, "{}", admin.get("/v1/status").await.text());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // They are removed from the first on, and named from the last.
    let mut kept = Vec::new();
    for (number, sha256) in hashes.iter().enumerate().rev() {
        assert_eq!(ann.event(&naming("d", number, sha256)).await.status, 200);
        let is_there = |path: &PathBuf| path.ends_with(sha256);
        if !files_under(&data.path().join("attachments")).iter().any(is_there) {
            break;
        }
        kept.push(format!("/v1/conversations/d/events/m{number}/attachments/{sha256}"));
    }
    until_done_of(&admin, "c").await;
    assert!(!kept.is_empty());
    for file in kept {
        assert_eq!(admin.get(&file).await.status, 200, "{file} was there when it was named");
    }
}

/// A file that is being sent again may be named yet: its erasure waits, and all others waited too.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_sent_again_keeps_no_other_erasure_waiting() {
    const DAY: i64 = 24 * 3_600;
    let data = Data::new();
    let server = serve(&data);
    let token = data.token_for("boss", &[Admin], Duration::from_secs(10 * 24 * 3_600));
    let (admin, ann) = (server.http(&token), server.http_as(&data, ANN, &[Customer]));
    say_with_file(&ann, "again").await;
    say_with_file(&ann, "other").await;
    admin.caught_up(true).await;
    post(&admin, "/v1/holds", json!({"conversation": "again", "case": "x"})).await;
    erase(&admin, "again").await;
    let photo = b"the photo of again".to_vec();
    let sha256 = hex::encode(Sha256::digest(&photo));
    assert_eq!(ann.put(&format!("/v1/attachments/{sha256}"), photo).await.status, 201);
    post(&admin, "/v1/holds/release", json!({"conversation": "again", "case": "x"})).await;
    erase(&admin, "other").await;
    until_done_of(&admin, "other").await;
    let trouble = admin.trouble_of("sent again").await;
    let asked = erasure_of(&admin, "again").await["asked"].clone();
    assert!(trouble.contains(&format!("offset {asked} ")), "{trouble}");
    assert!(erasure_of(&admin, "again").await["done"].is_null());
    // Another shop is not told what it waits for.
    let stranger = server.http(&data.token("other", "boss", &[Admin]));
    let trouble = stranger.get("/v1/status").await.json()["log"]["trouble"].clone();
    assert_eq!(trouble, json!(["something of other shops waits"]));
    assert_eq!(attachments(&data), 1, "what was sent again may be named yet");
    assert_eq!(text_of(&admin, "again").await, None, "the words are gone all the same");
    assert_eq!(block_in_place(|| server.stop()), 0);
    let clock = data.file("clock", DAY.to_ne_bytes());
    let server = Server::start_as(&data, |command| {
        command.env("LD_PRELOAD", CLOCK.as_os_str());
        command.env("VERBATIM_TEST_CLOCK", &clock);
    });
    let admin = server.http(&token);
    let done = until_done_of(&admin, "again").await;
    let receipt = &done["done"]["receipt"];
    assert_eq!((&receipt["records"], &receipt["attachments"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(attachments(&data), 0);
}

/// The receipt's id followed from the erasure's, and whoever had used it stopped all erasures.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_can_occupy_the_id_of_a_receipt() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    let long = "e".repeat(128);
    for (conversation, id) in [("a", "e1"), ("b", long.as_str())] {
        say_with_file(&ann, conversation).await;
        let taken = format!("done-{id}");
        if taken.len() <= 128 {
            let event = message(conversation, &taken, "human", "bo", "mine");
            assert_eq!(admin.event(&event).await.status, 200);
        }
        let asked = json!({"id": id, "conversation": conversation, "kind": "erase",
            "text": "asked", "sender": {"id": "boss", "role": "human"}});
        let answer = admin.event(&asked).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for conversation in ["a", "b"] {
        until_done_of(&admin, conversation).await;
    }
    assert_eq!(attachments(&data), 0);
}

/// What is held was chosen among what is erased next, until there was no room for anything else.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_are_held_keep_no_other_erasure_waiting() {
    const HELD: usize = 300;
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let mut events = Vec::new();
    for number in 0..HELD {
        let name = format!("held-{number}");
        let said = |id: &str, kind: &str| {
            json!({"id": id, "conversation": name, "kind": kind, "text": "words",
                "sender": {"id": "bo", "role": "human"}})
        };
        events.extend([said("m1", "message"), said("h", "hold"), said("e", "erase")]);
    }
    events.push(message("free", "m1", "human", "bo", "words"));
    admin.events(&events).await;
    admin.caught_up(true).await;
    erase(&admin, "free").await;
    until_done_of(&admin, "free").await;
    let words = "select count(*) from messages where text is not null";
    assert_eq!(admin.number(words).await, HELD as i64);
    // The lists come in pages, each entry once and in order.
    assert_eq!(in_pages(&admin, "holds", "limit=70").await.len(), HELD);
    assert_eq!(in_pages(&admin, "erasures", "limit=70").await.len(), HELD + 1);
    assert_eq!(in_pages(&admin, "erasures", "limit=70&waiting=true").await.len(), HELD);
    let first = admin.get("/v1/erasures").await.json();
    assert_eq!(first["erasures"].as_array().unwrap().len(), 100);
    for wrong in ["holds?limit=0", "holds?limit=1001", "erasures?limit=0", "erasures?of=all"] {
        admin.get(&format!("/v1/{wrong}")).await.problem(400);
    }
    let listed = |list: &[&str]| block_in_place(|| data.succeeds([list, &["list"]].concat()));
    assert_eq!(listed(&["hold"]).lines().count(), HELD);
    assert_eq!(listed(&["erase"]).lines().count(), HELD + 1);
    let some = block_in_place(|| data.succeeds(["erase", "list", "--limit", "7"]));
    assert_eq!(some.lines().count(), 7);
}

/// The conversations of a list, page after page.
async fn in_pages(admin: &Http, list: &str, asked: &str) -> Vec<String> {
    let (mut conversations, mut after) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/v1/{list}?{asked}{after}")).await.json();
        let name = |of: &Value| of["conversation"].as_str().unwrap().to_string();
        conversations.extend(page[list].as_array().unwrap().iter().map(name));
        if page["next"].is_null() {
            let different: BTreeSet<&String> = conversations.iter().collect();
            assert_eq!(different.len(), conversations.len());
            return conversations;
        }
        after = format!("&after={}", page["next"]);
    }
}

/// Counts were those of all that was erased together, and nothing after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_counts_what_its_erasure_took() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    say_with_file(&ann, "c1").await;
    for conversation in ["c1", "c2"] {
        ann.event(&message(conversation, "m2", "customer", ANN, "and this")).await;
    }
    say_with_file(&ann, "c3").await;
    admin.caught_up(true).await;
    let one = json!({"conversation": "c1", "message": "m2", "ground": "one"});
    post(&admin, "/v1/erasures", one).await;
    post(&admin, "/v1/erasures", json!({"customer": ANN, "ground": "all"})).await;
    let erasures = until_done(&admin, 4).await;
    let count = |conversation: &str, ground: &str| {
        let of = |one: &&Value| one["conversation"] == conversation && one["ground"] == ground;
        let receipt = &erasures.iter().find(of).unwrap()["done"]["receipt"];
        (receipt["records"].as_u64().unwrap(), receipt["attachments"].as_u64().unwrap())
    };
    assert_eq!(count("c1", "one"), (1, 0));
    assert_eq!(count("c1", "all"), (1, 1));
    assert_eq!(count("c2", "all"), (1, 0));
    assert_eq!(count("c3", "all"), (1, 1));
    assert!(!format!("{erasures:?}").contains(ANN), "{erasures:?}");
}

/// A hold by order left out the conversations that the archive had not heard of yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_by_order_waits_for_the_archive_or_is_refused() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let say = async |conversation: &str| {
        let mut said = message(conversation, "m1", "human", "bo", "words");
        said["order"] = json!("A-1");
        assert_eq!(admin.event(&said).await.status, 200);
    };
    say("c1").await;
    admin.caught_up(true).await;
    // The archive cannot commit, or be opened again.
    let log = data.path().join("archive/events/_delta_log");
    std::fs::rename(&log, data.beside("log")).unwrap();
    std::fs::write(&log, "no folder").unwrap();
    say("c2").await;
    let has_failed = |of: &Value| of["name"] == "archive" && of["failed"].is_string();
    admin.status_once(|status| status["stores"].as_array().unwrap().iter().any(has_failed)).await;
    say("c3").await;
    for path in ["/v1/holds", "/v1/holds/release"] {
        let body = json!({"order": "A-1", "case": "x"}).to_string();
        admin.post(path, "application/json", body).await.problem(503);
    }
    // By name it is held all the same, and what waits is known without the archive.
    post(&admin, "/v1/holds", json!({"conversation": "c3", "case": "x"})).await;
    let asked = json!({"id": "e", "conversation": "c3", "kind": "erase", "text": "asked",
        "sender": {"id": "boss", "role": "human"}});
    assert_eq!(admin.event(&asked).await.status, 200);
    for list in ["/v1/erasures", "/v1/erasures/e", "/v1/erasures/e?waiting=true"] {
        let erasures = admin.get(list).await.json()["erasures"].clone();
        assert_eq!(erasures[0]["conversation"], "c3", "{list}: {erasures}");
    }
    data.is_left_damaged();
}

/// Another process, a backup, reads the archive: what was said goes from answers at once, and from the
/// disk when it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_for_a_backup_and_names_it() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    say_with_file(&ann, "c").await;
    admin.caught_up(true).await;
    let leased = verbatim::archive::committed_snapshot(&data.path()).await.unwrap().unwrap();
    erase(&admin, "c").await;
    admin.trouble_of("still reads").await;
    assert_eq!(text_of(&admin, "c").await, None);
    assert!(erasure_of(&admin, "c").await["done"].is_null());
    assert!(found_in(&data, "look at this").contains("archive/events"));
    drop(leased);
    let done = until_done_of(&admin, "c").await;
    let receipt = &done["done"]["receipt"];
    assert_eq!((&receipt["records"], &receipt["attachments"]), (&json!(1), &json!(1)), "{done}");
    assert!(!found_in(&data, "look at this").contains("archive/events"));
}

/// Every way in which a conversation is read, once some of it is erased.
#[tokio::test(flavor = "multi_thread")]
async fn no_way_of_reading_shows_what_was_erased() {
    let data = Data::new();
    let server = serve(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let ann = server.http_as(&data, ANN, &[Customer]);
    let said =
        |id: &str, text: &str| message("c", id, "customer", ANN, &format!("{text} narwhalcopper"));
    for (id, text) in [("m1", "one"), ("m2", "two"), ("m3", "three")] {
        assert_eq!(ann.event(&said(id, text)).await.status, 200);
    }
    let mut device = Socket::open(&server, &data.token(SHOP, ANN, &[Customer])).await;
    device.subscribe("c", 0).await;
    for text in ["one", "two", "three"] {
        let frame = device.expect("event").await;
        assert!(frame["record"]["event"]["text"].as_str().unwrap().starts_with(text), "{frame}");
    }
    let asked = json!({"conversation": "c", "message": "m2", "ground": "asked"});
    post(&admin, "/v1/erasures", asked).await;
    until_done(&admin, 1).await;
    // A device that comes back, at its beginning and in the middle.
    for after in [0, 1] {
        let mut device = Socket::open(&server, &data.token(SHOP, ANN, &[Customer])).await;
        device.subscribe("c", after).await;
        for seq in after + 1..=3 {
            let record = device.expect("event").await["record"].clone();
            assert_eq!(record["seq"], seq);
            assert_eq!(record["erased"].is_object(), seq == 2, "{record}");
            assert_eq!(record["event"].get("text").is_none(), seq == 2, "{record}");
            assert_eq!(record["erased"].get("ground"), None, "a customer is not told why");
        }
    }
    let mut seen = Vec::new();
    for address in [
        "/v1/conversations/c",
        "/v1/conversations/c?after_seq=1",
        "/v1/events?from=0",
        "/conversations/c",
        "/conversations/c?print=1",
        "/conversations/c?print=internal",
    ] {
        let answer = admin.get(address).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        seen.push((address.to_string(), answer.text()));
    }
    for format in ["text", "html", "md", "json"] {
        let shown = block_in_place(|| data.succeeds(["show", "c", "--format", format]));
        seen.push((format!("show --format {format}"), shown));
    }
    for (way, text) in seen {
        assert!(text.contains("three narwhalcopper"), "{way}: {text}");
        assert!(!text.contains("two narwhalcopper"), "{way}: {text}");
    }
}

/// A hold is acknowledged at some step of an erasure, and the process dies at another: each
/// conversation is whole or gone, files and all, and one that was seen whole under a hold stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_what_it_found_wherever_the_process_dies() {
    const COUNT: usize = 6;
    let (rounds, mut random) = (trials("VERBATIM_HOLDS", 3), seeded("deaths"));
    for round in 0..rounds {
        let data = Data::new();
        let server = serve(&data);
        let token = data.token(SHOP, "boss", &[Admin]);
        let admin = server.http(&token);
        let ann = server.http_as(&data, ANN, &[Customer]);
        let mut files = Vec::new();
        for number in 0..COUNT {
            let sha256 = say_with_file(&ann, &format!("c{number}")).await;
            files.push(format!("/v1/conversations/c{number}/events/m1/attachments/{sha256}"));
        }
        admin.caught_up(true).await;
        post(&admin, "/v1/holds", json!({"conversation": "c0", "case": "x"})).await;
        for number in 0..COUNT {
            let asked = json!({"id": format!("e{number}"), "conversation": format!("c{number}"),
                "kind": "erase", "text": "asked", "sender": {"id": "boss", "role": "human"}});
            assert_eq!(admin.event(&asked).await.status, 200);
        }
        server.kill();
        let mut whole = BTreeSet::from([0]);
        let said = data.beside("step");
        for death in 0..6_u64 {
            let nth = 400_f64.powf(random.random_range(0.3..1.0)) as u64 * (1 + death / 3);
            let Some(mut server) = start_to_die(&data, nth, &said) else { continue };
            let admin = server.http(&token);
            let number = random.random_range(1..COUNT);
            let held = json!({"conversation": format!("c{number}"), "case": "x"}).to_string();
            tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
            let request = admin.request(reqwest::Method::POST, "/v1/holds");
            let request = request.header("content-type", "application/json").body(held);
            let is_held = admin.try_send(request).await.is_ok_and(|answer| answer.status == 200);
            let path = format!("/v1/conversations/c{number}");
            let request = admin.request(reqwest::Method::GET, &path);
            if is_held
                && let Ok(answer) = admin.try_send(request).await
                && answer.status == 200
                && answer.json()[0]["event"]["text"].is_string()
            {
                whole.insert(number);
            }
            let since = Instant::now();
            while !server.has_ended() && since.elapsed() < Duration::from_secs(1) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            server.kill();
            let _ = std::fs::remove_file(&said);
        }
        let server = serve(&data);
        let admin = server.http(&token);
        // What the log has let go of is read from the archive, which opens by itself.
        admin.caught_up(true).await;
        let held = admin.get("/v1/holds").await.json()["holds"].clone();
        let held: BTreeSet<String> = held
            .as_array()
            .unwrap()
            .iter()
            .map(|held| held["conversation"].as_str().unwrap().to_string())
            .collect();
        for number in (0..COUNT).filter(|number| !held.contains(&format!("c{number}"))) {
            until_done_of(&admin, &format!("c{number}")).await;
        }
        for (number, file) in files.iter().enumerate() {
            let is_whole = text_of(&admin, &format!("c{number}")).await.is_some();
            assert!(is_whole || !whole.contains(&number), "round {round}: c{number} was held");
            if !is_whole {
                until_done_of(&admin, &format!("c{number}")).await;
            }
            let file = admin.get(file).await.status;
            assert_eq!(file == 200, is_whole, "round {round}: c{number}");
        }
        post(&admin, "/v1/holds/release", json!({"case": "x"})).await;
        until_done(&admin, COUNT).await;
        assert_eq!(attachments(&data), 0, "round {round}");
        assert_eq!(found_in(&data, "look at this"), BTreeSet::new(), "round {round}");
        assert_eq!(block_in_place(|| server.stop()), 0);
        block_in_place(|| data.succeeds(["audit"]));
    }
}

/// A file of the archive that is damaged stops what lies in it, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_stops_only_what_lies_in_it() {
    const DAY: i64 = 24 * 3_600;
    let data = Data::new();
    let clock = data.file("clock", 0_i64.to_ne_bytes());
    let token = data.token_for("boss", &[Admin], Duration::from_secs(10 * 24 * 3_600));
    data.set(SETTINGS);
    let start = || {
        Server::start_as(&data, |command| {
            command.env("LD_PRELOAD", CLOCK.as_os_str());
            command.env("VERBATIM_TEST_CLOCK", &clock);
        })
    };
    for (day, conversation) in ["old", "new"].into_iter().enumerate() {
        std::fs::write(&clock, (day as i64 * DAY).to_ne_bytes()).unwrap();
        let server = start();
        let admin = server.http(&token);
        let filler = format!("filler-{day}");
        let said = |name: &str| message(name, "m1", "human", "bo", "words");
        admin.events(&[said(conversation), said(&filler)]).await;
        // The log lets go of what lies before it.
        erase(&admin, &filler).await;
        until_done_of(&admin, &filler).await;
        assert_eq!(block_in_place(|| server.stop()), 0);
    }
    let days = day_folders(&data.path().join("archive/events"));
    assert_eq!(days.len(), 2, "{days:?}");
    for path in files_under(&days[0]) {
        let mut bytes = std::fs::read(&path).unwrap();
        // Among the pages: what is read of the file still decodes, or does not.
        let place = bytes.len() / 3;
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let server = start();
    let admin = server.http(&token);
    admin.caught_up(false).await;
    for conversation in ["old", "new"] {
        let asked = json!({"id": "e", "conversation": conversation, "kind": "erase", "text": "x",
            "sender": {"id": "bo", "role": "human"}});
        assert_eq!(admin.event(&asked).await.status, 200);
    }
    // The list of all erasures would have what the damaged file holds: the conversation says it.
    let said = async |conversation: &str| {
        let path = format!("/v1/conversations/{conversation}");
        admin.get(&path).await.json().as_array().cloned().unwrap_or_default()
    };
    let since = Instant::now();
    while !said("new").await.iter().any(|of| of["event"]["data"]["receipt"].is_object()) {
        assert!(since.elapsed() < PATIENCE, "{}", admin.get("/v1/status").await.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(text_of(&admin, "new").await, None);
    let trouble = admin.get("/v1/status").await.json()["log"]["trouble"].to_string();
    assert!(trouble.contains("asks for waits") && trouble.contains("is damaged"), "{trouble}");
    data.is_left_damaged();
}

fn day_folders(root: &Path) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut days: Vec<_> = listing.filter(|path| path.to_string_lossy().contains('=')).collect();
    days.sort();
    days
}
