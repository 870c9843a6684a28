//! A lookup that is damaged stops no start: it is made anew before the first message is taken, and
//! no repetition is ever taken for a new message.

use std::path::{Path, PathBuf};

use serde_json::Value;
use verbatim::access::TokenRole::Admin;

use super::support::{Data, Server, message};

fn event(number: usize) -> Value {
    message(&format!("c{}", number % 3), &format!("m{number}"), "customer", "cust-1", "hello")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A directory that took so many events, and their acks.
async fn with_events(count: usize) -> (Data, Vec<Value>) {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let acks = admin.events(&(0..count).map(event).collect::<Vec<_>>()).await;
    assert_eq!(server.stop(), 0);
    (data, acks)
}

/// Starts a service, which must know every id, and returns what status says of the lookup.
async fn must_know(data: &Data, acks: &[Value], what: &str) -> Value {
    let server = Server::start(data);
    let admin = server.http_as(data, "boss", &[Admin]);
    for (number, ack) in acks.iter().enumerate() {
        assert_eq!(&admin.event(&event(number)).await.json(), ack, "{what}: the same ack");
    }
    let other = message("c1", "m1", "customer", "cust-1", "something else");
    admin.event(&other).await.problem(409);
    let next = admin.event(&event(acks.len())).await;
    assert_eq!(next.json()["offset"], acks.len(), "{what}: what is new is taken");
    let status = admin.caught_up(false).await;
    assert_eq!(server.stop(), 0);
    let stores = status["stores"].as_array().unwrap();
    stores.iter().find(|store| store["name"] == "lookup").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_lookup_stops_no_start_and_forgets_nothing() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("garbage", |path| std::fs::write(path, [0x5a; 3_000]).unwrap()),
        ("empty", |path| std::fs::write(path, "").unwrap()),
        ("gone", |path| std::fs::remove_file(path).unwrap()),
    ];
    let (data, mut acks) = with_events(9).await;
    let lookup = data.path().join("lookup");
    for (what, damage) in damages {
        files(&lookup).iter().for_each(|path| damage(path));
        must_know(&data, &acks, what).await;
        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        acks.push(admin.event(&event(acks.len())).await.json());
        assert_eq!(server.stop(), 0);
    }
    // One file of it, whichever.
    for number in 0..files(&lookup).len() {
        let Some(path) = files(&lookup).into_iter().nth(number) else { break };
        if path.ends_with("lock") {
            continue;
        }
        std::fs::write(&path, [0x5a; 3_000]).unwrap();
        let what = format!("garbage in `{}`", path.display());
        must_know(&data, &acks, &what).await;
        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        acks.push(admin.event(&event(acks.len())).await.json());
        assert_eq!(server.stop(), 0);
    }
    let said = tokio::task::block_in_place(|| data.succeeds(["status"]));
    assert!(said.contains("it was damaged, and was made anew"), "{said}");
    assert!(data.path().join("lookup.damaged").is_dir());
}

/// The lookup of another directory, or of a later time: it alone stands beyond the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_beyond_the_log_is_made_anew() {
    let (data, acks) = with_events(5).await;
    let (later, _) = with_events(9).await;
    std::fs::remove_dir_all(data.path().join("lookup")).unwrap();
    std::fs::rename(later.path().join("lookup"), data.path().join("lookup")).unwrap();
    later.is_left_damaged();
    let lookup = must_know(&data, &acks, "beyond the log").await;
    let note = lookup["notes"][0].as_str().unwrap();
    assert!(note.contains("made anew") && note.contains("lookup.damaged"), "{note}");
}

/// Damage in the middle of the segment that is written cannot be mended by a start. It is named so
/// that a person can act, and nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_active_segment_is_named_with_what_to_do() {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    for number in 0..9 {
        assert_eq!(admin.event(&event(number)).await.status, 200);
    }
    assert_eq!(server.stop(), 0);
    data.is_left_damaged();
    let segment = files(&data.path().join("log/active"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "wal"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 2] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["sql", "select 1"], &["status"]] {
        let ran = tokio::task::block_in_place(|| data.run(command));
        ran.assert_code(2);
        for said in [segment.to_str().unwrap(), "at byte ", "offsets ", "docs/operations.md"] {
            ran.assert_stderr_has(said);
        }
    }
    assert!(std::fs::read(&segment).unwrap() == bytes, "nothing was changed");
}
