//! One subject asks and sends no more than its share, is told when to go on, and holds up no other.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Human};

use super::socket::Socket;
use super::support::{Answer, Data, Http, PATIENCE, SHOP, Server, lines, message};

/// How long the answer says to wait; it is said in the head and in the body.
fn wait_of(answer: &Answer) -> Duration {
    let problem = answer.problem(429);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!(seconds > 0 && problem["retry_after"] == seconds, "{problem}");
    Duration::from_secs(seconds)
}

/// A device in a loop fills a shop's archive as fast as it can.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sends_so_fast_and_is_told_when_to_go_on() {
    let data = Data::new();
    data.set("customer_events_per_second = 2");
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let said = |number: usize| message("c", &number.to_string(), "customer", "carl", "hello");
    let mut taken = 0;
    let refused = loop {
        let answer = carl.event(&said(taken)).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 1_000, "as many as they like");
    };
    assert!(taken >= 20, "{taken}: a pause's worth comes at once");
    // Others are in nobody's way, and a shop's agents are its own.
    let dora = server.http_as(&data, "dora", &[Customer]);
    assert_eq!(dora.event(&message("d", "1", "customer", "dora", "hello")).await.status, 200);
    let anna = server.http_as(&data, "anna", &[Human]);
    let replies: Vec<_> =
        (0..200).map(|n| message("c", &format!("a{n}"), "human", "anna", "hello")).collect();
    anna.events(&replies).await;
    tokio::time::sleep(wait_of(&refused)).await;
    assert_eq!(carl.event(&said(taken)).await.status, 200);
    // No batch is a way round it.
    let batch: Vec<_> = (1_000..1_021).map(said).collect();
    let answer = carl.post("/v1/events", "application/x-ndjson", lines(&batch)).await;
    answer.problem(413);
}

/// A socket is not read faster than its customer may send; what it sent is all there, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_sends_too_fast_waits_and_loses_nothing() {
    let data = Data::new();
    data.set("customer_events_per_second = 20");
    let server = Server::start(&data);
    let mut socket = Socket::open(&server, &data.token(SHOP, "carl", &[Customer])).await;
    let since = Instant::now();
    for number in 0..240 {
        socket.send_event(message("c", &number.to_string(), "customer", "carl", "x")).await;
    }
    for number in 0..240 {
        assert_eq!(socket.expect("ack").await["id"], number.to_string());
    }
    // 200 at once, and 40 at 20 a second.
    assert!(since.elapsed() > Duration::from_millis(1_500), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_uploads_so_much_a_day() {
    let data = Data::new();
    data.set("customer_upload_mib_per_day = 1");
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let put = async |who: &Http, byte: u8| {
        let bytes = vec![byte; 600 * 1024];
        let hash = hex::encode(Sha256::digest(&bytes));
        who.put(&format!("/v1/attachments/{hash}"), bytes).await
    };
    assert_eq!(put(&carl, 1).await.status, 201);
    assert!(wait_of(&put(&carl, 2).await) > Duration::from_secs(60));
    let anna = server.http_as(&data, "anna", &[Human]);
    for byte in 3..6 {
        assert_eq!(put(&anna, byte).await.status, 201);
    }
}

/// One token's questions held every core, and all the turns that questions have.
#[tokio::test(flavor = "multi_thread")]
async fn one_subject_does_not_have_all_questions() {
    let data = Data::new();
    let server = Server::ready(&data).await;
    let max = server.http_as(&data, "max", &[Analyst]);
    let slow = "select count(*) from generate_series(1, 30000) a, generate_series(1, 30000) b \
                where (a.value * b.value) % 7 = 3";
    let asked = (0..24).map(|_| {
        let max = max.clone();
        tokio::spawn(async move { max.sql(slow).await })
    });
    let asked: Vec<_> = asked.collect();
    // Another's question is answered while they run.
    let mia = server.http_as(&data, "mia", &[Analyst]);
    assert_eq!(mia.sql("select 1 as one").await.json(), json!([{"one": 1}]));
    let mut refused = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        if answer.status == 429 {
            wait_of(&answer);
            refused += 1;
        }
    }
    assert_eq!(refused, 16, "8 run");
    // What was held is given back.
    assert_eq!(max.sql("select 1 as one").await.status, 200);
}

/// What is asked by another route, or for its head alone, is of the same turns.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_route_is_a_way_round_a_share() {
    let data = Data::new();
    let server = Server::ready(&data).await;
    let max = server.http_as(&data, "max", &[Analyst]);
    let slow = "select count(*) from generate_series(1, 2000000) a, generate_series(1, 2000000) b \
                where (a.value * b.value) % 7 = 3";
    let asked = (0..8).map(|_| {
        let max = max.clone();
        tokio::spawn(async move { max.sql(slow).await })
    });
    let asked: Vec<_> = asked.collect();
    // All of them have begun.
    let boss = server.http_as(&data, "boss", &[Admin]);
    let deadline = Instant::now() + PATIENCE;
    while !boss.get("/metrics").await.text().contains("verbatim_exports_running 8") {
        assert!(Instant::now() < deadline, "they do not run");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let export = max.request(method.clone(), "/v1/export/messages?format=csv");
            if max.send(export).await.status == 429 {
                break;
            }
            assert!(Instant::now() < deadline, "{method} is always answered");
        }
    }
    asked.into_iter().for_each(|asked| asked.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_have_a_rate() {
    let data = Data::new();
    data.set("requests_per_second = 1");
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let mut answered = 0;
    let refused = loop {
        let answer = max.get("/v1/status").await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
        assert!(answered < 1_000, "as many as they like");
    };
    assert!(answered >= 10, "{answered}");
    assert!(wait_of(&refused) <= Duration::from_secs(1));
    let mia = server.http_as(&data, "mia", &[Analyst]);
    assert_eq!(mia.get("/v1/status").await.status, 200);
}

/// A route that is mistyped is told so as any error is, in words a program reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_has_not_is_a_problem_document() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    for path in ["/v1/nope", "/v1/conversations/", "/v1/reports/a/b"] {
        let problem = max.get(path).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains(path), "{problem}");
    }
    let problem = max.put("/v1/sql", "select 1").await.problem(405);
    assert!(problem["detail"].as_str().unwrap().contains("PUT"), "{problem}");
}

/// A chain of operators is gone through by recursion. Three kilobytes of `+1` ended the process, for all
/// shops.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_is_too_deep_for_the_service() {
    let data = Data::new();
    let mut server = Server::ready(&data).await;
    let max = server.http_as(&data, "max", &[Analyst]);
    let steps = [
        ("select 1", "+1", 30_000),
        ("select 1", " union all select 1", 3_000),
        ("select * from events where id = 'a'", " or id = 'b'", 4_000),
        ("select 1", "::int", 12_000),
        ("select 'a'", "||'a'", 10_000),
        ("select 1", " is null", 7_000),
        ("select * from events", ", events", 7_000),
        ("select * from events e", " cross join events", 3_000),
    ];
    for (begin, step, count) in steps {
        for count in [count, 300] {
            let answer = max.sql(&format!("{begin}{}", step.repeat(count))).await;
            assert_eq!(answer.status, 400, "{step} × {count}: {}", answer.text());
        }
        server.assert_alive();
    }
    let deepest = max.sql(&format!("select 1{} as n", " + 1".repeat(256))).await;
    assert_eq!(deepest.json(), json!([{"n": 257}]));
    let many = format!("select 1 as n{}", " union all select 1".repeat(256));
    assert_eq!(max.sql(&many).await.json().as_array().unwrap().len(), 257);
    let any =
        format!("select count(*) as n from events where id = 'a'{}", " or id = 'b'".repeat(127));
    assert_eq!(max.sql(&any).await.json(), json!([{"n": 0}]));
}

/// A stream that followed went on after its token was revoked, for as long as somebody read it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let data = Data::new();
    let server = Server::start(&data);
    let max = server.http_as(&data, "max", &[Analyst]);
    let follow = max.request(reqwest::Method::GET, "/v1/events?follow=true");
    let follow = follow.bearer_auth(data.token(SHOP, "max", &[Analyst]));
    let mut follow = follow.send().await.unwrap();
    assert_eq!(follow.status(), 200);
    tokio::task::block_in_place(|| {
        // Made elsewhere, it is not in the list of those that were made here: so the code is 1.
        data.run(["token", "revoke", "--sub", "max", "--shop", SHOP]).assert_code(1);
    });
    let ended = tokio::time::timeout(PATIENCE, follow.chunk()).await.expect("it goes on");
    assert!(ended.is_err(), "a clean end would say that this was all");
}

/// An export was written on for as long as it was read, whatever became of its token.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_ends_with_its_token() {
    let data = Data::new();
    let server = Server::ready(&data).await;
    let max = server.http_as(&data, "max", &[Analyst]);
    let asked = max.request(reqwest::Method::POST, "/v1/sql?format=csv");
    let asked = asked.bearer_auth(data.token(SHOP, "max", &[Analyst]));
    // So many rows that nobody reads them to the end.
    let sql = "select repeat('x', 1000) as x from generate_series(1, 1000000000)";
    let mut answer = asked.body(sql).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.chunk().await.unwrap().expect("rows");
    tokio::task::block_in_place(|| {
        data.run(["token", "revoke", "--sub", "max", "--shop", SHOP]).assert_code(1);
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        match tokio::time::timeout(PATIENCE, answer.chunk()).await.expect("it stands still") {
            Ok(Some(_)) => assert!(Instant::now() < deadline, "it goes on"),
            Ok(None) => panic!("a clean end would say that this was all"),
            Err(_) => break,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mia = server.http_as(&data, "mia", &[Analyst]);
    assert_eq!(mia.sql("select 1 as one").await.json(), json!([{"one": 1}]));
}

/// HTTP/1.0 has no way to tell a whole answer without a length from one that broke off.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_without_a_length_is_given_to_who_cannot_tell_its_end() {
    let data = Data::new();
    let server = Server::start(&data);
    let token = data.token(SHOP, "max", &[Analyst]);
    server
        .http_as(&data, "carl", &[Customer])
        .event(&message("c", "m", "customer", "carl", "hello"))
        .await;
    for (asked, status) in [
        ("GET /v1/export/events?format=csv", "505"),
        ("GET /v1/events", "505"),
        ("GET /v1/conversations/c", "505"),
        ("POST /v1/sql", "505"),
        ("GET /v1/reports/waiting_by_day/rows?figure=median_s&at.day=2026-11-19", "505"),
        ("GET /v1/status", "200"),
        ("GET /search", "200"),
    ] {
        let mut stream =
            TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap();
        let body = if asked.starts_with("POST") { "SELECT 1" } else { "" };
        let head = format!(
            "{asked} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{asked}: {answer}");
    }
}

/// Whoever signs in has shown no token: their bodies took gigabytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sends_no_large_body() {
    let data = Data::new();
    let server = Server::start(&data);
    let stranger = server.http_as(&data, "max", &[Analyst]).without_token();
    let form = "application/x-www-form-urlencoded";
    let answer = stranger.post("/login", form, format!("token={}", "x".repeat(20_000))).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

/// A request whose body does not end: its head, and so many bytes of the body.
async fn begin(server: &Server, token: &str, head: &str, bytes: usize) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may answer before everything is sent.
    let _ = stream.write_all(&vec![b' '; bytes]).await;
    stream
}

/// The status of an answer; `None` where none came for a while.
async fn status_within(stream: &mut TcpStream, wait: Duration) -> Option<String> {
    let mut answer = [0; 1_024];
    let read = tokio::time::timeout(wait, stream.read(&mut answer)).await.ok()?;
    let answer = String::from_utf8_lossy(&answer[..read.ok()?]).into_owned();
    Some(answer.split(' ').nth(1).unwrap_or_default().to_string())
}

const WHILE: Duration = Duration::from_millis(200);

/// 64 requests of one token, 8 MiB each, none of which ends.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_one_subject_are_bounded_in_bytes() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = data.token(SHOP, "boss", &[Admin]);
    let head =
        "POST /v1/events HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 8388608";
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(begin(&server, &boss, head, 8_000_000).await);
    }
    let mut refused = 0;
    for stream in &mut open {
        if let Some(status) = status_within(stream, WHILE).await {
            assert_eq!(status, "429");
            refused += 1;
        }
    }
    assert_eq!(refused, 8, "64 MiB are in memory");
    let anna = server.http_as(&data, "anna", &[Human]);
    assert_eq!(anna.event(&message("c", "m", "human", "anna", "hello")).await.status, 200);
    drop(open);
    let again = server.http(&boss);
    let deadline = Instant::now() + PATIENCE;
    while again.event(&message("c", "b", "human", "boss", "hello")).await.status != 200 {
        assert!(Instant::now() < deadline, "what was held is given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let carl = server.http_as(&data, "carl", &[Customer]);
    let long = lines(&[message("c", "x", "customer", "carl", "hello")]).repeat(10_000);
    carl.post("/v1/events", "application/x-ndjson", long).await.problem(413);
}

/// Each upload has a file open, and a connection: a shop's customers took every descriptor there was.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_leave_descriptors_to_others() {
    let data = Data::new();
    let server = Server::start(&data);
    let hash = hex::encode(Sha256::digest(b"never whole"));
    let head = format!("PUT /v1/attachments/{hash} HTTP/1.1\r\nContent-Length: 1000");
    let mut open = Vec::new();
    // A shop has at most half of the places.
    for number in 0..13 {
        let shop = if number == 12 { "third" } else { [SHOP, "another"][number % 2] };
        let token = data.token(shop, &format!("carl{number}"), &[Human]);
        for _ in 0..16 {
            open.push(begin(&server, &token, &head, 10).await);
        }
    }
    let mut answers: FuturesUnordered<_> =
        open.iter_mut().map(|stream| status_within(stream, PATIENCE)).collect();
    for _ in 0..16 {
        assert_eq!(answers.next().await.flatten().as_deref(), Some("503"));
    }
    let more = tokio::time::timeout(WHILE, answers.next()).await;
    assert!(more.is_err(), "one that has its place waits for the rest: {more:?}");
    drop(answers);
    drop(open);
    let anna = server.http_as(&data, "anna", &[Human]);
    let deadline = Instant::now() + PATIENCE;
    let put = async || anna.put(&format!("/v1/attachments/{hash}"), "never whole").await.status;
    while put().await != 201 {
        assert!(Instant::now() < deadline, "what was held is given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
