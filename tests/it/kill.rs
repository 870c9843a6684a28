//! `kill -9` under load, again and again: what was acknowledged is there, once, at its place, in
//! every store.
//!
//! `VERBATIM_KILLS=N` makes it longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::Value;
use tokio::sync::watch;
use verbatim::access::TokenRole::Admin;

use super::support::{Data, Http, PATIENCE, SHOP, Server, lines, message};

/// Kills in a usual run.
const KILLS: u64 = 12;
/// Clients that send at once, each with conversations of its own.
const CLIENTS: u64 = 3;
const CONVERSATIONS_EACH: u64 = 4;
const BATCH_EVENTS: u64 = 40;

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

/// Everything wrong with a log, given what was acknowledged. Numbers in ids rise in the order of
/// sending.
fn complaints(acked: &BTreeMap<Name, Placed>, log: &[(Name, Placed)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut found: BTreeMap<&Name, &Placed> = BTreeMap::new();
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (index, (name, place)) in log.iter().enumerate() {
        if place.offset != index as u64 {
            complaints.push(format!("offset {} stands at {index}", place.offset));
        }
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

fn log_of(records: &[Value]) -> Vec<(Name, Placed)> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    records
        .iter()
        .map(|record| {
            ((text(&record["event"]["conversation"]), text(&record["event"]["id"])), placed(record))
        })
        .collect()
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

/// One client: sends batches, each again and again until every event of it is acknowledged; stops
/// at `end`.
async fn client(
    number: u64,
    token: String,
    mut url: watch::Receiver<String>,
    end: watch::Receiver<bool>,
    acks: Arc<AtomicU64>,
) -> BTreeMap<Name, Placed> {
    let mut acked: BTreeMap<Name, Placed> = BTreeMap::new();
    let mut next = 1;
    while !*end.borrow() {
        let events: Vec<Value> = (next..next + BATCH_EVENTS)
            .map(|at| {
                let conversation = format!("k{number}-{}", at % CONVERSATIONS_EACH);
                message(
                    &conversation,
                    &format!("m{at}"),
                    "customer",
                    "carl",
                    &format!("marker words {at}"),
                )
            })
            .collect();
        next += BATCH_EVENTS;
        loop {
            let http = Http::new(&url.borrow_and_update().clone(), &token);
            let request = http
                .request(reqwest::Method::POST, "/v1/events")
                .header("content-type", "application/x-ndjson");
            let answer = http.try_send(request.body(lines(&events))).await;
            let answers =
                answer.ok().filter(|answer| answer.status == 200).map(|answer| answer.lines());
            let complete = answers
                .as_ref()
                .is_some_and(|answers| answers.iter().all(|line| line["offset"].is_u64()));
            for ack in
                answers.iter().flatten().zip(&events).filter(|(ack, _)| ack["offset"].is_u64())
            {
                let (ack, event) = ack;
                assert_eq!(ack["id"], event["id"]);
                let name = (
                    event["conversation"].as_str().unwrap().to_string(),
                    event["id"].as_str().unwrap().to_string(),
                );
                let place = placed(ack);
                let known = acked.entry(name).or_insert_with(|| place.clone());
                assert_eq!(*known, place, "an id acknowledged twice keeps its place");
                acks.fetch_add(1, Ordering::Relaxed);
            }
            if complete {
                break;
            }
            // The server is down: it says where it is when it is up again.
            let _ = tokio::time::timeout(Duration::from_millis(50), url.changed()).await;
        }
    }
    acked
}

/// The power of the process is cut while customers write. Whoever saw "kept" finds it kept, once,
/// at its place, with its receipt; and archive, facts and index agree with the log.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let kills = std::env::var("VERBATIM_KILLS").map_or(KILLS, |count| count.parse().unwrap());
    let data = Data::committing_often();
    let token = data.token(SHOP, "boss", &[Admin]);
    let mut server = Server::start(&data);
    let (address, url) = watch::channel(server.url.clone());
    let (ended, end) = watch::channel(false);
    let acks = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            tokio::spawn(client(number, token.clone(), url.clone(), end.clone(), acks.clone()))
        })
        .collect();
    for kill in 0..kills {
        let before = acks.load(Ordering::Relaxed);
        // Every fourth dies young, while clients come back to it; the others amid acks.
        let wanted = if kill % 4 == 3 { 0 } else { rand::rng().random_range(1..600) };
        let deadline = Instant::now() + PATIENCE;
        while acks.load(Ordering::Relaxed) < before + wanted {
            assert!(Instant::now() < deadline, "nothing is acknowledged: {}", server.stderr());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Between two acks, in a sync or in a commit: the moment itself is the point, not a wait
        // for something.
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..60_000))).await;
        tokio::task::block_in_place(|| server.kill());
        server = tokio::task::block_in_place(|| Server::start(&data));
        address.send_replace(server.url.clone());
    }
    ended.send_replace(true);
    let mut acked = BTreeMap::new();
    for client in clients {
        acked.extend(client.await.unwrap());
    }
    let http = server.http(&token);
    let log = log_of(&http.records().await);
    assert_eq!(complaints(&acked, &log), Vec::<String>::new());
    assert_eq!(log.len(), acked.len(), "every client went on until all it sent was acknowledged");
    let count = log.len() as i64;
    http.caught_up(true).await;
    assert_eq!(http.number("select count(*) from events").await, count);
    assert_eq!(http.number("select count(distinct \"offset\") from events").await, count);
    assert_eq!(http.number("select sum(\"offset\") from events").await, count * (count - 1) / 2);
    assert_eq!(http.found("marker words").await, count as u64);
    assert_eq!(http.number("select sum(customer_messages) from turns").await, count);
    assert_eq!(
        http.number("select count(*) from episodes").await,
        (CLIENTS * CONVERSATIONS_EACH) as i64
    );
    assert_eq!(
        http.number("select count(*) from conversations").await,
        (CLIENTS * CONVERSATIONS_EACH) as i64
    );
    println!(
        "{kills} kills, {} acknowledged events: 0 lost, 0 doubled, 0 moved; 95 % bound on the rate per kill {:.4}",
        acked.len(),
        3.0 / kills as f64
    );
    server.assert_alive();
    assert_eq!(server.stop(), 0);
}
