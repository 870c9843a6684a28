//! SQL as data: the records of `tests/sql/*.slt`, asked of the same events three ways (committed to
//! files, held in the tail, half of them in each), are answered the same.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use verbatim::access::operator;
use verbatim::app::{App, Config, DataDir};
use verbatim::model::{Event, Origin};
use verbatim::relay::prepare_event;

use super::slt::{failure, failures};
use super::support::Data;

/// An app that commits only when it stops, with `events` behind what the directory has.
pub async fn app_with(data: &Data, events: &[Value]) -> App {
    let config = Config { commit_interval_ms: 3_600_000, ..Config::default() };
    let app = App::start(DataDir::new(data.path()), config, None).await.unwrap();
    for line in events {
        let identity = Arc::new(operator(line["shop"].as_str().unwrap()));
        let origin = if line["origin"] == "live" { Origin::Live } else { Origin::Imported };
        let event = Event::parse(line["event"].to_string().as_bytes()).unwrap();
        let event = prepare_event(&identity, origin, event).unwrap();
        app.relay.append_one(identity, event).await.unwrap();
    }
    app.catch_up().await.unwrap();
    app
}

/// Asks every record of an app whose first `committed` of all events are in files, and the others
/// in the tail.
async fn check(committed: impl Fn(usize) -> usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let events = std::fs::read_to_string(folder.join("events.ndjson")).unwrap();
    let events: Vec<Value> = events.lines().map(|line| line.parse().unwrap()).collect();
    let (in_files, in_tail) = events.split_at(committed(events.len()));
    let data = Data::new();
    let app = app_with(&data, in_files).await;
    tokio::task::block_in_place(|| app.stop()).unwrap();
    let app = app_with(&data, in_tail).await;
    for store in app.status().stores.iter().skip(1) {
        let halves = [store.cursor.0, store.applied.0].map(|offset| offset as usize);
        assert_eq!(halves, [in_files.len(), events.len()], "{}", store.name);
    }
    let (mut files, mut failed) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "slt") {
            files += 1;
            failed.extend(failures(&app.sql, &file).await);
        }
    }
    assert!(files > 0, "there are no files");
    tokio::task::block_in_place(|| app.stop()).unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_files_are_as_expected() {
    check(|events| events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_tail_are_as_expected() {
    check(|_| 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_files_and_tail_are_as_expected() {
    check(|events| events.div_ceil(2)).await;
}

/// The control: a wrong row, type, order or error is noticed, and so is a record that is none.
#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_noticed() {
    let data = Data::new();
    let app = app_with(&data, &[]).await;
    let right = ["query I\nSELECT 1\n----\n1", "statement error one statement\nSELECT 1; SELECT 2"];
    let wrong = [
        "query I\nSELECT 1\n----\n2",
        "query T\nSELECT 1\n----\n1",
        "query I\nVALUES (1), (2)\n----\n2\n1",
        "query I\nDROP TABLE events\n----\n1",
        "statement error one statement\nSELECT 1",
        "statement error one statement\nDROP TABLE events",
        "question I\nSELECT 1\n----\n1",
    ];
    for (record, differs) in right.map(|r| (r, false)).into_iter().chain(wrong.map(|r| (r, true))) {
        assert_eq!(failure(&app.sql, record).await.is_some(), differs, "{record}");
    }
    tokio::task::block_in_place(|| app.stop()).unwrap();
}
