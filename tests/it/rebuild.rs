//! Everything but the log is derived: deleted, it comes back with the same content.

use std::path::{Path, PathBuf};

use arrow::util::pretty::pretty_format_batches;
use serde_json::{Value, json};
use verbatim::app::App;
use verbatim::app::{Config, DataDir};
use verbatim::model::Record;
use verbatim::search::SearchQuery;

use super::support::{Data, SHOP, counts, lines, message, sample, sample_events};

/// Everything that questions can see of a directory: rows of every table in a set order, and hits.
async fn seen(data: &Data) -> Vec<(String, String)> {
    let app = App::start(DataDir::new(data.path()), Config::default(), None).await.unwrap();
    app.catch_up().await.unwrap();
    let mut seen = Vec::new();
    for (table, order) in [
        ("events", "\"offset\""),
        ("messages", "\"offset\""),
        ("turns", "conversation, turn"),
        ("episodes", "conversation, episode"),
        ("conversations", "conversation"),
        ("categories", "conversation, category"),
        ("tags", "\"offset\""),
        ("strays", "\"offset\""),
        ("stints", "conversation, stint"),
        ("ratings", "\"offset\""),
    ] {
        let answer =
            app.sql.query(SHOP, &format!("select * from {table} order by {order}")).await.unwrap();
        assert!(
            answer.batches.iter().map(|batch| batch.num_rows()).sum::<usize>() > 20,
            "{table} is almost empty"
        );
        seen.push((table.to_string(), pretty_format_batches(&answer.batches).unwrap().to_string()));
    }
    for words in ["退款", "refund", "a", "的", "zzqx"] {
        let query = SearchQuery {
            limit_conversations: 100,
            hits_per_conversation: 100,
            ..SearchQuery::new(SHOP, words)
        };
        seen.push((
            format!("search {words}"),
            format!("{:?}", app.search.run(query).await.unwrap()),
        ));
    }
    let thread = app.records.conversation(SHOP, "c-20260101-0001").unwrap();
    let thread: Vec<_> = thread.iter().map(Record::public).collect();
    seen.push(("thread".to_string(), serde_json::to_string(&thread).unwrap()));
    tokio::task::block_in_place(|| app.stop()).unwrap();
    seen
}

fn assert_same(before: &[(String, String)], after: &[(String, String)], what: &str) {
    assert_eq!(before.len(), after.len());
    for ((name, before), (_, after)) in before.iter().zip(after) {
        let differs = before.lines().zip(after.lines()).find(|(before, after)| before != after);
        assert!(before == after, "{what}: {name} differs, first here: {differs:#?}");
    }
}

fn remove(data: &Data, folders: &[&str]) {
    for folder in folders {
        let path = data.path().join(folder);
        assert!(path.is_dir(), "{folder} is not there");
        std::fs::remove_dir_all(path).unwrap();
    }
}

fn with_history() -> Data {
    let data = Data::new();
    data.succeeds([Path::new("import"), &sample("history.ndjson")]);
    // A second run: some rows come from an earlier commit than others, some turns stay open.
    let more: Vec<Value> = (0..30)
        .map(|number| {
            let mut event = message(
                "c-20260101-0001",
                &format!("late-{number}"),
                "customer",
                "cust-1042",
                "still waiting",
            );
            event["sent_at"] = json!(format!("2026-01-16T00:00:{number:02}Z"));
            event
        })
        .collect();
    data.succeeds(["import", data.file("more.ndjson", lines(&more)).to_str().unwrap()]);
    data
}

/// A disk error in a derived store, or a new version of one. It is deleted, the next start rebuilds
/// it, and no row, hit or figure is another.
#[tokio::test(flavor = "multi_thread")]
async fn each_derived_store_is_rebuilt_to_the_same_content() {
    let data = with_history();
    let before = seen(&data).await;
    for folders in [
        &["lookup"][..],
        &["index"],
        &["archive/events"],
        // The states of the fold are behind the tables then, as after a crash.
        &["facts"],
        &["facts", "archive/turns", "archive/episodes"],
        // One table is behind the other then, as after a crash.
        &["facts", "archive/turns"],
        &["facts", "archive/episodes"],
        &["facts", "archive/changes", "archive/tags", "archive/strays"],
        &["facts", "archive/stints", "archive/ratings"],
        &["facts", "archive"],
        &["facts", "archive", "index", "lookup"],
    ] {
        remove(&data, folders);
        let after = seen(&data).await;
        assert_same(&before, &after, &folders.join(" and "));
    }
    // And the lookup still knows every id: the same file adds nothing.
    let again = counts(&data.succeeds([Path::new("import"), &sample("history.ndjson")]));
    assert_eq!(again["duplicates"], sample_events("history.ndjson").len());
    assert_eq!(again["acked"], 0);
}

/// Somebody deletes the tables of turns and episodes and forgets the states beside them. That must
/// be an error, with what to do about it, and what it says must help. What does not ask the damaged
/// store goes on: the record is shown, events are taken, and status answers.
#[tokio::test(flavor = "multi_thread")]
async fn tables_deleted_without_their_states_are_an_error_that_says_what_to_do() {
    let data = with_history();
    let before = seen(&data).await;
    remove(&data, &["archive/turns", "archive/episodes"]);
    let ran = data.run(["sql", "select count(*) from turns"]);
    ran.assert_code(2);
    for named in ["turns", "episodes", "verbatim rebuild facts"] {
        ran.assert_stderr_has(named);
    }
    let ran = data.run(["status"]);
    ran.assert_code(1);
    assert!(ran.stdout.contains("stands still: "), "{ran}");
    data.succeeds(["show", "c-20260101-0001"]);
    let ran = data.run([Path::new("import"), &sample("history.ndjson")]);
    ran.assert_code(0);
    assert_eq!(counts(&ran.stdout)["rejected"], 0, "{ran}");
    ran.assert_stderr_has("warning: the events are kept, but the store `facts` stands at");
    data.succeeds(["rebuild", "facts"]);
    assert_same(&before, &seen(&data).await, "what the message says");
}

/// The log itself is not derived. A directory whose log is gone while its stores remain must not
/// start as if nothing had ever been said, and the control: the comparison above sees a single row
/// that differs.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_log_a_directory_does_not_start_as_empty() {
    let data = with_history();
    let before = seen(&data).await;
    let one_more = message("c-20260101-0001", "one-more", "customer", "cust-1042", "one more");
    data.succeeds(["import", data.file("one.ndjson", one_more.to_string()).to_str().unwrap()]);
    let after = seen(&data).await;
    assert!(
        before.iter().zip(&after).any(|(before, after)| before != after),
        "the comparison sees one more row"
    );
    data.is_left_damaged();
    std::fs::remove_dir_all(data.path().join("log")).unwrap();
    let ran = data.run(["sql", "select count(*) from events"]);
    ran.assert_code(2);
    ran.assert_stderr_has("log");
}

/// Bytes of every file that a rebuild could take away.
fn stored(data: &Data) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                walk(&entry, files);
            } else if entry.extension().is_some_and(|extension| extension == "parquet") {
                files.push((entry.clone(), std::fs::read(&entry).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    walk(&data.path().join("archive"), &mut files);
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files
}

/// The other stores may be the last to know what the log has lost: they are not taken away for a log
/// that is shorter than they are, the log's end is not cut off as if it had never been acknowledged,
/// and its offsets are not given to others.
#[test]
fn what_the_log_has_lost_is_neither_rebuilt_away_nor_written_over() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 2] = [
        ("gone", |log| std::fs::remove_dir_all(log).unwrap()),
        ("flipped at its end", |log| {
            let active = std::fs::read_dir(log.join("active")).unwrap();
            let segments = active.map(|entry| entry.unwrap().path());
            let segment = segments
                .filter(|path| path.extension().is_some_and(|found| found == "wal"))
                .max()
                .unwrap();
            let mut bytes = std::fs::read(&segment).unwrap();
            let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes[last - 20] ^= 1;
            std::fs::write(&segment, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let data = with_history();
        let head = data.number("select count(*) from events");
        damage(&data.path().join("log"));
        data.is_left_damaged();
        let before = stored(&data);
        let log_before =
            std::fs::read_dir(data.path().join("log/active")).ok().map(Iterator::count);
        for command in [
            &["rebuild", "archive"][..],
            &["rebuild", "all"],
            &["rebuild", "lookup"],
            &["serve", "--listen", "127.0.0.1:0"],
        ] {
            let ran = data.run(command);
            ran.assert_code(2);
            ran.assert_stderr_has(&format!("{head}), which were acknowledged"));
            ran.assert_stderr_has("archive and facts and index and lookup");
        }
        assert!(stored(&data) == before, "{what}: a store was touched");
        let log_after = std::fs::read_dir(data.path().join("log/active")).ok().map(Iterator::count);
        assert_eq!(log_after, log_before, "{what}: the log was touched");

        let ran = data.run(["audit"]);
        ran.assert_code(1);
        assert!(ran.stdout.contains(&format!(", {head})  the log has lost")), "{what}: {ran}");
        let ran = data.run(["status"]);
        ran.assert_code(1);
        assert!(ran.stdout.contains(&head.to_string()), "{what}: {ran}");
    }
}

/// What a rebuild reads is not there. The store that was to be made anew was whole, and stays.
#[test]
fn a_rebuild_that_fails_leaves_the_store_as_it_was() {
    let data = with_history();
    let hits = data.succeeds(["search", "退款", "--format", "json"]);
    let (parquet, _) = stored(&data)
        .into_iter()
        .find(|(path, _)| path.to_str().unwrap().contains("events"))
        .unwrap();
    let bytes = std::fs::read(&parquet).unwrap();
    std::fs::remove_file(&parquet).unwrap();
    let ran = data.run(["rebuild", "index"]);
    ran.assert_code(2);
    ran.assert_stderr_has(".parquet");
    std::fs::write(&parquet, bytes).unwrap();
    assert_eq!(data.succeeds(["search", "退款", "--format", "json"]), hits);
    let folders = std::fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(folders.into_iter().all(|name| !name.to_str().unwrap().contains("aside")));
}
