//! Attachments: bytes in, the same bytes out, under their hash and for their shop alone.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use verbatim::access::TokenRole::{Admin, Analyst, Bot, Customer, Dispute, Human};

use super::support::{Data, PATIENCE, SHOP, Server, message, sample};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Where the file with this hash is sent.
fn sent_to(sha256: &str) -> String {
    format!("/v1/attachments/{sha256}")
}

/// Where it is read, as named by an event.
fn named_by(conversation: &str, id: &str, sha256: &str) -> String {
    format!("/v1/conversations/{conversation}/events/{id}/attachments/{sha256}")
}

/// A message that names a file.
fn with_file(mut message: Value, sha256: &str) -> Value {
    message["attachments"] =
        json!([{"sha256": sha256, "name": "photo.png", "media_type": "image/png", "bytes": 1}]);
    message
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    listing
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] })
        .collect()
}

/// The picture of the broken bowl is what decides the dispute: it comes back bit for bit, and after
/// a restart too.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_voices_come_back_bit_for_bit() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let mut kept = Vec::new();
    for path in files_under(&sample("attachments")) {
        let bytes = std::fs::read(&path).unwrap();
        let (hash, id) = (sha256(&bytes), format!("m{}", kept.len()));
        for _ in 0..2 {
            let put = carl.put(&sent_to(&hash), bytes.clone()).await;
            assert_eq!(put.status, 201, "{}", put.text());
            assert_eq!(put.json()["bytes"], bytes.len());
        }
        let media_type = if path.extension().is_some_and(|ending| ending == "png") {
            "image/png"
        } else {
            "audio/ogg"
        };
        let naming = with_file(message("c", &id, "customer", "carl", "see"), &hash);
        assert_eq!(carl.event(&naming).await.status, 200);
        kept.push((named_by("c", &id, &hash), bytes, media_type));
    }
    assert_eq!(kept.len(), 12);
    assert_eq!(server.stop(), 0);
    let server = Server::start(&data);
    let anna = server.http_as(&data, "anna", &[Human]);
    for (route, bytes, media_type) in &kept {
        let got = anna.get(route).await;
        assert_eq!(got.status, 200);
        assert!(got.body == *bytes, "{route} came back changed");
        assert_eq!(got.header("content-type"), *media_type);
        assert_eq!(got.header("content-disposition"), "inline");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(files_under(&data.path().join("attachments")).len(), 12);
}

/// Whatever is not exactly what its name says is refused, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_its_hash_is_refused_and_leaves_nothing() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let right = sha256(b"right");
    // It is named before it is sent, as devices may do.
    let naming = with_file(message("c", "m", "customer", "carl", "see"), &right);
    assert_eq!(carl.event(&naming).await.status, 200);
    let read = named_by("c", "m", &right);
    let problem = carl.put(&sent_to(&right), "wrong").await.problem(400);
    assert_eq!(problem["field"], "sha256");
    assert!(problem["rule"].as_str().unwrap().contains(&sha256(b"wrong")), "{problem}");
    carl.get(&read).await.problem(404);
    let upper = right.to_uppercase();
    for name in
        ["x", "..%2F..%2Fkeys%2Ftoken.key", &right[1..], &upper, &format!("{right}0"), "%00"]
    {
        carl.put(&sent_to(name), "right").await.problem(400);
        carl.get(&named_by("c", "m", name)).await.problem(404);
    }
    let too_large = vec![0_u8; 64 * 1024 * 1024 + 1];
    let route = sent_to(&sha256(&too_large));
    let request = carl.request(reqwest::Method::PUT, &route).body(too_large);
    // The server may answer and close before everything is sent.
    if let Ok(answer) = carl.try_send(request).await {
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    // An upload that breaks off.
    let mut stream =
        tokio::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap();
    let token = data.token(SHOP, "carl", &[Customer]);
    let head = format!(
        "PUT /v1/attachments/{right} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[7; 100_000]).await.unwrap();
    let folder = data.path().join("attachments");
    let poll = async |wanted: usize| {
        let deadline = std::time::Instant::now() + PATIENCE;
        while files_under(&folder).len() != wanted {
            assert!(std::time::Instant::now() < deadline, "{:?}", files_under(&folder));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    // It is being written, under a name that no reader looks at …
    poll(1).await;
    carl.get(&read).await.problem(404);
    drop(stream);
    // … and gone once it broke off.
    poll(0).await;
    assert_eq!(carl.put(&sent_to(&right), "right").await.status, 201);
    assert_eq!(carl.get(&read).await.body, b"right");
    assert_eq!(files_under(&folder).len(), 1);
    server.assert_alive();
}

/// A page sent as "photo.png" must not run in an agent's browser, and no shop sees another's files.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_and_no_other_shop_sees_it() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let hostile: [&[u8]; 4] = [
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7 <script>",
        b"",
    ];
    for (number, bytes) in hostile.into_iter().enumerate() {
        let (hash, id) = (sha256(bytes), format!("m{number}"));
        assert_eq!(carl.put(&sent_to(&hash), bytes).await.status, 201);
        let naming = with_file(message("c", &id, "customer", "carl", "see"), &hash);
        assert_eq!(carl.event(&naming).await.status, 200);
        let route = named_by("c", &id, &hash);
        let got = carl.get(&route).await;
        assert_eq!(got.body, bytes);
        assert_eq!(got.header("content-type"), "application/octet-stream");
        assert_eq!(got.header("content-disposition"), "attachment");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert!(got.header("content-security-policy").contains("sandbox"), "{:?}", got.headers);
        server.http(&data.token("other", "boss", &[Admin])).get(&route).await.problem(404);
        carl.without_token().get(&route).await.problem(401);
    }
    let analyst = server.http_as(&data, "max", &[Analyst]);
    analyst.put(&sent_to(&sha256(b"x")), "x").await.problem(403);
    carl.get(&named_by("c", "m0", &sha256(b"unknown"))).await.problem(404);
}

/// Whoever of a shop knew its hash could read any file of the shop: another customer's photo, and what
/// agents put into their notes.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_those_who_hear_the_message_that_names_it() {
    let data = Data::new();
    let server = Server::start(&data);
    let [carl, dora] = ["carl", "dora"].map(|sub| server.http_as(&data, sub, &[Customer]));
    let anna = server.http_as(&data, "anna", &[Human]);
    let bot = server.http_as(&data, "bot", &[Bot]);
    let dan = server.http_as(&data, "dan", &[Dispute]);
    let [photo, noted] = [sha256(b"photo"), sha256(b"noted")];
    assert_eq!(carl.put(&sent_to(&photo), "photo").await.status, 201);
    assert_eq!(anna.put(&sent_to(&noted), "noted").await.status, 201);
    let mut note = with_file(message("c", "note", "human", "anna", "his file"), &noted);
    note["visibility"] = json!("private");
    let sent = [
        (&carl, with_file(message("c", "m", "customer", "carl", "see"), &photo)),
        (&carl, message("c", "words", "customer", "carl", "and?")),
        (&anna, note),
        (&dora, message("d", "m", "customer", "dora", "hello")),
    ];
    for (sender, event) in sent {
        assert_eq!(sender.event(&event).await.status, 200, "{event}");
    }
    let (of_photo, of_note) = (named_by("c", "m", &photo), named_by("c", "note", &noted));
    for (asker, photo_status, note_status) in [
        (&carl, 200, 404),
        (&bot, 200, 404),
        (&anna, 200, 200),
        (&dan, 200, 200),
        (&dora, 403, 403),
    ] {
        assert_eq!(asker.get(&of_photo).await.status, photo_status);
        assert_eq!(asker.get(&of_note).await.status, note_status);
    }
    // What is not said of it is not said of a note either.
    let hidden = carl.get(&of_note).await.problem(404);
    let absent = carl.get(&named_by("c", "absent", &noted)).await.problem(404);
    let worded =
        |problem: &Value| problem["detail"].as_str().unwrap().replace("`note`", "`absent`");
    assert_eq!(worded(&hidden), worded(&absent));
    for other in ["words", "note"] {
        carl.get(&named_by("c", other, &photo)).await.problem(404);
    }
    dora.get(&named_by("d", "m", &photo)).await.problem(404);
    anna.get(&sent_to(&photo)).await.problem(405);
}

/// Whoever knew the hash of another's file had it, by a message of their own that named it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hash_alone_is_no_way_to_anothers_file() {
    let data = Data::new();
    let server = Server::start(&data);
    let [carl, dora] = ["carl", "dora"].map(|sub| server.http_as(&data, sub, &[Customer]));
    let anna = server.http_as(&data, "anna", &[Human]);
    let boss = server.http_as(&data, "boss", &[Admin]);
    let [photo, label] = [sha256(b"photo"), sha256(b"label")];
    assert_eq!(carl.put(&sent_to(&photo), "photo").await.status, 201);
    assert_eq!(anna.put(&sent_to(&label), "label").await.status, 201);
    for (id, hash) in [("p", &photo), ("l", &label)] {
        let naming = with_file(message("d", id, "customer", "dora", "mine"), hash);
        assert_eq!(dora.event(&naming).await.status, 200);
        let problem = dora.get(&named_by("d", id, hash)).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains("were not sent"), "{problem}");
    }
    assert_eq!(dora.put(&sent_to(&photo), "photo").await.status, 201);
    assert_eq!(dora.get(&named_by("d", "p", &photo)).await.body, b"photo");
    // What the shop sends for a customer, or to one, is theirs to see.
    let sent = [
        (&boss, with_file(message("c", "for", "customer", "carl", "by post"), &label)),
        (&anna, with_file(message("c", "to", "human", "anna", "the label"), &label)),
        (&boss, with_file(message("c", "own", "customer", "carl", "again"), &photo)),
    ];
    for (sender, event) in sent {
        assert_eq!(sender.event(&event).await.status, 200, "{event}");
    }
    for (id, hash) in [("for", &label), ("to", &label), ("own", &photo)] {
        assert_eq!(carl.get(&named_by("c", id, hash)).await.status, 200, "{id}");
    }
}
