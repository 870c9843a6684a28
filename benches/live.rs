//! Live chat as people feel it: a customer sends, an agent's device hears. Prints a table, and as its
//! last line the same figures as JSON.
//!
//! ```text
//! cargo bench --bench live                 delivery at three rates, a thousand senders, idle sockets
//! cargo bench --bench live -- --seconds 2  shorter
//! ```
//! Machines differ: read delivery against `raw`, small writes to a plain file on the same disk with an
//! `fdatasync` each, taken in the same run. Senders and listeners are in this process and share its
//! machine with the server.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "pipeline/report.rs"]
mod report;
#[path = "pipeline/server.rs"]
mod server;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use futures::stream::BoxStream;
use futures::{SinkExt, Stream, StreamExt};
use report::{Report, quantile, round};
use serde_json::{Value, json};
use server::Server;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

type Socket = WebSocketStream<TcpStream>;

const SHOP: &str = "main";
/// Messages a second of one customer.
const RATES: [u32; 3] = [50, 500, 2_000];
/// Bytes of a small frame of the log, about.
const RAW_BYTES: usize = 400;
const RAW_WRITES: usize = 2_000;

/// Measures live chat over WebSockets.
#[derive(Parser)]
#[command(name = "live", max_term_width = 100)]
struct Options {
    /// Seconds for each rate, and for the many senders
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// Sockets that send at once
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    senders: usize,
    /// Messages that each of them has under way
    #[arg(long, value_name = "N", default_value_t = 4)]
    window: usize,
    /// Sockets that are open and silent
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    idle: usize,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut report = Report::default();
    let raw = raw(&scratch.path().join("raw"));
    add_times(&mut report, "raw: write + fdatasync", &raw);
    let server = Server::start(&scratch.path().join("data"));
    let token = server.token(SHOP);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let time = Duration::from_secs(options.seconds);
    for rate in RATES {
        let (acked, delivered) = runtime.block_on(chat(&server, &token, rate, time));
        add_times(&mut report, &format!("{rate} messages/s: ack"), &acked);
        add_times(&mut report, &format!("{rate} messages/s: delivered"), &delivered);
    }
    let acks = runtime.block_on(many(&server, &token, &options));
    let name = format!("{} sockets, {} under way each: acks", options.senders, options.window);
    report.add(name, acks, "a second");
    server.settle();
    let before = server.memory_bytes("VmRSS");
    let idle = runtime.block_on(async {
        let mut idle = Vec::new();
        for _ in 0..options.idle {
            idle.push(connect(&server, &token).await);
        }
        idle
    });
    let taken = server.memory_bytes("VmRSS").saturating_sub(before) as f64;
    let kib = round(taken / 1_024.0 / options.idle as f64, 1);
    report.add(format!("memory of one of {} idle sockets", options.idle), kib, "KiB");
    let (_, delivered) = runtime.block_on(chat(&server, &token, RATES[1], time));
    add_times(&mut report, &format!("{} messages/s beside them: delivered", RATES[1]), &delivered);
    drop(idle);
    server.stop();
    report.print();
}

/// Milliseconds of small durable writes.
fn raw(path: &Path) -> Vec<f64> {
    let mut file = File::create(path).unwrap();
    file.write_all(&vec![0; RAW_BYTES * RAW_WRITES]).unwrap();
    file.sync_all().unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    (0..RAW_WRITES)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[1; RAW_BYTES]).unwrap();
            file.sync_data().unwrap();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect()
}

async fn connect(server: &Server, token: &str) -> Socket {
    let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let stream = TcpStream::connect(server.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

fn send_frame(conversation: &str, id: &str) -> Message {
    let sender = json!({"id": "cust-1", "role": "customer"});
    let event = json!({"id": id, "conversation": conversation, "kind": "message",
        "text": "the cup arrived broken", "sender": sender});
    Message::text(json!({"type": "send", "event": event}).to_string())
}

/// One sends at `rate`, another hears: milliseconds from sending to the ack, and to hearing it.
async fn chat(server: &Server, token: &str, rate: u32, time: Duration) -> (Vec<f64>, Vec<f64>) {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let conversation = format!("live-{rate}-{}", RUN.fetch_add(1, Ordering::Relaxed));
    let count = (time.as_secs_f64() * f64::from(rate)) as usize;
    let mut listener = connect(server, token).await;
    let subscribe = json!({"type": "subscribe", "conversation": conversation, "after_seq": 0});
    listener.send(Message::text(subscribe.to_string())).await.unwrap();
    let (mut sending, receiving) = connect(server, token).await.split();
    let acks = tokio::spawn(arrivals(frames(receiving), "ack", "/id", count));
    let events = tokio::spawn(arrivals(frames(listener), "event", "/record/event/id", count));
    let mut sent = Vec::with_capacity(count);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    for number in 0..count {
        ticks.tick().await;
        let id = format!("m{number}");
        let frame = send_frame(&conversation, &id);
        sent.push((id, Instant::now()));
        sending.send(frame).await.unwrap();
    }
    let since = |at: &HashMap<String, Instant>| {
        let passed = |(id, sent): &(String, Instant)| (at[id] - *sent).as_secs_f64() * 1e3;
        sent.iter().map(passed).collect::<Vec<f64>>()
    };
    (since(&acks.await.unwrap()), since(&events.await.unwrap()))
}

/// When each of `count` frames of one kind came, by the id that stands at `pointer`.
async fn arrivals(
    mut frames: BoxStream<'static, Value>,
    kind: &'static str,
    pointer: &'static str,
    count: usize,
) -> HashMap<String, Instant> {
    let mut at = HashMap::new();
    while at.len() < count {
        let frame = frames.next().await.expect("the socket stays open");
        assert_ne!(frame["type"], "error", "{frame}");
        if frame["type"] == kind {
            let id = frame.pointer(pointer).and_then(Value::as_str).expect("an id");
            at.insert(id.to_string(), Instant::now());
        }
    }
    at
}

fn frames(
    socket: impl Stream<Item = Result<Message, Error>> + Send + 'static,
) -> BoxStream<'static, Value> {
    let frame = async |message: Result<Message, Error>| match message.expect("a frame") {
        Message::Text(text) => serde_json::from_str(&text).ok(),
        _ => None,
    };
    socket.filter_map(frame).boxed()
}

/// Acks a second of many sockets, each with a few messages under way.
async fn many(server: &Server, token: &str, options: &Options) -> u64 {
    let mut sockets = Vec::new();
    for _ in 0..options.senders {
        sockets.push(connect(server, token).await);
    }
    let acked = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let until = started + Duration::from_secs(options.seconds);
    let senders = sockets.into_iter().enumerate().map(|(number, socket)| {
        let conversation = format!("many-{number}");
        tokio::spawn(send_on(socket, conversation, options.window, until, acked.clone()))
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    (acked.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()).round() as u64
}

/// Sends the next message for each ack.
async fn send_on(
    mut socket: Socket,
    conversation: String,
    window: usize,
    until: Instant,
    acked: Arc<AtomicU64>,
) {
    for number in 0..window {
        socket.send(send_frame(&conversation, &format!("m{number}"))).await.unwrap();
    }
    let mut next = window;
    while Instant::now() < until {
        let message = socket.next().await.expect("it stays open").expect("a frame");
        if let Message::Text(text) = message {
            assert!(text.contains("\"type\":\"ack\""), "{text}");
            acked.fetch_add(1, Ordering::Relaxed);
            socket.send(send_frame(&conversation, &format!("m{next}"))).await.unwrap();
            next += 1;
        }
    }
}

/// p50 and p99 of milliseconds.
fn add_times(report: &mut Report, name: &str, times: &[f64]) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
        report.add(format!("{name}, {label}"), round(quantile(&times, share), 2), "ms");
    }
}
