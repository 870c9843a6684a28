//! One file of one store is gone, cut or old, while the service runs and when it starts: the relay
//! takes messages, the status names the store and what to do, and what it says to do helps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::block_in_place;
use verbatim::access::TokenRole::Admin;

use super::support::{Data, Http, PATIENCE, Server, message, sample};

type Damage = fn(&Path);

const FAULTS: [(&str, &str, Damage); 9] = [
    ("archive", "a Parquet file is gone", |data| fs::remove_file(rows(data, "events")).unwrap()),
    ("archive", "a Parquet file has no footer", |data| cut(&rows(data, "events"))),
    ("archive", "the newest entry of the table's log is empty", |data| {
        fs::write(newest_entry(data, "events"), "").unwrap();
    }),
    ("archive", "the newest entry of the table's log is cut", |data| {
        cut(&newest_entry(data, "events"));
    }),
    ("facts", "a Parquet file is gone", |data| fs::remove_file(rows(data, "turns")).unwrap()),
    ("facts", "the newest entry of a table's log is cut", |data| {
        cut(&newest_entry(data, "episodes"));
    }),
    ("index", "the list of its segments is cut", |data| cut(&data.join("index/meta.json"))),
    ("index", "a file of a segment is gone", |data| {
        fs::remove_file(largest(&data.join("index"), "store")).unwrap();
    }),
    ("index", "the list of its segments is an old one", |data| {
        fs::copy(data.join("../meta.json"), data.join("index/meta.json")).unwrap();
    }),
];

/// What questions see of the conversations that were there before the fault.
fn answers(data: &Data) -> Vec<String> {
    let asked = [
        &["sql", "select * from events where conversation <> 'during' order by \"offset\""][..],
        &["sql", "select * from turns where conversation <> 'during' order by conversation, turn"],
        &[
            "sql",
            "select * from episodes where conversation <> 'during' order by conversation, episode",
        ],
    ];
    asked.map(|question| data.succeeds(question)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_file_stops_no_message_and_is_named_with_what_helps() {
    let mut mended = 0;
    let whole = Data::committing_often();
    block_in_place(|| whole.succeeds([Path::new("import"), &sample("history.ndjson")]));
    // By the time of what is said today, the conversations of the sample have ended.
    let server = Server::start(&whole);
    taken(&server.http_as(&whole, "boss", &[Admin]), "today").await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    let (expected, refunds) = block_in_place(|| (answers(&whole), hits(&whole, "退款")));
    for (store, what, damage) in FAULTS {
        let data = block_in_place(|| copy_of(&whole));
        fs::copy(data.path().join("index/meta.json"), data.beside("meta.json")).unwrap();
        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        taken(&admin, "before").await;
        admin.caught_up(true).await;

        damage(&data.path());
        taken(&admin, "served").await;
        // It may not have to read the file to go on.
        settled(&admin, store, what).await;
        taken(&admin, "still served").await;
        server.kill();

        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        taken(&admin, "started").await;
        let failed = settled(&admin, store, what).await;
        assert_eq!(block_in_place(|| server.stop()), 0);
        if let Some(said) = failed {
            block_in_place(|| mend(&data, store, &said, what));
            mended += 1;
        }
        // And when this directory goes, it is audited.
        block_in_place(|| {
            assert!(answers(&data) == expected, "{store}, {what}: other answers than before");
            assert_eq!(hits(&data, "during"), 5, "{store}, {what}");
            assert_eq!(hits(&data, "退款"), refunds, "{store}, {what}");
        });
    }
    println!("{} bad files: {mended} mended as was said, the others by themselves", FAULTS.len());
    assert!(mended >= FAULTS.len() / 2, "{mended}: the faults are no faults");
}

fn hits(data: &Data, words: &str) -> u64 {
    let found = data.succeeds(["search", words, "--format", "json"]);
    serde_json::from_str::<Value>(&found).unwrap()["total"].as_u64().unwrap()
}

/// Another directory with the same files.
fn copy_of(whole: &Data) -> Data {
    let data = Data::new();
    let copied = Command::new("cp").arg("-r").args([whole.path(), data.path()]).status();
    assert!(copied.unwrap().success());
    data
}

/// Does what is said to help. Of damage it may be the audit that knows what.
fn mend(data: &Data, store: &str, said: &str, what: &str) {
    let rebuild = format!("`verbatim rebuild {store}`");
    if !said.contains(&rebuild) {
        assert!(said.contains("`verbatim audit`"), "{store}, {what}: no word of help in {said}");
        let ran = data.run(["audit"]);
        ran.assert_code(1);
        assert!(ran.stdout.contains(&rebuild), "{store}, {what}: {ran}");
    }
    data.succeeds(["rebuild", store]);
}

/// Sends a message that must be taken.
async fn taken(admin: &Http, id: &str) {
    let event = message("during", id, "customer", "carl", &format!("during {id}"));
    let answer = admin.event(&event).await;
    assert_eq!(answer.status, 200, "{id}: {}", answer.text());
}

/// Waits until every store has committed everything, or the damaged one says that it cannot; then what
/// it says. No other may fail.
async fn settled(admin: &Http, store: &str, what: &str) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = admin.get("/v1/status").await.json();
        let stores = status["stores"].as_array().unwrap();
        let failed = |found: &Value| found["failed"].as_str().map(str::to_string);
        for other in stores.iter().filter(|other| other["name"] != store) {
            assert_eq!(failed(other), None, "{store}, {what}: {status}");
        }
        let damaged = stores.iter().find(|found| found["name"] == store).unwrap();
        if let Some(said) = failed(damaged) {
            return Some(said);
        }
        if stores.iter().all(|found| found["cursor"] == status["head"]) {
            return None;
        }
        assert!(Instant::now() < deadline, "{store}, {what}: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The largest file of rows of a table.
fn rows(data: &Path, table: &str) -> PathBuf {
    largest(&data.join("archive").join(table), "parquet")
}

fn newest_entry(data: &Path, table: &str) -> PathBuf {
    let log = data.join("archive").join(table).join("_delta_log");
    files_under(&log, "json").into_iter().max().unwrap()
}

fn largest(folder: &Path, extension: &str) -> PathBuf {
    let bytes = |path: &PathBuf| path.metadata().unwrap().len();
    files_under(folder, extension).into_iter().max_by_key(bytes).unwrap()
}

fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries
        .flat_map(|path| if path.is_dir() { files_under(&path, extension) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Leaves half of a file.
fn cut(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

/// A bit that flips in a value decodes as well as any other: a receipt was shown that nobody had got, and
/// the status was well.
#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_shown_of_a_file_that_is_not_what_was_written() {
    let data = Data::committing_often();
    block_in_place(|| data.succeeds([Path::new("import"), &sample("history.ndjson")]));
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    let (rows, question) = (rows(&data.path(), "events"), "select max(leaf) as leaf from events");
    flip(&rows);
    let problem = admin.sql(question).await.problem(500);
    assert!(!problem.to_string().contains("parquet"), "{problem}");
    let export = admin.request(reqwest::Method::GET, "/v1/export/events?format=csv");
    assert!(admin.try_send(export).await.is_err(), "it breaks off");
    assert_eq!(admin.sql("select count(*) as n from turns").await.status, 200);
    let status = admin.get("/v1/status").await.json();
    assert!(status.to_string().contains(rows.file_name().unwrap().to_str().unwrap()), "{status}");
    block_in_place(|| data.run(["status"]).assert_code(1));
    flip(&rows);
    assert_eq!(admin.sql(question).await.status, 200, "put back from a copy, say");
    block_in_place(|| data.succeeds(["status"]));
}

/// Flips a bit amid a file, or back.
fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}
