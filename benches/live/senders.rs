//! Many sockets that send at once, one message a frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::SinkExt;
use tokio::runtime::Runtime;

use super::report::Report;
use super::socket::{Host, Socket, message, next_text};

const SENDERS: usize = 1_000;
/// Messages that each of them has under way.
const UNDER_WAY: usize = 4;

pub fn measure(
    runtime: &Runtime,
    host: &Host,
    ws: Option<&Host>,
    time: Duration,
    report: &mut Report,
) {
    let name = format!("{SENDERS} sockets, {UNDER_WAY} under way each: acks");
    let acks = runtime.block_on(acks_a_second(host, time));
    report.add(&name, acks.round(), "a second");
    if let Some(ws) = ws {
        let by_ws = runtime.block_on(acks_a_second(ws, time));
        report.add(format!("{name} by ws"), by_ws.round(), "a second");
        report.add_ratio(format!("{name}, beside ws"), acks, by_ws);
    }
}

async fn acks_a_second(host: &Host, time: Duration) -> f64 {
    let sockets = host.connect_many(SENDERS).await;
    let acked = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let until = started + time;
    let senders: Vec<_> = (0..)
        .zip(sockets)
        .map(|(number, socket)| tokio::spawn(send_on(socket, number, until, acked.clone())))
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    acked.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// Sends the next message for each ack.
async fn send_on(mut socket: Socket, number: usize, until: Instant, acked: Arc<AtomicU64>) {
    let conversation = format!("many-{number}");
    let message = |number: usize| message(&conversation, &format!("m{number}"));
    for number in 0..UNDER_WAY {
        socket.send(message(number)).await.unwrap();
    }
    let mut next = UNDER_WAY;
    while Instant::now() < until {
        let text = next_text(&mut socket).await;
        assert!(text.contains(r#""type":"ack""#), "{text}");
        acked.fetch_add(1, Ordering::Relaxed);
        socket.send(message(next)).await.unwrap();
        next += 1;
    }
}
