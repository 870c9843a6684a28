//! What evidence costs: a bundle of a conversation and a pack of it, made and verified; and the ledger, while events come in.
//! Prints a table and, as its last line, the same figures as JSON.
//!
//! ```text
//! cargo bench --bench evidence                         1,000 messages of 200,000 events; 5 rounds with the ledger and 5 without
//! cargo bench --bench evidence -- --quick              100 messages of 20,000 events, a round
//! cargo bench --bench evidence -- --help               what else can be chosen
//! ```
//! Rounds with and without the ledger take turns, each in a new directory: read the ratio. Without it a
//! server's key is one that others may read, which the ledger refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[path = "pipeline/chat.rs"]
#[allow(dead_code)]
mod chat;
#[path = "pipeline/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chat::{Chat, Size};
use clap::Parser;
use report::{Report, quantile, round};
use serde_json::json;
use server::{Connection, PROGRAM, Server};

const SHOP: &str = "shop-0";
const CONVERSATION: &str = "a-long-one";
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(600);
const STATUS_EVERY: Duration = Duration::from_millis(20);
/// Each command is run this often; the median counts.
const TIMES_RUN: usize = 5;
/// Batches of one connection, and connections.
const BATCH_EVENTS: usize = 1_000;
const SENDERS: usize = 4;

/// Measures bundles, and ingest with and without the ledger.
#[derive(Parser)]
#[command(name = "evidence", max_term_width = 100)]
struct Options {
    /// 20,000 events, 100 messages and one round unless other numbers are given
    #[arg(long)]
    quick: bool,
    /// Events beside the conversation, and in each round; 200,000 unless given
    #[arg(long, value_name = "N")]
    events: Option<usize>,
    /// Messages of the conversation; 1,000 unless given
    #[arg(long, value_name = "N")]
    messages: Option<usize>,
    /// Rounds with the ledger, and as many without; 5 unless given
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Seed of chat
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a round took.
struct Ingest {
    acked: f64,
    committed: f64,
    cpu: f64,
}

fn main() {
    let options = Options::parse();
    let usual = |quick, full| if options.quick { quick } else { full };
    let events = options.events.unwrap_or(usual(20_000, 200_000));
    let messages = options.messages.unwrap_or(usual(100, 1_000));
    let rounds = options.rounds.unwrap_or(usual(1, 5));
    let size = Size {
        seed: options.seed,
        events,
        shops: 1,
        lanes: SENDERS,
        batch_events: BATCH_EVENTS,
        days: 14,
    };
    let chat = Chat::new(&size);
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut report = Report::default();
    report.add("events", events, "");
    report.add("messages of the conversation", messages, "");
    bundles(&chat, messages, scratch.path(), &mut report);
    ledger(&chat, rounds, scratch.path(), &mut report);
    report.print();
}

/// Makes a bundle of the conversation, through a server and in place, and verifies it.
fn bundles(chat: &Chat, messages: usize, scratch: &Path, report: &mut Report) {
    let data = scratch.join("data");
    let server = Server::start(&data);
    let mut connection = server.connect(SHOP);
    connection.post("/v1/events", "application/x-ndjson", &conversation(messages));
    ingest(&server, chat);
    server.settle();
    let bundle = scratch.join("bundle.zip");
    let export = || {
        let mut command = Command::new(PROGRAM);
        command.args(["evidence", "export", "--shop", SHOP, "--conversation", CONVERSATION]);
        command
            .args(["--case", "1", "--reason", "benchmark", "--force", "--out"])
            .arg(&bundle)
            .arg("--data")
            .arg(&data);
        command
    };
    let removed = || drop(fs::remove_file(&bundle));
    report.add("bundle, through a server", median_seconds(export, removed), "s");
    pack(&server, &mut connection, report);
    server.stop();
    report.add("bundle, in place", median_seconds(export, removed), "s");
    timed(export());
    report.add("bundle", fs::metadata(&bundle).unwrap().len() / 1_024, "KiB");
    let verify = || {
        let mut command = Command::new(PROGRAM);
        command.args(["evidence", "verify"]).arg(&bundle);
        command
    };
    report.add("verbatim evidence verify", median_seconds(verify, || ()), "s");
    let script = scratch.join("verify.py");
    let unpacked = Command::new("python3")
        .args(["-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); n = [n for n in z.namelist() if n.endswith('verify.py')][0]; open(sys.argv[2], 'wb').write(z.read(n))"])
        .arg(&bundle)
        .arg(&script)
        .status();
    assert!(unpacked.is_ok_and(|status| status.success()), "the bundle has its verify.py");
    let verify = || {
        let mut command = Command::new("python3");
        command.arg(&script).arg(&bundle);
        command
    };
    report.add("verify.py", median_seconds(verify, || ()), "s");
}

/// Lets the server make a pack of the conversation. Its memory is that of the whole process.
fn pack(server: &Server, connection: &mut Connection, report: &mut Report) {
    let asked =
        json!({"bundle": {"conversations": [CONVERSATION], "case": "1", "reason": "benchmark"}});
    let mib = |bytes: u64| bytes / (1_024 * 1_024);
    server.forget_peak();
    report.add("server's memory, before a pack", mib(server.memory_bytes("VmRSS")), "MiB");
    let started = Instant::now();
    let pack =
        connection.post("/v1/evidence/pack", "application/json", asked.to_string().as_bytes());
    report.add("pack, through a server", round(started.elapsed().as_secs_f64(), 2), "s");
    report.add("server's memory, at most meanwhile", mib(server.memory_bytes("VmHWM")), "MiB");
    report.add("pack", pack.len() / 1_024, "KiB");
}

/// A conversation of so many messages, as lines of JSON.
fn conversation(messages: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for number in 0..messages {
        let (role, id) = if number % 2 == 0 { ("customer", "u-1") } else { ("human", "agent-1") };
        let event = json!({
            "id": format!("long-{number}"), "conversation": CONVERSATION, "kind": "message",
            "sender": {"id": id, "role": role}, "order": "L-1",
            "text": format!("{number}: 申请退款的进度麻烦查一下, the parcel of order {} has not arrived", number * 7_919),
        });
        serde_json::to_writer(&mut body, &event).unwrap();
        body.push(b'\n');
    }
    body
}

/// Rounds with and without the ledger, by turns.
fn ledger(chat: &Chat, rounds: usize, scratch: &Path, report: &mut Report) {
    let mut with: Vec<Ingest> = Vec::new();
    let mut without: Vec<Ingest> = Vec::new();
    for round in 0..rounds * 2 {
        let data = scratch.join(format!("round-{round}"));
        let has_ledger = round.is_multiple_of(2);
        if !has_ledger {
            Server::start(&data).stop();
            fs::set_permissions(data.join("keys/ledger.key"), Permissions::from_mode(0o640))
                .unwrap();
        }
        let server = Server::start(&data);
        let taken = ingest(&server, chat);
        server.stop();
        fs::remove_dir_all(&data).unwrap();
        if has_ledger { with.push(taken) } else { without.push(taken) }
    }
    let median = |of: &[Ingest], what: fn(&Ingest) -> f64| {
        let mut values: Vec<f64> = of.iter().map(what).collect();
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    let mut add = |name: &str, what: fn(&Ingest) -> f64| {
        let (with, without) = (median(&with, what), median(&without, what));
        report.add(format!("{name}, with the ledger"), round(with, 2), "s");
        report.add(format!("{name}, without"), round(without, 2), "s");
        report.add_ratio(format!("{name}, with against without"), with, without);
    };
    add("acks", |of| of.acked);
    add("committed", |of| of.committed);
    add("CPU", |of| of.cpu);
}

/// Sends everything and waits for the stores.
fn ingest(server: &Server, chat: &Chat) -> Ingest {
    let started = Instant::now();
    let cpu = server.cpu_seconds();
    std::thread::scope(|scope| {
        for lane in &chat.lanes {
            let mut connection = server.connect(SHOP);
            scope.spawn(move || {
                for batch in lane {
                    connection.post(
                        "/v1/events?origin=imported",
                        "application/x-ndjson",
                        &batch.body,
                    );
                }
            });
        }
    });
    let acked = started.elapsed().as_secs_f64();
    let connection = &mut server.connect(SHOP);
    loop {
        let status = server.status(connection);
        let mut at_work = status.stores.iter().filter(|store| store.failed.is_none());
        if at_work.all(|store| store.cursor == status.head) {
            break;
        }
        assert!(started.elapsed() < CATCH_UP_TIME_MAX, "the stores do not catch up");
        std::thread::sleep(STATUS_EVERY);
    }
    let committed = started.elapsed().as_secs_f64();
    Ingest { acked, committed, cpu: server.cpu_seconds() - cpu }
}

fn median_seconds(command: impl Fn() -> Command, before: impl Fn()) -> f64 {
    let mut times: Vec<f64> = (0..TIMES_RUN)
        .map(|_| {
            before();
            timed(command())
        })
        .collect();
    times.sort_by(f64::total_cmp);
    round(quantile(&times, 0.5), 3)
}

/// Runs it to its end, which must be a success. Returns seconds.
fn timed(mut command: Command) -> f64 {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    seconds
}
