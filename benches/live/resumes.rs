//! Two thousand devices that come back at once, and streams that read all of the log for a shop that
//! has nothing in it: what others feel of them.

use std::time::{Duration, Instant};

use futures::SinkExt;
use tokio::runtime::Runtime;

use super::chat::{Chat, Size};
use super::report::{Report, round};
use super::server::Server;
use super::socket::{Host, Socket, message, next_text, subscription};
use super::{SHOP, Times};

const RESUMING: usize = 2_000;
const CONVERSATIONS: usize = 50;
/// Messages of each conversation, which every device that comes back has missed.
const MISSED: usize = 100;
const STREAMS: usize = 16;
const OTHER_SHOP: &str = "without-records";

/// The records that streams have to pass over, and the conversations that devices come back to.
pub fn fill(runtime: &Runtime, server: &Server, host: &Host, records: usize) {
    let chat = Chat::new(&Size {
        seed: 1,
        events: records,
        shops: 1,
        lanes: 1,
        batch_events: 1_000,
        days: 14,
    });
    let mut connection = server.connect(SHOP);
    for batch in &chat.lanes[0] {
        connection.post("/v1/events?origin=imported", "application/x-ndjson", &batch.body);
    }
    runtime.block_on(fill_conversations(host));
    server.settle();
}

/// On a server that was started after [`fill`]: nothing is in its memory.
pub fn measure(
    server: &Server,
    (others, returning): (&Host, &Host),
    time: Duration,
    report: &mut Report,
) {
    let until = Instant::now() + time;
    let alone = acks_while(others, || Instant::now() < until);
    alone.add_to(report, "one after the other: ack");

    // They stand for devices elsewhere: what they do with what they get is not done on these cores.
    let devices = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(|| {
            let _ = rustix::process::nice(19);
        })
        .build()
        .unwrap();
    let sockets = devices.block_on(returning.connect_many(RESUMING));
    let resuming: Vec<_> =
        (0..).zip(sockets).map(|(number, socket)| devices.spawn(resume(socket, number))).collect();
    let begun = Instant::now();
    let beside = acks_while(others, || !resuming.iter().all(|task| task.is_finished()));
    let name = format!("{RESUMING} sockets resume {MISSED} messages each");
    report.add(format!("{name}: until all have"), round(begun.elapsed().as_secs_f64(), 2), "s");
    add_beside(report, &name, &beside, &alone);

    let begun = Instant::now();
    let beside = std::thread::scope(|scope| {
        let stream = || server.connect(OTHER_SHOP).get("/v1/events?from=0");
        let streams: Vec<_> = (0..STREAMS).map(|_| scope.spawn(stream)).collect();
        let beside = acks_while(others, || !streams.iter().all(|stream| stream.is_finished()));
        for stream in streams {
            assert!(stream.join().unwrap().is_empty(), "it has no records");
        }
        beside
    });
    let name = format!("{STREAMS} streams of a shop without records");
    report.add(format!("{name}: until all end"), round(begun.elapsed().as_secs_f64(), 2), "s");
    add_beside(report, &name, &beside, &alone);
}

fn add_beside(report: &mut Report, name: &str, beside: &Times, alone: &Times) {
    beside.add_to(report, format!("{name}: others' ack"));
    report.add_ratio(format!("{name}: others' ack p50"), beside.p50(), alone.p50());
    report.add_ratio(format!("{name}: others' ack p99"), beside.p99(), alone.p99());
}

/// Sends one message after the other while `goes_on`, on a runtime of its own: those who come back
/// are in this process too.
fn acks_while(host: &Host, goes_on: impl Fn() -> bool) -> Times {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut socket = host.connect().await;
        let conversation = format!("acks-{:016x}", rand::random::<u64>());
        let mut times: Vec<Duration> = Vec::new();
        while goes_on() {
            let sent = Instant::now();
            socket.send(message(&conversation, &format!("m{}", times.len()))).await.unwrap();
            next_text(&mut socket).await;
            times.push(sent.elapsed());
        }
        Times::of(times)
    })
}

fn conversation(number: usize) -> String {
    format!("missed-{}", number % CONVERSATIONS)
}

async fn fill_conversations(host: &Host) {
    let mut socket = host.connect().await;
    for number in 0..CONVERSATIONS {
        for seq in 0..MISSED {
            socket.send(message(&conversation(number), &format!("m{seq}"))).await.unwrap();
        }
        for _ in 0..MISSED {
            next_text(&mut socket).await;
        }
    }
}

async fn resume(mut socket: Socket, number: usize) {
    socket.send(subscription(&conversation(number))).await.unwrap();
    for _ in 0..MISSED {
        let text = next_text(&mut socket).await;
        assert!(text.contains(r#""type":"event""#), "{text}");
    }
}
