//! Attachments: bytes in, the same bytes out, under their hash and for their shop alone.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Human};

use super::support::{Data, PATIENCE, SHOP, Server, sample};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
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
        let route = format!("/v1/attachments/{}", sha256(&bytes));
        for _ in 0..2 {
            let put = carl.put(&route, bytes.clone()).await;
            assert_eq!(put.status, 201, "{}", put.text());
            assert_eq!(put.json()["bytes"], bytes.len());
        }
        let media_type = if path.extension().is_some_and(|ending| ending == "png") {
            "image/png"
        } else {
            "audio/ogg"
        };
        kept.push((route, bytes, media_type));
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
    let problem = carl.put(&format!("/v1/attachments/{right}"), "wrong").await.problem(400);
    assert_eq!(problem["field"], "sha256");
    assert!(problem["rule"].as_str().unwrap().contains(&sha256(b"wrong")), "{problem}");
    carl.get(&format!("/v1/attachments/{right}")).await.problem(404);
    let upper = right.to_uppercase();
    for name in
        ["x", "..%2F..%2Fkeys%2Ftoken.key", &right[1..], &upper, &format!("{right}0"), "%00"]
    {
        carl.put(&format!("/v1/attachments/{name}"), "right").await.problem(400);
        carl.get(&format!("/v1/attachments/{name}")).await.problem(400);
    }
    let too_large = vec![0_u8; 64 * 1024 * 1024 + 1];
    let route = format!("/v1/attachments/{}", sha256(&too_large));
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
    carl.get(&format!("/v1/attachments/{right}")).await.problem(404);
    drop(stream);
    // … and gone once it broke off.
    poll(0).await;
    assert_eq!(carl.put(&format!("/v1/attachments/{right}"), "right").await.status, 201);
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
    for bytes in hostile {
        let route = format!("/v1/attachments/{}", sha256(bytes));
        assert_eq!(carl.put(&route, bytes).await.status, 201);
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
    analyst.put(&format!("/v1/attachments/{}", sha256(b"x")), "x").await.problem(403);
    carl.get(&format!("/v1/attachments/{}", sha256(b"unknown"))).await.problem(404);
}
