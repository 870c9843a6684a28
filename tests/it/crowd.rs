//! Many who read much at once, and what others feel of them.

use serde_json::Value;
use verbatim::access::TokenRole::{Admin, Analyst, Customer, Human};

use super::socket::Socket;
use super::support::{Data, SHOP, Server, message};

const RECORDS: usize = 40_000;
const STREAMS: usize = 16;
const DEVICES: usize = 100;
const MISSED: u64 = 300;
/// More than the readers there are: who waits for each of them gets one ack or two in its time.
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
    let mut carl = Socket::open(&server, &data.token(SHOP, "carl", &[Customer])).await;
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        devices.push(Socket::open(&server, &human).await);
    }
    let mut readers = Vec::new();
    for _ in 0..STREAMS {
        let analyst = analyst.clone();
        readers.push(tokio::spawn(async move { assert!(analyst.records().await.is_empty()) }));
    }
    for mut device in devices {
        readers.push(tokio::spawn(async move {
            device.subscribe("missed", 0).await;
            for seq in 1..=MISSED {
                assert_eq!(device.expect("event").await["record"]["seq"], seq);
            }
        }));
    }
    let mut acks = 0;
    while !readers.iter().all(|reader| reader.is_finished()) {
        carl.send_event(message("c1", &format!("n{acks}"), "customer", "carl", "hello")).await;
        carl.expect("ack").await;
        acks += 1;
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(acks >= ACKS_MIN, "{acks} acks while others read");
}
