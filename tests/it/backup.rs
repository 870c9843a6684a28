//! A copy of a directory, taken at any moment, is one that a service starts from: it has every record
//! that was acknowledged before, and all stores hold the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verbatim::access::TokenRole::Admin;

use super::support::{Data, PATIENCE, SHOP, Server, message};

const PLAIN_COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations/plain-copy");
const SETTINGS: &str = "commit_interval_ms = 50\nlog_segment_mib = 4\n";

/// Offsets by id.
type Acked = BTreeMap<String, u64>;

/// Messages that compress little, so that segments fill.
fn events(client: usize, from: usize) -> Vec<Value> {
    let event = |number: usize| {
        let noise = |part: u8| hex::encode(Sha256::digest(format!("{client} {number} {part}")));
        let text = format!("words {} {} {} {}", noise(0), noise(1), noise(2), noise(3));
        let id = format!("m{client}-{number}");
        message(&format!("c{client}-{}", number % 5), &id, "customer", "carl", &text)
    };
    (from..from + 200).map(event).collect()
}

/// Clients that post until they are told to stop, or the server is gone.
struct Load {
    acked: Arc<Mutex<Acked>>,
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn on(server: &Server, token: &str) -> Load {
        let (acked, stop) = (Arc::new(Mutex::new(Acked::new())), Arc::new(AtomicBool::new(false)));
        let client = |client: usize| {
            let (http, acked, stop) = (server.http(token), acked.clone(), stop.clone());
            tokio::spawn(async move {
                let mut from = 0;
                while !stop.load(Ordering::Relaxed) {
                    let body = super::support::lines(&events(client, from));
                    let request = http.request(reqwest::Method::POST, "/v1/events");
                    let request = request.header("content-type", "application/x-ndjson").body(body);
                    let Ok(answer) = http.try_send(request).await else { return };
                    let mut acked = acked.lock();
                    for ack in answer.lines() {
                        let id = ack["id"].as_str().unwrap().to_string();
                        acked.insert(id, ack["offset"].as_u64().unwrap());
                    }
                    from += 200;
                }
            })
        };
        let clients = (0..2).map(client).collect();
        Load { acked, stop, clients }
    }

    /// Everything that was acknowledged, once there is more than `count` of it.
    async fn beyond(&self, count: usize) -> Acked {
        let since = Instant::now();
        loop {
            let acked = self.acked.lock().clone();
            if acked.len() > count {
                return acked;
            }
            assert!(since.elapsed() < PATIENCE, "{} are acknowledged", acked.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Acked {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        self.acked.lock().clone()
    }
}

/// Starts a service on a copy, which must have what was acknowledged; the copy is audited when it is
/// dropped.
async fn must_have(copy: &Data, token: &str, acked: &Acked) {
    let server = Server::start(copy);
    let admin = server.http(token);
    let records = admin.records().await;
    let kept: Acked = records
        .iter()
        .map(|record| {
            let id = record["event"]["id"].as_str().unwrap().to_string();
            (id, record["offset"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(kept.len(), records.len(), "each once");
    let lost = acked.iter().find(|(id, offset)| kept.get(*id) != Some(offset));
    assert_eq!(lost, None, "of {} acknowledged, {} kept", acked.len(), kept.len());
    admin.caught_up(true).await;
    let count = kept.len() as i64;
    assert_eq!(admin.number("select count(*) from events").await, count);
    assert_eq!(admin.found("words").await, count as u64);
    // It goes on as the one it was copied from would.
    let next = message("c-next", "next", "customer", "carl", "words");
    // Between them stands who looked at what.
    let next = admin.event(&next).await.json()["offset"].as_u64().unwrap();
    assert!(next >= records.len() as u64 && acked.values().all(|offset| *offset < next), "{next}");
    assert_eq!(server.stop(), 0);
}

/// Every hour of a running shop: copies are made amid messages, commits, compactions and sealed
/// segments.
#[tokio::test(flavor = "multi_thread")]
async fn backups_under_load_have_every_ack_and_are_clean() {
    let data = Data::new();
    data.set(SETTINGS);
    let token = data.token(SHOP, "boss", &[Admin]);
    let server = Server::start(&data);
    let picture = b"a picture".to_vec();
    let sha256 = hex::encode(Sha256::digest(&picture));
    let attachment = format!("/v1/attachments/{sha256}");
    let admin = server.http(&token);
    assert!(admin.put(&attachment, picture.clone()).await.status < 300);
    std::fs::create_dir_all(data.path().join("queries")).unwrap();
    std::fs::write(data.path().join("queries/own.sql"), "-- mine\nselect 1").unwrap();
    let load = Load::on(&server, &token);
    let mut copies = Vec::new();
    for number in 1..=3 {
        let acked = load.beyond(number * 6_000).await;
        // The last has segments that were sealed and such as are written.
        let since = Instant::now();
        while number == 3 && !data.path().join("log/sealed").is_dir() {
            assert!(since.elapsed() < PATIENCE, "no segment is sealed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let copy = Data::new();
        tokio::task::block_in_place(|| data.succeeds(["backup", copy.path().to_str().unwrap()]));
        copies.push((copy, acked));
    }
    load.end().await;
    assert_eq!(server.stop(), 0);
    for (copy, acked) in &copies {
        for left_out in ["index", "facts", "lookup", "archive/turns", "owner.json"] {
            assert!(!copy.path().join(left_out).exists(), "{left_out} is derived");
        }
        for kept in ["queries/own.sql", "verbatim.toml", "keys/token.key"] {
            let file = |data: &Data| std::fs::read(data.path().join(kept)).unwrap();
            assert!(file(copy) == file(&data), "{kept}");
        }
        must_have(copy, &token, acked).await;
    }
    let shop = hex::encode(&Sha256::digest(SHOP)[..8]);
    let kept = copies[2].0.path().join("attachments").join(shop).join(&sha256[..2]).join(&sha256);
    assert_eq!(std::fs::read(kept).unwrap(), picture);
}

/// A directory that nobody serves, of which the log has let go of the oldest part.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_at_rest_has_what_the_archive_alone_holds() {
    let data = Data::new();
    data.set(&format!("{SETTINGS}log_keep_hours = 0\n"));
    let token = data.token(SHOP, "boss", &[Admin]);
    let server = Server::start(&data);
    let load = Load::on(&server, &token);
    load.beyond(24_000).await;
    let acked = load.end().await;
    let admin = server.http(&token);
    admin.status_once(|status| status["log"]["oldest"] != 0).await;
    // While a service trims, too: its archive is copied before its log.
    let beside = Data::new();
    tokio::task::block_in_place(|| data.succeeds(["backup", beside.path().to_str().unwrap()]));
    assert_eq!(server.stop(), 0);
    must_have(&beside, &token, &acked).await;
    let copy = Data::new();
    tokio::task::block_in_place(|| {
        let to = copy.path();
        data.succeeds(["backup", to.to_str().unwrap()]);
        let again = data.run(["backup", to.to_str().unwrap()]);
        again.assert_code(2);
        again.assert_stderr_has("is there already");
        let inside = data.path().join("copy");
        let inside = data.run(["backup", inside.to_str().unwrap()]);
        inside.assert_code(2);
        inside.assert_stderr_has("lies in the data directory");
    });
    must_have(&copy, &token, &acked).await;
}

/// Only what is whole has the name of a copy: one that fails leaves nothing.
#[test]
fn a_backup_that_fails_leaves_nothing() {
    let data = Data::new();
    let history = super::support::sample("history.ndjson");
    data.succeeds([Path::new("import"), &history]);
    let log = data.path().join("log/active");
    let segments = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
    for segment in segments.filter(|path| path.extension().is_some_and(|found| found == "wal")) {
        std::fs::remove_file(segment).unwrap();
    }
    data.is_left_damaged();
    let to = data.beside("copy");
    let ran = data.run(["backup", to.to_str().unwrap()]);
    ran.assert_code(2);
    ran.assert_stderr_has("the archive stands at");
    assert!(!to.exists() && !data.beside("copy.partial").exists(), "{ran}");
}

/// Where nothing can be written only "Read-only file system" was said, and not where. A file in the way is as good.
#[test]
fn a_backup_that_cannot_be_made_says_where() {
    let data = Data::new();
    let history = super::support::sample("history.ndjson");
    data.succeeds([Path::new("import"), &history]);
    data.file("copy.removed", "x");
    let ran = data.run([Path::new("backup"), &data.beside("copy")]);
    ran.assert_code(2);
    ran.assert_stderr_has(data.beside("copy.partial").to_str().unwrap());
}

/// With nothing but `cp`, in the documented order, of a service that is killed half way through.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_copy_with_a_cut_in_between_is_clean() {
    for cut in [None, Some("1."), Some("2."), Some("3."), Some("4.")] {
        let data = Data::new();
        data.set(SETTINGS);
        let token = data.token(SHOP, "boss", &[Admin]);
        let server = Server::start(&data);
        let load = Load::on(&server, &token);
        let acked = load.beyond(3_000).await;
        let text = std::fs::read_to_string(PLAIN_COPY).unwrap();
        // The service is killed before the step of this number.
        let text = match cut {
            None => text,
            Some(step) => {
                let kill = format!("kill -9 {}\n# {step}", server.pid());
                assert_eq!(text.matches(&format!("# {step}")).count(), 1);
                text.replace(&format!("# {step}"), &kill)
            }
        };
        let script = data.file("plain-copy", text);
        let copy = Data::new();
        let copied = tokio::task::block_in_place(|| {
            Command::new("sh").arg(script).arg(data.path()).arg(copy.path()).status().unwrap()
        });
        assert!(copied.success(), "{cut:?}");
        load.end().await;
        if cut.is_none() {
            assert_eq!(server.stop(), 0);
        } else {
            server.kill();
        }
        must_have(&copy, &token, &acked).await;
    }
}

/// Both ways take the same: models, marks and what else somebody put there, and neither what is made
/// anew nor what somebody typed at a prompt.
#[test]
fn a_plain_copy_has_the_files_of_a_backup() {
    let data = Data::new();
    data.set("");
    data.token(SHOP, "boss", &[Admin]);
    data.succeeds([Path::new("import"), &super::support::sample("history.ndjson")]);
    let taken = ["models/main/issues.model", "categorizing.json", "erasing.json", "tls/chain.pem"];
    let left = ["sql_history", "owner.json", "audit/note", "facts.damaged/old", "erasing.json#3"];
    for name in taken.iter().chain(&left) {
        let path = data.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{}").unwrap();
    }
    assert!(data.path().join("keys/ledger.key").is_file(), "which no copy has");
    let (backup, plain) = (Data::new(), Data::new());
    data.succeeds([Path::new("backup"), &backup.path()]);
    let copied =
        Command::new("sh").arg(PLAIN_COPY).args([data.path(), plain.path()]).status().unwrap();
    assert!(copied.success());
    // Those of archive and log are compared by what a service makes of them.
    let beside = |data: &Data| -> BTreeSet<String> {
        let of_store = |name: &String| name.starts_with("archive/") || name.starts_with("log/");
        files(&data.path()).into_iter().filter(|name| !of_store(name)).collect()
    };
    let (backed_up, copied) = (beside(&backup), beside(&plain));
    assert_eq!(backed_up, copied);
    for name in taken.iter().chain(&["verbatim.toml", "keys/token.key", "format"]) {
        assert!(backed_up.contains(*name), "{name}: {backed_up:?}");
    }
    for name in left.iter().chain(&["keys/ledger.key"]) {
        assert!(!backed_up.contains(*name), "{name}");
    }
    let folders: BTreeSet<&str> = backed_up
        .iter()
        .filter_map(|name| name.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    assert_eq!(folders, BTreeSet::from(["keys", "models", "tls"]), "the rest is made anew");
    for copy in [&backup, &plain] {
        copy.succeeds(["rebuild", "facts", "index", "lookup", "ledger"]);
    }
}

/// The files below a folder, by their names in it.
fn files(root: &Path) -> Vec<String> {
    let (mut folders, mut found) = (vec![root.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}

/// Of a rotation of copies, one of damage took the place of the last good one.
#[test]
fn a_backup_of_damage_says_so_and_leaves_nothing() {
    let data = Data::new();
    data.set(SETTINGS);
    let all: Vec<Value> = (0..200).flat_map(|client| events(client, 0)).collect();
    data.succeeds(["import", data.file("events", super::support::lines(&all)).to_str().unwrap()]);
    let to = data.beside("copy");
    let copy = || data.run([Path::new("backup"), to.as_path()]);
    for folder in ["archive/events", "log/sealed"] {
        let ending = if folder.starts_with("log") { "wal" } else { "parquet" };
        let file = largest(&data.path().join(folder), ending);
        flip(&file);
        let failed = copy();
        assert_eq!(failed.code, 2, "{folder}: {failed}");
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(failed.stderr.contains(name) && failed.stderr.contains("damaged"), "{failed}");
        assert!(!to.exists());
        flip(&file);
    }
    let whole = copy();
    assert_eq!(whole.code, 0, "the control: {whole}");
}

/// Flips a bit amid a file, or back.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn largest(folder: &Path, ending: &str) -> std::path::PathBuf {
    let found = files(folder).into_iter().map(|name| folder.join(name));
    let found = found.filter(|path| path.extension().is_some_and(|found| found == ending));
    found.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}
