//! How a service ends: what it took is answered, and what it did not take is nowhere.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim::access::TokenRole::Admin;

use super::socket::{Received, Socket};
use super::support::{Data, Http, PATIENCE, SHOP, Server, lines, message};

const CLIENTS: u64 = 3;
const BATCH_EVENTS: u64 = 20;
/// Frames that a socket sends ahead of their acks.
const AHEAD: usize = 50;

/// Offsets by id.
type Acked = BTreeMap<String, u64>;

fn event(client: &str, number: u64) -> Value {
    message(&format!("c-{client}"), &format!("{client}-{number}"), "customer", "carl", "words")
}

fn note(acked: &mut Acked, ack: &Value, count: &AtomicU64) {
    acked.insert(ack["id"].as_str().unwrap().to_string(), ack["offset"].as_u64().unwrap());
    count.fetch_add(1, Ordering::Relaxed);
}

/// Posts until there is no answer any more.
async fn post_on(client: String, url: String, token: String, count: Arc<AtomicU64>) -> Acked {
    let (http, mut acked) = (Http::new(&url, &token), Acked::new());
    for batch in 0.. {
        let numbers = batch * BATCH_EVENTS..(batch + 1) * BATCH_EVENTS;
        let events: Vec<Value> = numbers.map(|number| event(&client, number)).collect();
        let request = http
            .request(reqwest::Method::POST, "/v1/events")
            .header("content-type", "application/x-ndjson")
            .body(lines(&events));
        let Ok(answer) = http.try_send(request).await else { break };
        assert_eq!(answer.status, 200, "{}", answer.text());
        for ack in answer.lines() {
            if ack["offset"].is_u64() {
                note(&mut acked, &ack, &count);
            } else {
                assert_eq!(ack["status"], 503, "{ack}");
            }
        }
    }
    acked
}

/// Sends ahead of the acks until the socket is closed, which must be with the code that says why.
async fn send_on(client: String, mut socket: Socket, count: Arc<AtomicU64>) -> Acked {
    let (mut acked, mut number, mut sends) = (Acked::new(), 0, true);
    let mut refused = 0;
    loop {
        while sends && (number as usize) < acked.len() + refused + AHEAD {
            let frame = json!({"type": "send", "event": event(&client, number)}).to_string();
            let sent = socket.try_send(frame.into()).await;
            // The close frame may be on its way already.
            sends = sent.is_ok();
            number += 1;
        }
        match socket.receive().await {
            Received::Frame(frame) if frame["type"] == "ack" => note(&mut acked, &frame, &count),
            Received::Frame(frame) => {
                assert_eq!(frame["problem"]["status"], 503, "{frame}");
                refused += 1;
            }
            Received::Closed(code) => {
                assert_eq!(code, Some(1001), "going away");
                return acked;
            }
        }
    }
}

/// A deployment stops the service amid traffic. What a client was not answered is not in the log, and
/// what is in the log its sender was told: nobody is left in doubt.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_leaves_nobody_in_doubt() {
    let data = Data::new();
    let token = data.token(SHOP, "boss", &[Admin]);
    let mut server = Server::start(&data);
    for round in 0..3 {
        let count = Arc::new(AtomicU64::new(0));
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let (name, url) = (format!("h{round}{number}"), server.url.clone());
            clients.push(tokio::spawn(post_on(name, url, token.clone(), count.clone())));
            let socket = Socket::open(&server, &token).await;
            clients.push(tokio::spawn(send_on(format!("w{round}{number}"), socket, count.clone())));
        }
        let since = Instant::now();
        while count.load(Ordering::Relaxed) < 1_000 {
            assert!(since.elapsed() < PATIENCE, "{}", server.stderr());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(tokio::task::block_in_place(|| server.stop()), 0);
        let mut acked = Acked::new();
        for client in clients {
            acked.extend(client.await.unwrap());
        }
        server = tokio::task::block_in_place(|| Server::start(&data));
        let records = server.http(&token).records().await;
        let of_this_round = |record: &&Value| {
            let id = record["event"]["id"].as_str().unwrap();
            id[1..].starts_with(&round.to_string())
        };
        let kept: Acked = records
            .iter()
            .filter(of_this_round)
            .map(|record| {
                let id = record["event"]["id"].as_str().unwrap().to_string();
                (id, record["offset"].as_u64().unwrap())
            })
            .collect();
        let lost = acked.iter().find(|(id, offset)| kept.get(*id) != Some(offset));
        assert_eq!(lost, None, "was acknowledged");
        let untold = kept.iter().find(|(id, _)| !acked.contains_key(*id));
        assert_eq!(untold, None, "is kept, and its sender does not know");
    }
    assert_eq!(tokio::task::block_in_place(|| server.stop()), 0);
}

/// Writes the beginning of a request.
fn begin(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// The beginning of a request with an event, whose head was read; and the rest of it.
fn begin_event(server: &Server, token: &str) -> (TcpStream, String) {
    let body = event("slow", 0).to_string();
    let (first, rest) = body.split_at(10);
    let mut stream = begin(
        server,
        &format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        ),
    );
    // The server asks for the body once it has begun with the request.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    stream.write_all(first.as_bytes()).unwrap();
    (stream, rest.to_string())
}

/// How many sockets the service has open.
fn sockets(server: &Server) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

fn rest_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// A request that is under way when the stop begins is answered, whoever asks meanwhile is told that
/// the service is not ready, and nobody new is let in.
#[test]
fn what_is_under_way_is_answered_while_readiness_is_gone() {
    let data = Data::new();
    let token = data.token(SHOP, "boss", &[Admin]);
    let server = Server::start(&data);
    let (mut event, rest) = begin_event(&server, &token);
    let before = sockets(&server);
    let mut ready = begin(&server, "GET /readyz HTTP/1.1\r\nhost: x\r\n");
    let since = Instant::now();
    while sockets(&server) == before {
        assert!(since.elapsed() < PATIENCE, "it is not let in");
    }
    server.terminate();
    server.until_says("stopping");
    // A head of which nothing had been read when the stop began is of no request under way: then its
    // connection ends.
    let mut answer = String::new();
    let is_answered =
        ready.write_all(b"\r\n").and_then(|()| ready.read_to_string(&mut answer)).is_ok();
    if is_answered && !answer.is_empty() {
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("stopping\n"), "{answer}");
    }
    let since = Instant::now();
    while TcpStream::connect(server.url.strip_prefix("http://").unwrap()).is_ok() {
        assert!(since.elapsed() < PATIENCE, "it lets in whoever comes");
    }
    event.write_all(rest.as_bytes()).unwrap();
    let answer = rest_of(event);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"offset\":0"), "{answer}");
    let (code, said) = server.ended();
    assert_eq!(code, 0, "{said}");
    assert_eq!(data.number("select count(*) from events"), 1);
}

/// Somebody who does not want to wait says so again.
#[test]
fn a_second_signal_ends_at_once() {
    let data = Data::new();
    let token = data.token(SHOP, "boss", &[Admin]);
    let server = Server::start(&data);
    let (_event, _rest) = begin_event(&server, &token);
    server.terminate();
    server.until_says("stopping");
    server.terminate();
    let (code, said) = server.ended();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("stopped at once"), "{said}");
}
