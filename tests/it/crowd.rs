//! Many who read much at once, and what others feel of them.

use serde_json::Value;
use verbatim::access::TokenRole::{Admin, Analyst, Human};

use super::socket::Socket;
use super::support::{Data, SHOP, Server, message};

const RECORDS: usize = 40_000;
const STREAMS: usize = 16;
const DEVICES: usize = 100;
const MISSED: u64 = 300;
/// Who waits for each stream gets few: 1 or 2, once 95, with reads on the threads of connections.
const ACKS_MIN: usize = 50;

async fn fill(server: &Server, data: &Data) {
    let admin = server.http_as(data, "admin", &[Admin]);
    let texts: Vec<Value> = (0..RECORDS)
        .map(|number| {
            let conversation = if (number as u64) < MISSED { "missed" } else { "else" };
            message(conversation, &format!("m{number}"), "human", "anna", "the cup arrived broken")
        })
        .collect();
    for batch in texts.chunks(2_000) {
        admin.events(batch).await;
    }
}

/// After an outage a hundred devices come back at once, and streams of a shop that has nothing in the
/// log pass over all of it. On the threads that serve connections, each of them would hold up
/// everybody's acks for as long as it reads.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_much_holds_up_no_ack() {
    let data = Data::new();
    let server = Server::start(&data);
    fill(&server, &data).await;
    assert_eq!(server.stop(), 0);
    // What was just received is still in memory, and passed over in no time.
    let server = Server::start(&data);
    let analyst = server.http(&data.token("without-records", "ines", &[Analyst]));
    let human = data.token(SHOP, "bert", &[Human]);
    // A customer would be held to a customer's rate.
    let mut sender = Socket::open(&server, &human).await;
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        devices.push(Socket::open(&server, &human).await);
    }
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let analyst = analyst.clone();
        streams.push(tokio::spawn(async move { assert!(analyst.records().await.is_empty()) }));
    }
    let mut resumes = Vec::new();
    for mut device in devices {
        resumes.push(tokio::spawn(async move {
            device.subscribe("missed", 0).await;
            for seq in 1..=MISSED {
                assert_eq!(device.expect("event").await["record"]["seq"], seq);
            }
        }));
    }
    let mut acks = 0;
    while !streams.iter().all(|stream| stream.is_finished()) {
        sender.send_event(message("c1", &format!("n{acks}"), "human", "bert", "hello")).await;
        sender.expect("ack").await;
        acks += 1;
    }
    for reader in streams.into_iter().chain(resumes) {
        reader.await.unwrap();
    }
    assert!(acks >= ACKS_MIN, "{acks} acks while others read");
}
