//! Clients that write while the service is killed under them, what was acknowledged to them, and
//! whether a log has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::support::{Http, PATIENCE, Server, lines, message};

/// Clients that send at once, each with conversations of its own.
const CLIENTS: u64 = 3;
const CONVERSATIONS_EACH: u64 = 4;
/// How many conversations there are.
pub const CONVERSATIONS: u64 = CLIENTS * CONVERSATIONS_EACH;
/// Frames of less than a page up to some twenty.
const BATCH_EVENTS_MAX: u64 = 80;
const NOISE_BYTES_MAX: usize = 1_000;

/// Conversation and id.
type Name = (String, String);

/// What an ack, or a record of the log, says of an event's place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    offset: u64,
    seq: u64,
    leaf: String,
}

fn placed(value: &Value) -> Placed {
    let number = |name: &str| value[name].as_u64().unwrap_or_else(|| panic!("no {name}: {value}"));
    Placed {
        offset: number("offset"),
        seq: number("seq"),
        leaf: value["leaf"].as_str().unwrap().to_string(),
    }
}

/// Some clients, between two times of sending.
pub struct Clients {
    list: Vec<Client>,
    acks: Arc<AtomicU64>,
}

/// The same while they send.
pub struct Sending {
    tasks: Vec<JoinHandle<Client>>,
    end: watch::Sender<bool>,
    acks: Arc<AtomicU64>,
}

struct Client {
    number: u64,
    token: String,
    random: StdRng,
    /// The number of the next event.
    next: u64,
    /// Sent, and not yet acknowledged in full: the next to be sent, under the same ids.
    batch: Vec<Value>,
    acked: BTreeMap<Name, Placed>,
    /// Acks that contradict an earlier one.
    complaints: Vec<String>,
}

impl Clients {
    pub fn new(token: &str, random: &mut StdRng) -> Clients {
        let client = |number| Client {
            number,
            token: token.to_string(),
            random: StdRng::seed_from_u64(random.random()),
            next: 1,
            batch: Vec::new(),
            acked: BTreeMap::new(),
            complaints: Vec::new(),
        };
        Clients { list: (0..CLIENTS).map(client).collect(), acks: Arc::default() }
    }

    /// Lets them send to whatever `url` says, until they are stopped.
    pub fn send(self, url: &watch::Receiver<String>) -> Sending {
        let (end, ended) = watch::channel(false);
        let start = |mut client: Client| {
            let (url, ended, acks) = (url.clone(), ended.clone(), self.acks.clone());
            tokio::spawn(async move {
                client.go_on(url, ended, &acks).await;
                client
            })
        };
        let tasks = self.list.into_iter().map(start).collect();
        Sending { tasks, end, acks: self.acks }
    }

    /// Lets each send what it has until all of it is acknowledged.
    pub async fn finish(&mut self, server: &Server) {
        for client in &mut self.list {
            let deadline = Instant::now() + PATIENCE;
            while !client.send_batch(&server.url, &self.acks).await {
                assert!(Instant::now() < deadline, "not acknowledged: {}", server.stderr());
            }
        }
    }

    /// How many events were acknowledged.
    pub fn acked(&self) -> usize {
        self.list.iter().map(|client| client.acked.len()).sum()
    }

    /// Everything that is wrong with a log, given what was acknowledged.
    pub fn complaints(&self, records: &[Value]) -> Vec<String> {
        let acked = self.list.iter().flat_map(|client| client.acked.clone()).collect();
        let earlier = self.list.iter().flat_map(|client| client.complaints.clone());
        earlier.chain(complaints(&acked, &log_of(records))).collect()
    }
}

impl Sending {
    /// Waits until so many more events are acknowledged.
    pub async fn until_acked(&self, more: u64, server: &Server) {
        let before = self.acks.load(Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while self.acks.load(Ordering::Relaxed) < before + more {
            assert!(Instant::now() < deadline, "nothing is acknowledged: {}", server.stderr());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the server's process is gone.
    pub async fn until_killed(&self, server: &mut Server) {
        let deadline = Instant::now() + PATIENCE;
        while !server.has_ended() {
            assert!(Instant::now() < deadline, "it goes on: {}", server.stderr());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn stop(self) -> Clients {
        self.end.send_replace(true);
        let mut list = Vec::new();
        for task in self.tasks {
            list.push(task.await.unwrap());
        }
        Clients { list, acks: self.acks }
    }
}

impl Client {
    async fn go_on(
        &mut self,
        mut url: watch::Receiver<String>,
        ended: watch::Receiver<bool>,
        acks: &AtomicU64,
    ) {
        while !*ended.borrow() {
            let address = url.borrow_and_update().clone();
            if !self.send_batch(&address, acks).await {
                // The server is down: it says where it is when it is up again.
                let _ = tokio::time::timeout(Duration::from_millis(50), url.changed()).await;
            }
        }
    }

    /// Sends a batch, or again the one that was not acknowledged in full; whether it is now.
    async fn send_batch(&mut self, url: &str, acks: &AtomicU64) -> bool {
        if self.batch.is_empty() {
            let count = self.random.random_range(1..=BATCH_EVENTS_MAX);
            self.batch = (0..count).map(|_| self.event()).collect();
        }
        let http = Http::new(url, &self.token);
        let request = http
            .request(reqwest::Method::POST, "/v1/events")
            .header("content-type", "application/x-ndjson");
        let answer = http.try_send(request.body(lines(&self.batch))).await;
        let Some(answers) = answer.ok().filter(|answer| answer.status == 200) else { return false };
        let answers = answers.lines();
        for (ack, event) in answers.iter().zip(&self.batch) {
            if ack["offset"].is_u64() {
                assert_eq!(ack["id"], event["id"]);
                let place = placed(ack);
                let known = self.acked.entry(name_of(event)).or_insert_with(|| place.clone());
                if *known != place {
                    let complaint = format!("{ack} was acknowledged before at {known:?}");
                    self.complaints.push(complaint);
                }
                acks.fetch_add(1, Ordering::Relaxed);
            }
        }
        let is_whole = answers.iter().all(|ack| ack["offset"].is_u64());
        if is_whole {
            self.batch.clear();
        }
        is_whole
    }

    fn event(&mut self) -> Value {
        let (number, at) = (self.number, self.next);
        self.next += 1;
        let conversation = format!("k{number}-{}", at % CONVERSATIONS_EACH);
        let mut noise = vec![0; self.random.random_range(0..NOISE_BYTES_MAX / 2)];
        self.random.fill(&mut noise[..]);
        let text = format!("marker words {at}");
        let mut event = message(&conversation, &format!("m{at}"), "customer", "carl", &text);
        // Not in the text, where each would be words that no other message has.
        event["data"] = hex::encode(noise).into();
        event
    }
}

fn name_of(event: &Value) -> Name {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    (text(&event["conversation"]), text(&event["id"]))
}

fn log_of(records: &[Value]) -> Vec<(Name, Placed)> {
    records.iter().map(|record| (name_of(&record["event"]), placed(record))).collect()
}

/// Everything wrong with a log, given what was acknowledged. Numbers in ids rise in the order of
/// sending.
fn complaints(acked: &BTreeMap<Name, Placed>, log: &[(Name, Placed)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut found: BTreeMap<&Name, &Placed> = BTreeMap::new();
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut before = None;
    for (name, place) in log {
        // Between them stands who looked at what, which the stream leaves out.
        if before.is_some_and(|before| place.offset <= before) {
            complaints.push(format!("offset {} stands behind {before:?}", place.offset));
        }
        before = Some(place.offset);
        if found.insert(name, place).is_some() {
            complaints.push(format!("{name:?} is there twice"));
        }
        let number: u64 = name.1.strip_prefix('m').unwrap().parse().unwrap();
        let (last_seq, last_number) = last.entry(&name.0).or_insert((0, 0));
        if place.seq != *last_seq + 1 {
            complaints.push(format!("{name:?} has seq {} after {last_seq}", place.seq));
        }
        if number <= *last_number {
            complaints.push(format!("{name:?} comes after m{last_number}"));
        }
        (*last_seq, *last_number) = (place.seq, number);
    }
    for (name, place) in acked {
        match found.get(name) {
            None => complaints.push(format!("{name:?} was acknowledged and is lost")),
            Some(kept) if *kept != place => complaints
                .push(format!("{name:?} was acknowledged at {place:?} and is at {kept:?}")),
            Some(_) => {}
        }
    }
    complaints
}

/// The control: a checker that cannot complain proves nothing. Each kind of harm is done to a good
/// log, and must be reported.
#[test]
fn the_checker_reports_every_kind_of_harm() {
    let place = |offset: u64, seq: u64| Placed { offset, seq, leaf: format!("leaf-{offset}") };
    let name = |conversation: &str, number: u64| (conversation.to_string(), format!("m{number}"));
    let log: Vec<(Name, Placed)> = (0..10)
        .map(|n| (name(if n % 2 == 0 { "a" } else { "b" }, n + 1), place(n, n / 2 + 1)))
        .collect();
    let acked: BTreeMap<Name, Placed> = log.iter().cloned().collect();
    assert_eq!(complaints(&acked, &log), Vec::<String>::new());

    let mut lost = log.clone();
    lost.pop();
    assert!(complaints(&acked, &lost).iter().any(|complaint| complaint.contains("is lost")));
    let mut lost_within = log.clone();
    lost_within.remove(4);
    assert!(complaints(&acked, &lost_within).iter().any(|complaint| complaint.contains("is lost")));
    let mut doubled = log.clone();
    doubled.push((log[9].0.clone(), place(10, 6)));
    assert!(complaints(&acked, &doubled).iter().any(|complaint| complaint.contains("twice")));
    let mut moved = log.clone();
    moved.swap(2, 4);
    assert!(complaints(&acked, &moved).iter().any(|complaint| complaint.contains("comes after")));
    let mut other = log.clone();
    other[3].1.leaf = "other".to_string();
    assert!(
        complaints(&acked, &other)
            .iter()
            .any(|complaint| complaint.contains("was acknowledged at"))
    );
    let mut gap = log;
    gap[9].1.seq = 9;
    assert!(
        complaints(&BTreeMap::new(), &gap).iter().any(|complaint| complaint.contains("has seq"))
    );
}
