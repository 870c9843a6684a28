//! Events sent as they are made, over several connections: ten million need no more memory than a
//! few batches.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use verbatim::model::Event;

use super::server::{Connection, Server};

/// Connections that send, each with conversations of its own.
const SENDERS: usize = 4;
const BATCH_EVENTS: usize = 1_000;
/// Batches that wait for a sender: × 4 senders × 300 KB.
const BATCHES_WAITING: usize = 4;
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(3_600);
const STATUS_EVERY: Duration = Duration::from_millis(200);

/// Sends all `events`, each with the number of its conversation, as transcripts of `shop`. Returns how many there were.
pub fn send_all(server: &Server, shop: &str, events: impl Iterator<Item = (u64, Event)>) -> usize {
    let started = Instant::now();
    let mut sent = 0;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (queue, batches) = mpsc::sync_channel::<Vec<u8>>(BATCHES_WAITING);
                let mut connection = server.connect(shop);
                scope.spawn(move || batches.iter().for_each(|body| send(&mut connection, &body)));
                queue
            })
            .collect();
        let mut waiting = vec![(Vec::new(), 0); SENDERS];
        for (conversation, event) in events {
            let lane = conversation as usize % SENDERS;
            let (body, filled) = &mut waiting[lane];
            serde_json::to_writer(&mut *body, &event).expect("an event is JSON");
            body.push(b'\n');
            *filled += 1;
            sent += 1;
            if *filled == BATCH_EVENTS {
                *filled = 0;
                lanes[lane].send(std::mem::take(body)).expect("its sender runs");
            }
        }
        for (lane, (body, _)) in lanes.iter().zip(waiting) {
            lane.send(body).expect("its sender runs");
        }
    });
    eprintln!("{sent} events sent in {:.0} s", started.elapsed().as_secs_f64());
    sent
}

/// Sends the lines of one body; each must be taken.
pub fn send(connection: &mut Connection, body: &[u8]) {
    if body.is_empty() {
        return;
    }
    let answer = connection.post("/v1/events?origin=imported", "application/x-ndjson", body);
    let is_refused = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"{\"id\":");
    let refused = answer.split(|byte| *byte == b'\n').find(is_refused);
    assert!(refused.is_none(), "{}", String::from_utf8_lossy(refused.unwrap_or_default()));
}

/// Waits until all stores have committed what was acknowledged.
pub fn catch_up(server: &Server, shop: &str) {
    let started = Instant::now();
    let connection = &mut server.connect(shop);
    loop {
        let status = server.status(connection);
        if status.stores.iter().all(|store| store.cursor == status.head) {
            return;
        }
        assert!(started.elapsed() < CATCH_UP_TIME_MAX, "the stores do not catch up");
        std::thread::sleep(STATUS_EVERY);
    }
}
