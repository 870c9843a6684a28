//! A line between clients and the relay that drops, doubles and reorders what goes over it, and breaks:
//! a client that repeats what was not acknowledged is kept once each, and one that resumes from the last
//! it heard hears everything, once and in order.
//!
//! `VERBATIM_BAD_LINE_SENDS=N` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::{Sink, SinkExt, Stream, StreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use verbatim::access::TokenRole::{Admin, Human};

use super::socket::Socket;
use super::support::{Data, PATIENCE, SHOP, Server, message, seeded, trials};

/// Events in a usual run.
const SENDS: u64 = 400;
const CONVERSATIONS: u64 = 8;
/// A client that hears nothing for so long says again what it wants.
const QUIET: Duration = Duration::from_millis(60);

/// Listens as a relay does, and passes on what comes to one and back.
async fn bad_line(server_url: String, mut random: StdRng) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let random = StdRng::seed_from_u64(random.random());
            tokio::spawn(pass(stream, server_url.clone(), random));
        }
    });
    url
}

/// One connection, until either side leaves or the line breaks.
async fn pass(stream: TcpStream, server_url: String, mut random: StdRng) {
    let mut token = None;
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        token = request.headers().get("authorization").cloned();
        Ok(response)
    };
    let Ok(client) = tokio_tungstenite::accept_hdr_async(stream, note).await else { return };
    let address = server_url.strip_prefix("http://").unwrap();
    let mut request = format!("ws://{address}/v1/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", token.unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    let (server, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let (to_client, from_client) = client.split();
    let (to_server, from_server) = server.split();
    let there = mangle(from_client, to_server, StdRng::seed_from_u64(random.random()));
    let back = mangle(from_server, to_client, random);
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

/// Passes frames one way: of a thousand, 80 are dropped, 80 doubled, 80 come late, 10 end the line.
async fn mangle(
    mut from: impl Stream<Item = Result<Message, Error>> + Unpin,
    mut to: impl Sink<Message> + Unpin,
    mut random: StdRng,
) {
    let mut held_back: Option<Message> = None;
    while let Some(Ok(frame)) = from.next().await {
        let mut frames = match random.random_range(0..1_000) {
            _ if !frame.is_text() => vec![frame],
            0..80 => Vec::new(),
            80..160 => vec![frame.clone(), frame],
            160..240 if held_back.is_none() => {
                // Until after the next one.
                held_back = Some(frame);
                continue;
            }
            240..250 => return,
            _ => vec![frame],
        };
        frames.extend(held_back.take());
        for frame in frames {
            if to.send(frame).await.is_err() {
                return;
            }
        }
    }
}

fn conversation_of(number: u64) -> String {
    format!("c{}", number % CONVERSATIONS)
}

/// Whether a client sends again what was not acknowledged.
#[derive(Clone, Copy, PartialEq)]
enum Repeats {
    Yes,
    No,
}

/// Sends so many events, in each conversation the next when the one before is acknowledged; returns
/// each one's ack.
async fn send_all(url: &str, token: &str, sends: u64, repeats: Repeats) -> BTreeMap<String, Value> {
    let mut acks: BTreeMap<String, Value> = BTreeMap::new();
    let mut waiting: BTreeSet<u64> = (0..CONVERSATIONS.min(sends)).collect();
    let deadline = Instant::now() + PATIENCE * 10;
    'lines: while !waiting.is_empty() {
        assert!(Instant::now() < deadline, "{} of {sends} acknowledged", acks.len());
        let Ok(mut socket) = Socket::try_open(url, token, &[]).await else { continue };
        let mut unsent: Vec<u64> = waiting.iter().copied().collect();
        loop {
            for number in unsent.drain(..) {
                let event =
                    message(&conversation_of(number), &format!("m{number}"), "human", "anna", "x");
                let frame = json!({"type": "send", "event": event}).to_string();
                if socket.try_send(Message::text(frame)).await.is_err() {
                    continue 'lines;
                }
            }
            match socket.frame_within(QUIET).await {
                Ok(Some(frame)) if frame["type"] == "ack" => {
                    let id = frame["id"].as_str().unwrap().to_string();
                    let number: u64 = id[1..].parse().unwrap();
                    let known = acks.entry(id).or_insert_with(|| frame.clone());
                    assert_eq!(*known, frame, "an id acknowledged twice keeps its place");
                    if waiting.remove(&number) && number + CONVERSATIONS < sends {
                        waiting.insert(number + CONVERSATIONS);
                        unsent.push(number + CONVERSATIONS);
                    }
                    if waiting.is_empty() {
                        return acks;
                    }
                }
                Ok(Some(frame)) => panic!("{frame}"),
                Ok(None) if repeats == Repeats::No => return acks,
                Ok(None) => unsent = waiting.iter().copied().collect(),
                Err(_) if repeats == Repeats::No => return acks,
                Err(_) => continue 'lines,
            }
        }
    }
    acks
}

/// Hears every conversation to its end, whatever the line does.
async fn hear_all(url: String, token: String, sends: u64) -> BTreeMap<String, Vec<String>> {
    let each = |conversation: u64| (conversation..sends).step_by(CONVERSATIONS as usize).count();
    let due: BTreeMap<String, usize> =
        (0..CONVERSATIONS).map(|number| (conversation_of(number), each(number))).collect();
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE * 10;
    'lines: loop {
        assert!(Instant::now() < deadline, "heard {heard:?}");
        let Ok(mut socket) = Socket::try_open(&url, &token, &[]).await else { continue };
        let mut behind: Vec<String> = due.keys().cloned().collect();
        loop {
            for conversation in behind.drain(..) {
                let after_seq = heard.get(&conversation).map_or(0, Vec::len);
                let frame = json!({
                    "type": "subscribe", "conversation": conversation, "after_seq": after_seq,
                });
                if socket.try_send(Message::text(frame.to_string())).await.is_err() {
                    continue 'lines;
                }
            }
            let is_due =
                |(name, due): &(&String, &usize)| heard.get(*name).map_or(0, Vec::len) < **due;
            if !due.iter().any(|entry| is_due(&entry)) {
                return heard;
            }
            match socket.frame_within(QUIET).await {
                Ok(Some(frame)) if frame["type"] == "event" => {
                    let event = &frame["record"]["event"];
                    let conversation = event["conversation"].as_str().unwrap().to_string();
                    let texts = heard.entry(conversation.clone()).or_default();
                    let seq = frame["record"]["seq"].as_u64().unwrap() as usize;
                    if seq == texts.len() + 1 {
                        texts.push(event["id"].as_str().unwrap().to_string());
                    } else if seq > texts.len() + 1 && behind.is_empty() {
                        // A frame is missing, or late: from the last that came in order.
                        behind.push(conversation);
                    }
                }
                Ok(Some(frame)) => panic!("{frame}"),
                Ok(None) => {
                    behind = due.iter().filter(is_due).map(|(name, _)| name.clone()).collect();
                }
                Err(_) => continue 'lines,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_bad_line_each_event_is_kept_once_and_heard_once() {
    let (sends, mut random) = (trials("VERBATIM_BAD_LINE_SENDS", SENDS), seeded("a bad line"));
    let data = Data::new();
    let mut server = Server::start(&data);
    let url = bad_line(server.url.clone(), StdRng::seed_from_u64(random.random())).await;
    let token = data.token(SHOP, "anna", &[Human]);
    let listener = tokio::spawn(hear_all(url.clone(), token.clone(), sends));
    let acks = send_all(&url, &token, sends, Repeats::Yes).await;
    let heard = listener.await.unwrap();

    let expected: Vec<String> = (0..sends).map(|number| format!("m{number}")).collect();
    for (conversation, ids) in &heard {
        let of_it = |number: &u64| conversation_of(*number) == *conversation;
        let sent: Vec<&String> = (0..sends).filter(of_it).map(|n| &expected[n as usize]).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), sent, "{conversation}");
    }
    let records = server.http_as(&data, "boss", &[Admin]).records().await;
    assert_eq!(records.len() as u64, sends, "each once");
    for record in &records {
        let ack = &acks[record["event"]["id"].as_str().unwrap()];
        assert_eq!((&ack["offset"], &ack["seq"]), (&record["offset"], &record["seq"]));
    }
    println!("{sends} events over a bad line: each kept once, heard once and in order");
    server.assert_alive();
    assert_eq!(server.stop(), 0);
}

/// The control: over the same line, a client that does not repeat does not bring everything.
#[tokio::test(flavor = "multi_thread")]
async fn over_a_bad_line_a_client_that_does_not_repeat_is_seen_to_lose() {
    let mut random = seeded("a bad line without repetition");
    let data = Data::new();
    let server = Server::start(&data);
    let url = bad_line(server.url.clone(), StdRng::seed_from_u64(random.random())).await;
    let token = data.token(SHOP, "anna", &[Human]);
    let acks = send_all(&url, &token, SENDS, Repeats::No).await;
    assert!((acks.len() as u64) < SENDS, "the line is a good one");
    assert_eq!(server.stop(), 0);
}
