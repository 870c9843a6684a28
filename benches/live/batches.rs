//! Batches over HTTP beside Redis Streams and a plain file, all of which have the bytes on stable
//! storage when they answer. Redis parses no JSON, hashes nothing and answers no duplicates.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

use super::chat::{Batch, Chat, Size};
use super::peers::Peer;
use super::report::{Report, round};
use super::server::{Connection, Server};

const BATCHES: [usize; 3] = [1, 100, 1_000];
/// Redis answers each command of a pipeline; it is not asked for a thousand at once.
const PIPELINES: [usize; 3] = [1, 16, 100];
const CONNECTIONS: [usize; 3] = [1, 8, 50];
const SHOP: &str = "batches";

/// How much is sent in each way: enough for the smallest to take a moment, and for the largest not
/// to take long.
#[derive(Clone, Copy)]
pub struct Amount {
    pub batches_per_connection: usize,
    pub events_min: usize,
    pub events_max: usize,
}

impl Amount {
    fn events(self, batch: usize, connections: usize) -> usize {
        let events = batch * connections * self.batches_per_connection;
        events.clamp(self.events_min, self.events_max)
    }
}

pub fn measure(
    server: &Server,
    redis: Option<&Peer>,
    file: &Path,
    amount: Amount,
    report: &mut Report,
) {
    for batch in BATCHES {
        let raw = raw(file, &chat(batch, 1, amount));
        report.add(format!("file, {batch} a sync"), raw.round(), "events/s");
    }
    for connections in CONNECTIONS {
        let streams = redis.map(|redis| in_redis(redis, connections, amount, report));
        for batch in BATCHES {
            // The stores finish what was sent before.
            server.settle();
            let before = server.cpu_seconds();
            let rate = over_http(server, &chat(batch, connections, amount));
            let cpu = server.cpu_seconds() - before;
            let name = format!("HTTP, {connections} connections, batches of {batch}");
            report.add(&name, rate.round(), "events/s");
            let cpu = cpu * 1e6 / amount.events(batch, connections) as f64;
            report.add(format!("{name}: CPU an event"), round(cpu, 1), "µs");
            if let Some(streams) = &streams {
                let pipeline = PIPELINES.iter().rposition(|size| *size <= batch).unwrap_or(0);
                let name = format!("{name}, beside Redis with {}", PIPELINES[pipeline]);
                report.add_ratio(name, rate, streams[pipeline]);
            }
        }
    }
}

/// Events that no run before had, dealt out to connections.
fn chat(batch: usize, connections: usize, amount: Amount) -> Chat {
    Chat::new(&Size {
        seed: rand::random(),
        events: amount.events(batch, connections),
        shops: 1,
        lanes: connections,
        batch_events: batch,
        days: 14,
    })
}

/// Events a second into a plain file, with an `fdatasync` for each body.
fn raw(path: &Path, chat: &Chat) -> f64 {
    let mut file = File::create(path).unwrap();
    rate(chat, || {
        for batch in chat.lanes.iter().flatten() {
            file.write_all(&batch.body).unwrap();
            file.sync_data().unwrap();
        }
    })
}

/// Events a second over HTTP.
fn over_http(server: &Server, chat: &Chat) -> f64 {
    let mut connections: Vec<Connection> =
        chat.lanes.iter().map(|_| server.connect(SHOP)).collect();
    rate(chat, || {
        std::thread::scope(|scope| {
            for (connection, lane) in connections.iter_mut().zip(&chat.lanes) {
                scope.spawn(|| lane.iter().for_each(|batch| post(connection, batch)));
            }
        });
    })
}

fn post(connection: &mut Connection, batch: &Batch) {
    let answer = connection.post("/v1/events?origin=imported", "application/x-ndjson", &batch.body);
    let acks = answer.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"id\":"));
    assert_eq!(acks.count(), batch.events, "{}", String::from_utf8_lossy(&answer));
}

/// Events a second into Redis, for each pipeline.
fn in_redis(
    redis: &Peer,
    connections: usize,
    amount: Amount,
    report: &mut Report,
) -> [f64; PIPELINES.len()] {
    PIPELINES.map(|pipeline| {
        let before = redis.cpu_seconds();
        let rate = into_redis(redis.address, &chat(pipeline, connections, amount));
        let cpu = redis.cpu_seconds() - before;
        let name = format!("Redis, {connections} connections, pipelines of {pipeline}");
        report.add(&name, rate.round(), "events/s");
        let cpu = cpu * 1e6 / amount.events(pipeline, connections) as f64;
        report.add(format!("{name}: CPU an event"), round(cpu, 1), "µs");
        rate
    })
}

fn into_redis(address: SocketAddr, chat: &Chat) -> f64 {
    let commands: Vec<Vec<(Vec<u8>, usize)>> =
        chat.lanes.iter().map(|lane| lane.iter().map(commands).collect()).collect();
    rate(chat, || {
        std::thread::scope(|scope| {
            for pipelines in &commands {
                scope.spawn(|| add_to_stream(address, pipelines));
            }
        });
    })
}

/// `XADD batches * e EVENT` for each event, and how many.
fn commands(batch: &Batch) -> (Vec<u8>, usize) {
    let mut commands = Vec::with_capacity(batch.body.len() + batch.events * 64);
    for event in batch.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let head = b"*5\r\n$4\r\nXADD\r\n$7\r\nbatches\r\n$1\r\n*\r\n$1\r\ne\r\n";
        commands.extend_from_slice(head);
        commands.extend_from_slice(format!("${}\r\n", event.len()).as_bytes());
        commands.extend_from_slice(event);
        commands.extend_from_slice(b"\r\n");
    }
    (commands, batch.events)
}

fn add_to_stream(address: SocketAddr, pipelines: &[(Vec<u8>, usize)]) {
    let stream = TcpStream::connect(address).expect("redis-server listens");
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    for (commands, count) in pipelines {
        stream.get_mut().write_all(commands).unwrap();
        for _ in 0..*count {
            line.clear();
            stream.read_line(&mut line).unwrap();
            assert!(line.starts_with('$'), "{line}");
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
    }
}

fn rate(chat: &Chat, mut send: impl FnMut()) -> f64 {
    let events: usize = chat.lanes.iter().flatten().map(|batch| batch.events).sum();
    let started = Instant::now();
    send();
    events as f64 / started.elapsed().as_secs_f64()
}
