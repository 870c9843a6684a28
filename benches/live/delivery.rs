//! One sends, another hears: at several rates, beside what a sync takes at the same rate, and beside
//! a server that keeps nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt, Stream, StreamExt};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::report::Report;
use super::socket::{Host, message, next_text, subscribe};
use super::{Times, peers::Peer};

/// Messages a second of one customer.
const RATES: [u32; 3] = [50, 500, 2_000];
/// Bytes of a small frame of the log, about.
const RAW_BYTES: usize = 400;

pub fn measure(
    runtime: &Runtime,
    host: &Host,
    ws: Option<&Peer>,
    file: &Path,
    time: Duration,
    report: &mut Report,
) {
    for rate in RATES {
        let count = (time.as_secs_f64() * f64::from(rate)) as usize;
        let sync = syncs(file, rate, count);
        sync.add_to(report, format!("{rate} messages/s: a sync alone"));
        let (acked, delivered) = runtime.block_on(chat(host, rate, count));
        acked.add_to(report, format!("{rate} messages/s: ack"));
        delivered.add_to(report, format!("{rate} messages/s: delivered"));
        delivered.add_beyond(report, format!("{rate} messages/s: delivered, beyond a sync"), &sync);
        if let Some(ws) = ws {
            let (_, passed_on) = runtime.block_on(chat(&ws.host(), rate, count));
            passed_on.add_to(report, format!("{rate} messages/s: delivered by ws"));
        }
    }
}

/// Small writes to a plain file with an `fdatasync` each, as often as messages come.
fn syncs(path: &Path, rate: u32, count: usize) -> Times {
    let mut file = File::create(path).unwrap();
    file.write_all(&vec![0; RAW_BYTES * count]).unwrap();
    file.sync_all().unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    let begun = Instant::now();
    let synced = |number: usize| {
        let due = Duration::from_secs(1) / rate * number as u32;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let started = Instant::now();
        file.write_all(&[1; RAW_BYTES]).unwrap();
        file.sync_data().unwrap();
        started.elapsed()
    };
    Times::of((0..count).map(synced))
}

/// One sends at `rate`, another hears: from sending to the ack, and to hearing it.
pub async fn chat(host: &Host, rate: u32, count: usize) -> (Times, Times) {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let conversation = format!("live-{rate}-{}", RUN.fetch_add(1, Ordering::Relaxed));
    let mut listener = host.connect().await;
    subscribe(&mut listener, &conversation).await;
    let (mut sending, receiving) = host.connect().await.split();
    let acks = tokio::spawn(arrivals(receiving, "ack", "/id", count));
    let events = tokio::spawn(arrivals(listener, "event", "/record/event/id", count));
    let mut sent = Vec::with_capacity(count);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    for number in 0..count {
        ticks.tick().await;
        let id = format!("m{number}");
        let frame = message(&conversation, &id);
        sent.push((id, Instant::now()));
        sending.send(frame).await.unwrap();
    }
    let since = |at: &HashMap<String, Instant>| {
        Times::of(sent.iter().map(|(id, sent)| at[id].duration_since(*sent)))
    };
    (since(&acks.await.unwrap()), since(&events.await.unwrap()))
}

/// When each of `count` frames of one kind came, by the id that stands at `pointer`.
async fn arrivals(
    mut socket: impl Stream<Item = Result<Message, Error>> + Unpin,
    kind: &'static str,
    pointer: &'static str,
    count: usize,
) -> HashMap<String, Instant> {
    let mut at = HashMap::new();
    while at.len() < count {
        let text = next_text(&mut socket).await;
        let now = Instant::now();
        let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
        assert_eq!(frame["type"], kind, "{frame}");
        let id = frame.pointer(pointer).and_then(Value::as_str).expect("an id");
        at.insert(id.to_string(), now);
    }
    at
}
