//! The golden cases of docs/METRICS.md that more than the fold must get right. G18, a customer who is erased, is
//! in `erasure.rs`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use verbatim::access::TokenRole::{Admin, Customer};

use super::export::{export, json_lines, parquet_lines};
use super::support::{Data, Server, lines, message};

fn at(mut event: Value, time: &str) -> Value {
    event["sent_at"] = json!(time);
    event
}

/// A wait of a minute that begins then, in a conversation of its own, most of it in the queue.
fn wait(conversation: &str, begins: &str) -> [Value; 3] {
    let then = |seconds: &str| begins.replace(":00Z", seconds);
    let queued = json!({"id": "q1", "conversation": conversation, "kind": "queue",
        "sender": {"id": "shop", "role": "system"}});
    [
        at(message(conversation, "m1", "customer", "ann", "hello?"), begins),
        at(queued, &then(":09Z")),
        at(message(conversation, "m2", "human", "bo", "yes"), &then(":59Z")),
    ]
}

#[test]
fn g10_a_day_without_chats_is_empty_though_the_next_is_busy() {
    let data = Data::new();
    let mut events = Vec::new();
    // By the clocks of Shanghai the last of the 5th, and the first of the 7th.
    events.extend(wait("c1", "2026-01-05T15:58:00Z"));
    events.extend(wait("c2", "2026-01-06T16:00:00Z"));
    events.extend(wait("c3", "2026-01-07T02:00:00Z"));
    data.succeeds(["import", data.file("chats.ndjson", lines(&events)).to_str().unwrap()]);
    for name in ["waiting_by_day", "volume_by_day", "queue_by_day"] {
        let report = |from: &str, to: &str| {
            let range = ["--from", from, "--to", to, "--zone", "Asia/Shanghai", "--format", "json"];
            let rows = data.succeeds([&["report", name], &range[..]].concat());
            serde_json::from_str::<Vec<Value>>(&rows).unwrap()
        };
        assert_eq!(report("2026-01-06", "2026-01-07"), [] as [Value; 0], "{name}");
        for (from, to) in [("2026-01-05", "2026-01-06"), ("2026-01-07", "2026-01-08")] {
            let busy = report(from, to);
            assert!(
                !busy.is_empty() && busy.iter().all(|row| row["day"] == from),
                "{name}: {busy:?}"
            );
        }
    }
    let exported = |table: &str| {
        let range = ["--from", "2026-01-06", "--to", "2026-01-07", "--zone", "Asia/Shanghai"];
        json_lines(&export(&data, table, "jsonl", &range))
    };
    for table in ["turns", "episodes", "stints", "messages"] {
        assert_eq!(exported(table), [] as [Value; 0], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g12_what_was_taken_back_is_in_every_export_with_what_took_it_back() {
    let data = Data::new();
    let server = Server::start(&data);
    let ann = server.http_as(&data, "ann", &[Customer]);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let photo = b"a photo".to_vec();
    let sha256 = hex::encode(Sha256::digest(&photo));
    assert_eq!(ann.put(&format!("/v1/attachments/{sha256}"), photo.clone()).await.status, 201);
    let said = |id: &str| message("c1", id, "customer", "ann", &format!("words of {id}"));
    let with_file = |id: &str| {
        let mut event = said(id);
        event["attachments"] = json!([{"sha256": sha256, "name": "photo.png",
            "media_type": "image/png", "bytes": photo.len()}]);
        event
    };
    let taken_back = |id: &str| {
        json!({"id": format!("r-{id}"), "conversation": "c1", "kind": "retract", "target": id,
            "sender": {"id": "ann", "role": "customer"}})
    };
    let posts = [
        // In one batch, and each of two more in one of its own.
        vec![said("m1"), taken_back("m1"), with_file("m2"), taken_back("m2")],
        vec![said("m3"), with_file("m4")],
        vec![taken_back("m3"), taken_back("m4")],
    ];
    for events in &posts {
        // A customer's ack has no offset, by which others' records could be counted.
        let taken = ann.post("/v1/events", "application/x-ndjson", lines(events)).await;
        let acks = taken.lines();
        assert!(
            acks.len() == events.len() && acks.iter().all(|ack| ack["seq"].is_u64()),
            "{acks:?}"
        );
    }
    admin.caught_up(true).await;
    block_in_place(|| each_is_exported_with_what_took_it_back(&data));
    assert_eq!(block_in_place(|| server.stop()), 0);
    block_in_place(|| each_is_exported_with_what_took_it_back(&data));
}

fn each_is_exported_with_what_took_it_back(data: &Data) {
    let events = json_lines(&export(data, "events", "jsonl", &[]));
    assert_eq!(parquet_lines(export(data, "events", "parquet", &[])).len(), events.len());
    let csv = String::from_utf8(export(data, "events", "csv", &[])).unwrap();
    let messages = json_lines(&export(data, "messages", "jsonl", &[]));
    let changes = json_lines(&export(data, "changes", "jsonl", &[]));
    for id in ["m1", "m2", "m3", "m4"] {
        let (words, taken_back) = (format!("words of {id}"), format!("r-{id}"));
        let one = |rows: &[Value], field: &str, value: &str| {
            let mut found = rows.iter().filter(|row| row[field] == value).cloned();
            let row = found.next().unwrap_or_else(|| panic!("no {field} {value} in {rows:?}"));
            assert_eq!(found.next(), None, "{field} {value} twice");
            row
        };
        assert_eq!(one(&events, "id", id)["text"], words.as_str());
        assert_eq!(one(&events, "id", &taken_back)["target"], id);
        assert!(csv.contains(&words) && csv.contains(&taken_back), "{csv}");
        assert_eq!(one(&changes, "message", id)["kind"], "retract");
        let message = one(&messages, "id", id);
        assert_eq!(
            (&message["original_text"], &message["retracted"]),
            (&json!(words), &json!(true))
        );
        let files = message["attachments"].as_array().map_or(0, Vec::len);
        assert_eq!(files, usize::from(["m2", "m4"].contains(&id)), "{message}");
    }
}

/// Once through the relay, again, and once more after it was killed.
#[tokio::test(flavor = "multi_thread")]
async fn g15_an_event_that_is_delivered_twice_is_one_row() {
    let data = Data::committing_often();
    let mut server = Server::start(&data);
    let rated = json!({"id": "s1", "conversation": "c1", "kind": "rate", "rating": 5,
        "sender": {"id": "ann", "role": "customer"}});
    let assigned = json!({"id": "a1", "conversation": "c1", "kind": "assign", "assignee": "bo",
        "sender": {"id": "desk", "role": "system"}});
    let events = [
        message("c1", "m1", "customer", "ann", "hello?"),
        assigned,
        message("c1", "m2", "human", "bo", "yes"),
        rated,
    ];
    let mut seen = Vec::new();
    for delivery in 0..3 {
        let admin = server.http_as(&data, "boss", &[Admin]);
        admin.events(&events).await;
        admin.caught_up(delivery == 1).await;
        let mut rows = Vec::new();
        for table in ["events", "messages", "turns", "episodes", "stints", "ratings"] {
            rows.push(admin.number(&format!("select count(*) from {table}")).await);
        }
        seen.push(rows);
        if delivery == 1 {
            block_in_place(|| server.kill());
            server = block_in_place(|| Server::start(&data));
        }
    }
    // Two stints: with nobody, then with whom it was assigned to.
    assert_eq!(seen, vec![vec![4, 2, 1, 1, 2, 1]; 3]);
}
