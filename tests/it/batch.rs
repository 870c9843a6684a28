//! Exports for whoever takes them up unattended: what has changed since the last time, in parts, with a manifest.
//! `docs/batch.md` promises it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use verbatim::access::TokenRole::Admin;

use super::command::{Ran, command, ran};
use super::erasure::files_under;
use super::export::{export, json_lines, parquet_lines, sorted, with_history};
use super::shims::STEPS;
use super::support::{Data, SHOP, Server, between, csv, lines, message, sample_events, tables};

/// Steps that a run takes to write its files and its state, at most.
const STEPS_MAX: u64 = 100;
const BATCH_PAGE: &str = include_str!("../../docs/batch.md");
const TAKE_UP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations/take_up.py");

/// What runs leave, what takes it up, and the tables that are kept so.
struct Nightly<'a> {
    data: &'a Data,
    folder: PathBuf,
}

impl Nightly<'_> {
    /// One in a folder beside the data, which the first run makes.
    fn new<'a>(data: &'a Data, name: &str) -> Nightly<'a> {
        Nightly { data, folder: data.beside(name) }
    }

    fn state(&self, table: &str) -> PathBuf {
        self.folder.join(format!("{table}.state"))
    }

    fn state_bytes(&self, table: &str) -> Option<Vec<u8>> {
        fs::read(self.state(table)).ok()
    }

    fn command(&self, table: &str) -> Command {
        let mut command = command();
        command.args(["export", table, "--format", "jsonl", "--state"]).arg(self.state(table));
        command.arg("--out").arg(&self.folder).arg("--data").arg(self.data.path());
        command
    }

    /// Exports what has changed, and takes it up.
    #[track_caller]
    fn run(&self, table: &str) {
        ran(self.command(table)).assert_code(0);
        self.take_up(table);
    }

    #[track_caller]
    fn take_up(&self, table: &str) {
        let mut python = Command::new("python3");
        python.arg(TAKE_UP).arg(&self.folder).arg(table).arg(self.database(table));
        ran(python).assert_code(0);
    }

    fn database(&self, table: &str) -> PathBuf {
        self.folder.join(format!("{table}.sqlite"))
    }

    /// The rows that were taken up.
    fn rows(&self, table: &str) -> Vec<Value> {
        let print = "import sqlite3, sys\n\
            rows = sqlite3.connect(sys.argv[1]).execute(f'SELECT row FROM \"{sys.argv[2]}\"')\n\
            for (row,) in rows: print(row)\n";
        let mut python = Command::new("python3");
        python.env("PYTHONUTF8", "1").args(["-c", print]).arg(self.database(table)).arg(table);
        let ran = ran(python);
        ran.assert_code(0);
        json_lines(ran.stdout.as_bytes())
    }

    /// Fails unless the table that was kept is the whole table.
    #[track_caller]
    fn assert_is_whole(&self, table: &str) {
        let whole = json_lines(&export(self.data, table, "jsonl", &[]));
        assert_eq!(sorted(&self.rows(table)), sorted(&whole), "{table}");
    }

    /// The last of the runs that are whole.
    fn last_manifest(&self, table: &str) -> Value {
        let begins = format!("{table}-v");
        let mut names = names_in(&self.folder);
        names.retain(|name| name.starts_with(&begins) && name.ends_with(".manifest.json"));
        manifest(&self.folder.join(names.last().expect("a run was whole")))
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn manifest(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Fails unless a file is what its entry in a manifest says.
#[track_caller]
fn assert_is_as_listed(folder: &Path, entry: &Value) {
    let bytes = fs::read(folder.join(entry["name"].as_str().unwrap())).unwrap();
    assert_eq!(entry["bytes"], bytes.len(), "{entry}");
    assert_eq!(entry["sha256"], hex::encode(Sha256::digest(&bytes)), "{entry}");
}

fn imports(data: &Data, events: &[Value]) {
    let file = data.file("more.ndjson", lines(events));
    data.succeeds([Path::new("import"), &file]);
}

fn at(mut event: Value, sent_at: &str) -> Value {
    event["sent_at"] = json!(sent_at);
    event
}

/// The first message of a person of the shop, after as many as `skipped`.
fn old_message(skipped: usize) -> Value {
    let events = sample_events("history.ndjson");
    let mut messages = events
        .into_iter()
        .filter(|event| event["kind"] == "message" && event["sender"]["role"] == "human");
    messages.nth(skipped).unwrap()
}

/// What became of an old message.
fn changed(old: &Value, kind: &str, id: &str, text: Option<&str>) -> Value {
    let mut event = json!({
        "id": id, "conversation": old["conversation"], "kind": kind, "sender": old["sender"],
        "target": old["id"], "sent_at": "2026-03-02T08:00:00Z",
    });
    if let Some(text) = text {
        event["text"] = json!(text);
    }
    event
}

/// Nightly jobs of years: an old message is edited and another taken back, a new chat comes, old ones are
/// brought along, words are erased. The tables that are kept are those that a whole export has.
#[test]
fn tables_that_are_kept_by_nightly_runs_are_the_whole_ones() {
    let data = with_history();
    let nightly = Nightly::new(&data, "nightly");
    let all_run = || tables().iter().for_each(|table| nightly.run(table));
    let all_are_whole = || tables().iter().for_each(|table| nightly.assert_is_whole(table));
    all_run();
    all_are_whole();
    assert!(nightly.last_manifest("messages")["asked"].get("after").is_none());

    let (edited, retracted, erased) = (old_message(0), old_message(5), old_message(9));
    imports(
        &data,
        &[
            changed(&edited, "edit", "batch-edit", Some("what was meant\u{2028}\"so\"")),
            changed(&retracted, "retract", "batch-retract", None),
            at(
                message("batch-new, \"c\"", "m1", "customer", "cust-1", "hello"),
                "2026-03-01T09:00:00Z",
            ),
            at(
                message("batch-old", "m1", "customer", "cust-2", "a year ago"),
                "2025-01-01T09:00:00Z",
            ),
            at(message("batch-old", "m2", "human", "anna", "and so"), "2025-01-01T09:05:00Z"),
        ],
    );
    all_run();
    all_are_whole();
    let last = nightly.last_manifest("messages");
    let listed = nightly.folder.join(last["replaced"]["name"].as_str().unwrap());
    let replaced = csv(&fs::read_to_string(&listed).unwrap());
    for conversation in [&edited, &retracted].map(|old| old["conversation"].as_str().unwrap()) {
        assert!(replaced.iter().any(|row| row == &[conversation]), "{replaced:?}");
    }
    assert!(replaced.iter().any(|row| row == &["batch-new, \"c\""]), "{replaced:?}");
    let rows = json_lines(
        &fs::read(nightly.folder.join(last["files"][0]["name"].as_str().unwrap())).unwrap(),
    );
    assert!(
        rows.iter().all(|row| replaced.iter().any(|name| row["conversation"] == name[0].as_str()))
    );
    assert_is_as_listed(&nightly.folder, &last["files"][0]);
    assert_is_as_listed(&nightly.folder, &last["replaced"]);

    // A server is asked for what has changed, and erases meanwhile.
    data.set("commit_interval_ms = 50\nlog_segment_mib = 4\n");
    let server = Server::start(&data);
    imports(&data, &[message("batch-live", "m1", "customer", "cust-3", "through a server")]);
    all_run();
    let (id, conversation) =
        (erased["id"].as_str().unwrap(), erased["conversation"].as_str().unwrap());
    let of = ["--message", id, "--conversation", conversation, "--ground", "asked"];
    let ran = data.run([&["erase"], &of[..]].concat());
    ran.assert_code(0);
    ran.assert_stderr_has("done;");
    assert_eq!(server.stop(), 0);
    all_run();
    all_are_whole();
    let words = erased["text"].as_str().unwrap();
    let keeps = |row: &Value| {
        row["conversation"] == erased["conversation"] && row["text"].as_str() == Some(words)
    };
    assert!(!nightly.rows("messages").iter().any(keeps), "what was erased is kept");

    // Nothing has changed.
    all_run();
    all_are_whole();
    for table in tables() {
        assert_eq!(nightly.last_manifest(table)["rows"], 0, "{table}");
    }
}

/// The job is run as it stands on the page.
#[test]
fn the_job_for_every_night_does_what_its_page_says() {
    let data = with_history();
    let nightly = Nightly::new(&data, "nightly");
    let job = between(BATCH_PAGE, "### A job for every night\n```sh\n", "```\n");
    assert!(job.contains("export messages --state") && job.contains("take_up.py"), "{job}");
    let program = Path::new(env!("CARGO_BIN_EXE_verbatim")).parent().unwrap().to_str().unwrap();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let runs = || {
        let mut sh = Command::new("sh");
        for (setting, value) in command().get_envs() {
            assert_eq!(value, None);
            sh.env_remove(setting);
        }
        sh.arg("-c").arg(job).arg("nightly").arg(data.path()).arg(&nightly.folder);
        sh.env("PATH", &path).current_dir(env!("CARGO_MANIFEST_DIR"));
        ran(sh).assert_code(0);
        nightly.assert_is_whole("messages");
    };
    runs();
    imports(&data, &[changed(&old_message(3), "edit", "batch-edit", Some("otherwise"))]);
    runs();
}

/// A run dies before any step by which it changes a file. The state is as it was, or the run is whole; the
/// next one does the rest, also where somebody takes up what is there in between.
#[test]
fn a_run_that_dies_anywhere_is_done_by_the_next() {
    let data = with_history();
    let first = Nightly::new(&data, "first");
    first.run("messages");
    let before = first.state_bytes("messages").expect("the first run left it");
    imports(&data, &[changed(&old_message(3), "edit", "batch-edit", Some("otherwise"))]);

    let mut nth = 1;
    loop {
        assert!(nth < STEPS_MAX);
        let nightly = Nightly::new(&data, &format!("dies-{nth}"));
        fs::create_dir(&nightly.folder).unwrap();
        for name in names_in(&first.folder) {
            fs::copy(first.folder.join(&name), nightly.folder.join(&name)).unwrap();
        }
        let mut dies = nightly.command("messages");
        dies.env("LD_PRELOAD", STEPS.as_os_str()).env("VERBATIM_TEST_DISK", &nightly.folder);
        dies.env("VERBATIM_TEST_DIE_AT_STEP", nth.to_string());
        let died = ran(dies);
        if died.code == 0 {
            break;
        }
        assert_eq!(died.code, -1, "{died}");
        let after = nightly.state_bytes("messages").expect("one of both is there");
        if after != before {
            let state: Value = serde_json::from_slice(&after).unwrap();
            let last = nightly.last_manifest("messages");
            assert_eq!(state["complete_to"], last["complete_to"], "step {nth}");
        }
        nightly.take_up("messages");
        nightly.run("messages");
        nightly.assert_is_whole("messages");
        fs::remove_dir_all(&nightly.folder).unwrap();
        nth += 1;
    }
    assert!(nth > 8, "it has {nth} steps: two files, the manifest and the state");
}

/// A disk that is away, a name that is taken: the run fails, and the next one begins where it did.
#[test]
fn a_run_that_cannot_write_leaves_the_state_as_it_was() {
    let data = with_history();
    let fails = |nightly: &Nightly<'_>| -> Ran {
        let before = nightly.state_bytes("messages");
        let ran = ran(nightly.command("messages"));
        ran.assert_code(2);
        assert_eq!(nightly.state_bytes("messages"), before, "{ran}");
        ran
    };
    // The first run: no folder can be made there.
    let file = data.file("a-file", "x");
    fails(&Nightly { data: &data, folder: file.join("nightly") }).assert_stderr_has("a-file");

    let nightly = Nightly::new(&data, "nightly");
    nightly.run("messages");
    imports(&data, &[changed(&old_message(3), "edit", "batch-edit", Some("otherwise"))]);
    // How the next run is called.
    let other = Nightly::new(&data, "other");
    fs::create_dir(&other.folder).unwrap();
    fs::copy(nightly.state("messages"), other.state("messages")).unwrap();
    ran(other.command("messages")).assert_code(0);
    let mut taken = names_in(&other.folder);
    taken.retain(|name| name.starts_with("messages-v"));
    assert_eq!(taken.len(), 3, "{taken:?}");
    for name in taken {
        let path = nightly.folder.join(name);
        // A run that failed later has written it.
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        fails(&nightly).assert_stderr_has("cannot");
        fs::remove_dir(&path).unwrap();
    }
    nightly.run("messages");
    nightly.assert_is_whole("messages");

    // A state of another table or shop is not gone on with, and one that is none is no beginning.
    let mut turns = command();
    turns.args(["export", "turns", "--format", "jsonl", "--state"]).arg(nightly.state("messages"));
    turns.arg("--out").arg(&nightly.folder).arg("--data").arg(data.path());
    let refused = ran(turns);
    refused.assert_code(2);
    refused.assert_stderr_has("`messages` of shop `main`");
    fs::write(nightly.state("messages"), "{").unwrap();
    fails(&nightly).assert_stderr_has("is no state of an export");
}

/// The disk was lost after the last run, and a backup of before it is gone on with: the next run said that all was
/// well, while what was taken up kept chats that are nowhere any more, and missed those that came instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_after_a_restore_is_refused() {
    let data = Data::new();
    let come = |ids: std::ops::Range<u64>| {
        let events: Vec<Value> = ids
            .map(|id| message(&format!("c{}", id % 4), &format!("m{id}"), "human", "anna", "x"))
            .collect();
        imports(&data, &events);
    };
    come(0..10);
    let backup = data.beside("backup");
    data.succeeds([Path::new("backup"), &backup]);
    come(10..15);
    let nightly = Nightly::new(&data, "nightly");
    nightly.run("messages");
    let (state, files) = (nightly.state_bytes("messages"), names_in(&nightly.folder));
    let is_refused = |words: &str| {
        let refused = ran(nightly.command("messages"));
        refused.assert_code(2);
        refused.assert_stderr_has(words);
        refused.assert_stderr_has("begin anew");
        assert_eq!(nightly.state_bytes("messages"), state, "{refused}");
        assert_eq!(names_in(&nightly.folder), files, "{refused}");
    };

    // Alone, the state is ahead of it.
    fs::remove_dir_all(data.path()).unwrap();
    fs::rename(&backup, data.path()).unwrap();
    is_refused("has records up to offset 15, and here they go to 10 only");
    // With more than it had, in place and from a server.
    come(20..28);
    is_refused("has other records below offset 15");
    let server = Server::ready(&data).await;
    is_refused("has other records below offset 15");
    server.stop();

    let anew = Nightly::new(&data, "anew");
    anew.run("messages");
    anew.assert_is_whole("messages");
    // A state that says less is gone on with, and says it then.
    let mut before: Value = serde_json::from_slice(&anew.state_bytes("messages").unwrap()).unwrap();
    let leaf = before.as_object_mut().unwrap().remove("last_leaf").unwrap();
    fs::write(anew.state("messages"), before.to_string()).unwrap();
    ran(anew.command("messages")).assert_code(0);
    let after: Value = serde_json::from_slice(&anew.state_bytes("messages").unwrap()).unwrap();
    assert_eq!(after["last_leaf"], leaf);
}

/// Two people export the same week and compare the files by their hashes.
#[test]
fn a_closed_range_is_the_same_bytes_whenever_it_is_exported() {
    let data = with_history();
    let range = ["--from", "2026-01-05", "--to", "2026-01-12", "--zone", "Asia/Shanghai"];
    let all = |tables: &[&str]| -> BTreeMap<String, Vec<u8>> {
        let formats = ["parquet", "csv", "jsonl"];
        let each = tables.iter().flat_map(|table| formats.map(|format| (*table, format)));
        each.map(|(table, format)| {
            (format!("{table}.{format}"), export(&data, table, format, &range))
        })
        .collect()
    };
    let first = all(&tables());
    assert_eq!(differing(&first, &all(&tables())), Vec::<&String>::new());
    let server = Server::start(&data);
    assert_eq!(differing(&first, &all(&tables())), Vec::<&String>::new(), "through a server");
    assert_eq!(server.stop(), 0);
    assert!(first["messages.csv"].len() > 1_000);

    // Of what is said, also when there is more before and behind it.
    imports(
        &data,
        &[
            at(message("before", "m1", "customer", "cust-1", "hello"), "2025-11-01T09:00:00Z"),
            at(message("behind", "m1", "customer", "cust-1", "hello"), "2026-02-01T09:00:00Z"),
        ],
    );
    let said = all(&["events", "messages", "changes", "tags", "ratings"]);
    let of_first: BTreeMap<String, Vec<u8>> =
        first.into_iter().filter(|(name, _)| said.contains_key(name)).collect();
    assert_eq!(differing(&of_first, &said), Vec::<&String>::new());
}

fn differing<'a>(
    first: &'a BTreeMap<String, Vec<u8>>,
    second: &BTreeMap<String, Vec<u8>>,
) -> Vec<&'a String> {
    assert_eq!(first.len(), second.len());
    first.iter().filter(|(name, bytes)| second[*name] != **bytes).map(|(name, _)| name).collect()
}

/// A folder of days that others read as one table: each row in the file of its local day, and nowhere else.
#[test]
fn parts_together_are_the_whole() {
    let data = with_history();
    // Of a transcript without times: of no day.
    imports(&data, &[message("timeless", "m1", "customer", "cust-1", "some day")]);
    let zone = "Asia/Shanghai";
    for (table, by, format) in [
        ("messages", "day", "jsonl"),
        ("messages", "month", "parquet"),
        ("turns", "day", "parquet"),
    ] {
        let folder = data.beside(&format!("{table}-{by}"));
        let parted = ["--partition-by", by, "--format", format, "--zone", zone, "--out"];
        data.succeeds([&["export", table], &parted[..], &[folder.to_str().unwrap()]].concat());
        let manifest = manifest(&folder.join(format!("{table}.manifest.json")));
        let mut rows = Vec::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for entry in manifest["files"].as_array().unwrap() {
            assert_is_as_listed(&folder, entry);
            let name = entry["name"].as_str().unwrap();
            let bytes = fs::read(folder.join(name)).unwrap();
            let of_part = match format {
                "parquet" => parquet_lines(bytes),
                _ => json_lines(&bytes),
            };
            assert_eq!(entry["rows"], of_part.len(), "{name}");
            let part = between(name, &format!("{by}="), "/").to_string();
            assert_eq!(name, format!("{by}={part}/{table}.{format}"));
            assert_eq!(counts.insert(part, of_part.len()), None, "{name}: each part is one file");
            rows.extend(of_part);
        }
        let mut listed: Vec<String> = counts.keys().map(|part| format!("{by}={part}")).collect();
        listed.push(format!("{table}.manifest.json"));
        listed.sort_unstable();
        assert_eq!(names_in(&folder), listed);
        assert!(counts.len() > usize::from(by == "day"), "{counts:?}");
        assert_eq!(manifest["rows"], rows.len());
        let whole = match format {
            "parquet" => parquet_lines(export(&data, table, format, &[])),
            _ => json_lines(&export(&data, table, format, &[])),
        };
        assert_eq!(sorted(&rows), sorted(&whole), "{table} by {by}");

        // SQL counts the same days.
        let time = match table {
            "turns" => "waiting_since",
            _ => "case when timed then occurred_at end",
        };
        let length = if by == "day" { 10 } else { 7 };
        let query = format!(
            "select substr(cast(local_day({time}, '{zone}') as text), 1, {length}) as part, count(*) as n from {table} group by 1"
        );
        let counted = data.rows(&query).into_iter().map(|row| {
            (
                row["part"].as_str().unwrap_or("none").to_string(),
                row["n"].as_u64().unwrap() as usize,
            )
        });
        assert_eq!(counted.collect::<BTreeMap<_, _>>(), counts, "{table} by {by}");
        if table == "messages" {
            assert_eq!(counts["none"], 1);
            let ranged = json_lines(&export(&data, table, "jsonl", &["--from", "2000-01-01"]));
            assert_eq!(ranged.len(), rows.len() - 1);
        }
    }
}

/// A customer sends a formula, and somebody opens the export.
#[test]
fn a_text_that_excel_would_compute_stays_a_text() {
    const FORMULA: &str = "=HYPERLINK(\"http://x\",\"退款\")";
    let data = Data::new();
    imports(&data, &[message("c1", "m1", "customer", "cust-1", FORMULA)]);
    let text_of = |bytes: &[u8]| {
        let rows = csv(std::str::from_utf8(bytes).unwrap());
        let column = rows[0].iter().position(|name| name == "text").unwrap();
        rows[1][column].clone()
    };
    let plain = export(&data, "messages", "csv", &[]);
    assert_eq!(text_of(&plain), FORMULA, "for all others it is what was sent");
    let for_excel = export(&data, "messages", "csv", &["--excel"]);
    let without_mark = for_excel.strip_prefix("\u{feff}".as_bytes()).expect("a byte order mark");
    assert_eq!(text_of(without_mark), format!("'{FORMULA}"));
    // A name that says otherwise.
    for asked in [&["export", "messages"][..], &["sql", "select 1 as one"]] {
        let out = data.beside("x.parquet");
        let format = ["--format", "csv", "--out", out.to_str().unwrap()];
        let ran = data.run([asked, &format].concat());
        ran.assert_code(0);
        ran.assert_stderr_has("x.parquet` is written as Csv, as --format says");
    }
    let ran = data.run(["export", "messages", "--format", "jsonl", "--excel"]);
    ran.assert_code(2);
    ran.assert_stderr_has("--excel is for CSV");
}

/// Who gets a file compares it with its manifest, packed or not.
#[test]
fn a_manifest_says_what_its_file_is() {
    let data = with_history();
    let messages = data.number("select count(*) from messages");
    for name in ["messages.parquet", "messages.csv.zst", "messages.jsonl"] {
        let out = data.beside(name);
        let asked = ["export", "messages", "--to", "2030-01-01", "--manifest", "--out"];
        data.succeeds([&asked[..], &[out.to_str().unwrap()]].concat());
        let manifest = manifest(&data.beside(&format!("{name}.manifest.json")));
        assert_eq!((&manifest["table"], &manifest["shop"]), (&json!("messages"), &json!("main")));
        assert_eq!(manifest["files"][0]["name"], name);
        assert_eq!(manifest["files"][0]["rows"], messages, "{name}");
        assert_eq!(manifest["rows"], messages, "{name}");
        assert!(
            manifest["complete_to"].as_u64() >= Some(sample_events("history.ndjson").len() as u64)
        );
        assert_is_as_listed(out.parent().unwrap(), &manifest["files"][0]);
    }
    let packed = fs::read(data.beside("messages.csv.zst")).unwrap();
    let unpacked = zstd::decode_all(packed.as_slice()).unwrap();
    let plain = export(&data, "messages", "csv", &["--to", "2030-01-01"]);
    assert!(unpacked == plain, "packed it is the same");
    // Without being asked for, there is none.
    data.succeeds(["export", "tags", "--out", data.beside("tags.csv").to_str().unwrap()]);
    assert!(!data.beside("tags.csv.manifest.json").exists());
}

/// Passes on what is asked of a server and what it says, but for the bytes of files.
async fn liar(server: &Server) -> String {
    let address = server.url.strip_prefix("http://").unwrap().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(pass_or_lie(client, server));
        }
    });
    url
}

async fn pass_or_lie(mut client: TcpStream, mut server: TcpStream) {
    const LIE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\
        connection: close\r\n\r\notherwise";
    let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let passed = tokio::select! {
            read = client.read(&mut asked) => match read.unwrap_or(0) {
                0 => return,
                count if String::from_utf8_lossy(&asked[..count]).contains("/attachments/") => {
                    let _ = client.write_all(LIE).await;
                    return;
                }
                count => server.write_all(&asked[..count]).await,
            },
            read = server.read(&mut said) => match read.unwrap_or(0) {
                0 => return,
                count => client.write_all(&said[..count]).await,
            },
        };
        if passed.is_err() {
            return;
        }
    }
}

/// Rows that name pictures come with them: fetched once, compared with their hashes, in place and from a server. A
/// run that cannot have them all leaves its state as it was.
#[tokio::test(flavor = "multi_thread")]
async fn attachments_come_along_and_what_is_there_is_not_fetched_again() {
    let data = with_history();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/attachments");
    let server = Server::ready(&data).await;
    let admin = server.http_as(&data, "anna", &[Admin]);
    let mut sent = Vec::new();
    for name in names_in(&pictures) {
        let bytes = fs::read(pictures.join(name)).unwrap();
        let hash = hex::encode(Sha256::digest(&bytes));
        assert_eq!(admin.put(&format!("/v1/attachments/{hash}"), bytes.clone()).await.status, 201);
        sent.push((hash, bytes));
    }
    let named = data.rows(
        "select distinct a.sha256 as hash from (select unnest(attachments) as a from messages)",
    );
    let named =
        named.iter().map(|row| row["hash"].as_str().unwrap().to_string()).collect::<Vec<_>>();
    sent.retain(|(hash, _)| named.contains(hash));
    assert!(sent.len() >= 10, "{}", sent.len());

    let folder = data.beside("files");
    let export = |table: &str, more: &[&str]| {
        let mut command = command();
        command.args(["export", table, "--format", "jsonl", "--attachments"]).arg(&folder);
        command.arg("--out").arg(data.beside("rows.jsonl")).args(more);
        ran({
            command.arg("--data").arg(data.path());
            command
        })
    };
    let assert_whole = || {
        for (hash, bytes) in &sent {
            assert_eq!(&fs::read(folder.join(&hash[..2]).join(hash)).unwrap(), bytes);
        }
    };
    let first = export("messages", &[]);
    first.assert_code(0);
    first.assert_stderr_has(&format!("fetched {} attachments", sent.len()));
    assert_whole();
    // What a server sends otherwise gets no name.
    let lied = data.beside("lied");
    let mut from_liar = command();
    from_liar.args(["export", "messages", "--format", "jsonl", "--attachments"]).arg(&lied);
    from_liar.args(["--url", &liar(&server).await, "--token", &data.token(SHOP, "ann", &[Admin])]);
    from_liar.arg("--out").arg(data.beside("lied.jsonl"));
    let lies = ran(from_liar);
    lies.assert_code(2);
    lies.assert_stderr_has("are damaged, and left out");
    assert!(sent.iter().all(|(hash, _)| !lied.join(&hash[..2]).join(hash).exists()), "{lies}");
    // Of what is there, what has gone or is damaged is fetched, also in place.
    let place = |(hash, _): &(String, Vec<u8>)| folder.join(&hash[..2]).join(hash);
    let (gone, _) = &sent[0];
    fs::remove_file(place(&sent[0])).unwrap();
    fs::write(place(&sent[1]), &sent[1].1[1..]).unwrap();
    let mut flipped = sent[2].1.clone();
    flipped[0] ^= 1;
    fs::write(place(&sent[2]), flipped).unwrap();
    server.stop();
    let again = export("events", &[]);
    again.assert_code(0);
    again.assert_stderr_has("fetched 3 attachments");
    assert_whole();
    export("turns", &[]).assert_code(2);

    // One that is kept damaged gets no name, and the run is no run.
    fs::remove_file(folder.join(&gone[..2]).join(gone)).unwrap();
    let kept = files_under(&data.path().join("attachments"));
    let kept = kept.iter().find(|path| path.ends_with(gone)).unwrap();
    fs::write(kept, "otherwise").unwrap();
    let state = data.beside("messages.state");
    let (state_name, runs) = (state.to_str().unwrap().to_string(), data.beside("runs"));
    let mut damaged = command();
    damaged.args([
        "export",
        "messages",
        "--format",
        "jsonl",
        "--state",
        &state_name,
        "--attachments",
    ]);
    damaged.arg(&folder).arg("--out").arg(&runs).arg("--data").arg(data.path());
    let damaged = ran(damaged);
    damaged.assert_code(2);
    damaged.assert_stderr_has(gone);
    assert!(!state.exists() && !folder.join(&gone[..2]).join(gone).exists());
    data.is_left_damaged();
}
