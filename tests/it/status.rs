//! Status, clean stops and restarts.

use std::path::Path;

use serde_json::Value;
use verbatim::access::TokenRole::{Admin, Human};

use super::support::{Data, Server, message, sample, sample_events};

fn status(data: &Data) -> Value {
    serde_json::from_str(&data.succeeds(["status", "--format", "json"])).unwrap()
}

/// An operator asks whether everything acknowledged is in every store. After a catch-up, every lag
/// is 0 and every cursor stands at the head, in place and through a server.
#[tokio::test(flavor = "multi_thread")]
async fn status_shows_head_cursors_and_lag() {
    let data = Data::committing_often();
    tokio::task::block_in_place(|| data.succeeds([Path::new("import"), &sample("history.ndjson")]));
    let head = sample_events("history.ndjson").len() as u64;
    let check = |status: &Value, head: u64| {
        assert_eq!(status["head"], head, "{status}");
        let stores = status["stores"].as_array().unwrap();
        let names: Vec<&str> = stores.iter().map(|store| store["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["log", "archive", "facts", "index", "lookup", "ledger", "erasures"]);
        for store in stores {
            assert_eq!(
                (store["lag"].as_u64(), store["applied"].as_u64()),
                (Some(0), Some(head)),
                "{store}"
            );
            assert_eq!(store["cursor"], head, "{store}");
            assert!(store["bytes"].as_u64().unwrap() > 0, "{store}");
            assert!(store.get("failed").is_none(), "{store}");
        }
    };
    check(&tokio::task::block_in_place(|| status(&data)), head);
    let server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    human.events(&[message("c1", "m1", "human", "anna", "one more")]).await;
    human.caught_up(true).await;
    check(&tokio::task::block_in_place(|| status(&data)), head + 1);
    let table = tokio::task::block_in_place(|| data.succeeds(["status"]));
    assert!(table.contains(&format!("head {}", head + 1)), "{table}");
}

/// A deployment stops the service at any moment with SIGTERM. It ends with exit code 0, and the
/// next start has lost and doubled nothing, committed or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_start_lose_and_double_nothing() {
    // The usual interval: most of what is sent here is not committed when the stop comes.
    let data = Data::new();
    let mut expected = Vec::new();
    for round in 0..4_u64 {
        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        let events: Vec<Value> = (0..50)
            .map(|number| {
                message(
                    &format!("c{}", number % 7),
                    &format!("m{round}-{number}"),
                    "customer",
                    "carl",
                    "word",
                )
            })
            .collect();
        for ack in admin.events(&events).await {
            expected
                .push((ack["offset"].as_u64().unwrap(), ack["leaf"].as_str().unwrap().to_string()));
        }
        // A socket that stays open does not hold up the stop.
        let mut socket =
            super::socket::Socket::open(&server, &data.token("main", "anna", &[Human])).await;
        socket.subscribe("c1", 0).await;
        socket.expect("event").await;
        assert_eq!(tokio::task::block_in_place(|| server.stop()), 0);
    }
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let records = admin.records().await;
    let kept: Vec<(u64, String)> = records
        .iter()
        .map(|record| {
            (record["offset"].as_u64().unwrap(), record["leaf"].as_str().unwrap().to_string())
        })
        .collect();
    assert_eq!(kept, expected);
    assert_eq!(
        kept.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(),
        (0..200).collect::<Vec<_>>()
    );
    admin.caught_up(false).await;
    assert_eq!(admin.number("select count(*) from events").await, 200);
    assert_eq!(admin.number("select sum(customer_messages) from turns").await, 200);
    assert_eq!(admin.found("word").await, 200);
    assert_eq!(tokio::task::block_in_place(|| server.stop()), 0);
    // Nothing was left for the next start to do.
    let status = status(&data);
    assert_eq!(status["stores"][1]["cursor"], status["head"]);
}
