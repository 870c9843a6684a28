//! What a batch user waits for: all records written to a file in each format, and transcripts brought in from a file.
//! Beside it DuckDB's `COPY`, of the same Parquet files to the same formats, and of the same JSON lines to Parquet. Prints
//! a table and, as its last line, the same figures as JSON.
//!
//! ```text
//! cargo bench --bench batch                            1,000,000 events
//! cargo bench --bench batch -- --events 10000000       ten million
//! cargo bench --bench batch -- --quick                 50,000, without DuckDB
//! cargo bench --bench batch -- --data DIR              of events that an earlier run left there, this or `numbers`
//! benches/peers/install                                fetches DuckDB
//! ```
//! MB/s per core: megabytes of the file for each second of CPU time. What is packed is counted as the rows it holds, by
//! the size of the Arrow file, in which they lie as they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[path = "pipeline/chat.rs"]
#[allow(dead_code)]
mod chat;
#[path = "pipeline/feed.rs"]
mod feed;
#[path = "peers/peer.rs"]
mod peer;
#[path = "pipeline/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use peer::Peer;
use report::{Report, round};
use serde_json::json;
use server::{PROGRAM, Server, cpu_seconds, memory_bytes};

const SHOP: &str = "bench";
const TABLE: &str = "events";
/// In which rows lie as they are, first: others are counted by it.
const FORMATS: [&str; 5] = ["arrow", "csv", "jsonl", "json", "parquet"];
/// What DuckDB writes too.
const DUCKDB_FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];
const LOOK_EVERY: Duration = Duration::from_millis(5);
const MIB: f64 = 1024.0 * 1024.0;

/// Measures exports and imports, beside DuckDB.
#[derive(Parser)]
#[command(name = "batch", max_term_width = 100)]
struct Options {
    /// 50,000 events unless --events says otherwise, and no DuckDB
    #[arg(long)]
    quick: bool,
    /// Events; 1,000,000 unless given
    #[arg(long, value_name = "N")]
    events: Option<usize>,
    /// Days over which the conversations begin
    #[arg(long, value_name = "N", default_value_t = 140)]
    days: i64,
    /// Seed of the chat
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Export what an earlier run left here
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a run took.
struct Taken {
    seconds: f64,
    cpu_seconds: f64,
    memory_bytes: u64,
}

fn main() {
    let options = Options::parse();
    let events = options.events.unwrap_or(if options.quick { 50_000 } else { 1_000_000 });
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    if !data.exists() {
        let server = Server::start(&data);
        feed::send_all(&server, SHOP, chat::events(options.seed, events, options.days));
        feed::catch_up(&server, SHOP);
        server.settle();
        server.stop();
    }
    let mut report = Report::default();
    report.add("events", events, "");
    exports(&data, scratch.path(), !options.quick, &mut report);
    imports(&options, events, scratch.path(), &mut report);
    report.print();
}

fn exports(data: &Path, folder: &Path, is_beside: bool, report: &mut Report) {
    let archive = data.join("archive");
    let words = [archive.as_os_str(), OsStr::new(SHOP), OsStr::new(TABLE)];
    let mut duckdb = is_beside.then(|| Peer::start("duckdb", "copying.py", words)).flatten();
    if let Some(peer) = &duckdb {
        report.add("duckdb: version", peer.ready["version"].clone(), "");
    }
    let mut plain_bytes = 0;
    for format in FORMATS {
        let file = folder.join(format!("{TABLE}.{format}"));
        let taken = run(&mut export(data, format, &file));
        let bytes = std::fs::metadata(&file).unwrap().len();
        if plain_bytes == 0 {
            plain_bytes = bytes;
        }
        let counted = if format == "parquet" { plain_bytes } else { bytes };
        add(&format!("export to {format}"), &taken, counted, report);
        report.add(format!("export to {format}: file"), round(bytes as f64 / MIB, 1), "MiB");
        std::fs::remove_file(&file).unwrap();
        let peer = duckdb.as_mut().filter(|_| DUCKDB_FORMATS.contains(&format));
        let Some(peer) = peer else { continue };
        let copied = peer.ask(&json!({"format": format, "out": file}));
        std::fs::remove_file(&file).unwrap();
        let seconds = |name: &str| copied[name].as_f64().expect("its figures");
        let label = format!("duckdb, copy to {format}");
        report.add(&label, round(seconds("seconds"), 2), "s");
        report.add(format!("{label}: CPU"), round(seconds("cpu_seconds"), 2), "s");
        report.add_ratio(format!("{label}, against verbatim"), seconds("seconds"), taken.seconds);
        report.add_ratio(
            format!("{label}, CPU against verbatim"),
            seconds("cpu_seconds"),
            taken.cpu_seconds,
        );
    }
    let file = folder.join("range.arrow");
    let taken =
        run(export(data, "arrow", &file).args(["--from", "2000-01-01", "--to", "2100-01-01"]));
    add("export of a closed range, sorted, to arrow", &taken, plain_bytes, report);
    std::fs::remove_file(&file).unwrap();
}

/// Writes the table to a file.
fn export(data: &Path, format: &str, file: &Path) -> Command {
    let mut export = Command::new(PROGRAM);
    export.args(["export", TABLE, "--format", format, "--shop", SHOP, "--data"]).arg(data);
    export.arg("--out").arg(file);
    export
}

/// A file of transcripts into a directory that is not there yet, until every store has committed it.
fn imports(options: &Options, events: usize, folder: &Path, report: &mut Report) {
    let (file, data) = (folder.join("events.ndjson"), folder.join("imported"));
    let mut out = BufWriter::new(File::create(&file).unwrap());
    for (_, event) in chat::events(options.seed, events, options.days) {
        serde_json::to_writer(&mut out, &event).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.into_inner().unwrap().sync_all().unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    report.add("import: file", round(bytes as f64 / MIB, 1), "MiB");
    let mut import = Command::new(PROGRAM);
    let taken = run(import.arg("import").arg(&file).args(["--shop", SHOP, "--data"]).arg(&data));
    add("import", &taken, bytes, report);
    report.add("import: events a second", (events as f64 / taken.seconds).round(), "");
    if options.quick {
        return;
    }
    let words = [file.as_os_str(), OsStr::new(""), OsStr::new("json")];
    let Some(mut peer) = Peer::start("duckdb", "copying.py", words) else { return };
    let out = folder.join("copied.parquet");
    let copied = peer.ask(&json!({"format": "parquet", "out": out}));
    let seconds = copied["seconds"].as_f64().expect("its figures");
    report.add("duckdb, the same file to one Parquet file", round(seconds, 2), "s");
    report.add_ratio(
        "duckdb, the same file to one Parquet file, against verbatim",
        seconds,
        taken.seconds,
    );
}

fn add(name: &str, taken: &Taken, bytes: u64, report: &mut Report) {
    let Taken { seconds, cpu_seconds, memory_bytes } = taken;
    report.add(name, round(*seconds, 2), "s");
    report.add(format!("{name}: CPU"), round(*cpu_seconds, 2), "s");
    report.add(format!("{name}: per core"), round(bytes as f64 / 1e6 / cpu_seconds, 1), "MB/s");
    report.add(format!("{name}: peak memory"), round(*memory_bytes as f64 / MIB, 0), "MiB");
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Taken {
    let started = Instant::now();
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("verbatim runs");
    let (mut cpu, mut memory) = (0.0_f64, 0);
    loop {
        // A process that has ended has no memory, and keeps its times until it is waited for.
        memory = memory_bytes(&child, "VmHWM").unwrap_or(0).max(memory);
        cpu = cpu_seconds(&child).max(cpu);
        if let Some(status) = child.try_wait().expect("it is our child") {
            assert!(status.success(), "verbatim failed: {command:?}");
            let seconds = started.elapsed().as_secs_f64();
            return Taken { seconds, cpu_seconds: cpu, memory_bytes: memory };
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
