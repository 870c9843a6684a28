//! The numbers people ask for: every named query over the whole range and over its last two weeks, dashboards
//! while chat goes on, a report in place. Beside it DuckDB and ClickHouse on Parquet files of the same rows (exported,
//! since what goes on is in no file of the archive), from the tables of turns, episodes and tags, and from the records alone. Prints a table and, as its last line, the
//! same figures as JSON.
//!
//! ```text
//! cargo bench --bench numbers                          1,000,000 events
//! cargo bench --bench numbers -- --events 10000000     ten million
//! cargo bench --bench numbers -- --quick               50,000, without peers
//! cargo bench --bench numbers -- --data DIR            leaves the events there, and asks of them again the next time
//! benches/peers/install                                fetches the peers
//! ```
//! Where a peer knows the question, its rows must be verbatim's. `verbatim` is asked over HTTP, in which each
//! question waits for what was acknowledged before it; the peers inside their processes.
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
#[path = "numbers/same.rs"]
mod same;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use peer::Peer;
use report::{Report, median_ms, quantile, round};
use same::require_same;
use serde_json::{Map, Value, json};
use server::{Connection, PROGRAM, Server};
use verbatim::model::Micros;

const SHOP: &str = "bench";
const ZONE: &str = "Asia/Shanghai";
const PAGE_ASKED: usize = 20;
const PAGES: [&str; 6] = [
    "/",
    "/dashboards/waits",
    "/dashboards/categories",
    "/dashboards/agents",
    "/dashboards/bot",
    "/dashboards/sla",
];
const DAY_MICROS: i64 = 86_400_000_000;
/// Reopenings of the last day's conversations come up to some days later.
const DAYS_AFTER: i64 = 10;
/// The chat that goes on meanwhile: a body of a hundred events, this often.
const LIVE_EVENTS: usize = 100;
const LIVE_EVERY: Duration = Duration::from_millis(100);

/// Measures reports and dashboards, beside DuckDB and ClickHouse.
#[derive(Parser)]
#[command(name = "numbers", max_term_width = 100)]
struct Options {
    /// 50,000 events unless --events says otherwise, and no peers
    #[arg(long)]
    quick: bool,
    /// Events; 1,000,000 unless given
    #[arg(long, value_name = "N")]
    events: Option<usize>,
    /// Days over which the conversations begin
    #[arg(long, value_name = "N", default_value_t = 140, value_parser = clap::value_parser!(i64).range(14..))]
    days: i64,
    /// Seed of the chat
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave the peers out
    #[arg(long)]
    alone: bool,
    /// Leave the events here; where an earlier run with the same numbers left them, ask of those
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A span of time that is asked about.
struct Range {
    name: &'static str,
    from: String,
}

fn main() {
    let options = Options::parse();
    let events = options.events.unwrap_or(if options.quick { 50_000 } else { 1_000_000 });
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    let is_there = data.exists();
    let server = Server::start(&data);
    if !is_there {
        feed::send_all(&server, SHOP, chat::events(options.seed, events, options.days));
    }
    feed::catch_up(&server, SHOP);
    server.settle();

    let mut report = Report::default();
    report.add("events", events, "");
    let from = chat::STARTED_AT;
    let to = from + (options.days + DAYS_AFTER) * DAY_MICROS;
    let ranges = [
        Range { name: "all", from: Micros(from).to_string() },
        Range { name: "14 days", from: Micros(to - (14 + DAYS_AFTER) * DAY_MICROS).to_string() },
    ];
    let to = Micros(to).to_string();
    let mut connection = server.connect(SHOP);
    let names = names(&mut connection);
    let quiet = questions(&mut connection, &names, &ranges, &to, &mut report);
    if !options.quick && !options.alone {
        let tables = scratch.path().join("tables");
        export_tables(&data, &tables);
        for name in ["duckdb", "clickhouse"] {
            beside(name, &tables, &names, &ranges, &to, &quiet, &mut report);
        }
    }
    while_chat_goes_on(&server, &options, events, &ranges[1], &to, &mut report);
    server.stop();
    in_place(&data, &mut report);
    report.print();
}

fn names(connection: &mut Connection) -> Vec<String> {
    let reports: Vec<Map<String, Value>> = connection.get_json("/v1/reports");
    // What asks about now has no range to be compared over.
    let has_range = |report: &&Map<String, Value>| {
        let parameters = report["parameters"].as_array().expect("its parameters");
        ["from", "to"].iter().all(|name| parameters.iter().any(|one| one["name"] == *name))
    };
    let with_range = reports.iter().filter(has_range);
    with_range.filter_map(|report| report["name"].as_str().map(str::to_string)).collect()
}

fn path(name: &str, from: &str, to: &str) -> String {
    format!("/v1/reports/{name}?from={from}&to={to}&zone={ZONE}")
}

/// What was answered to one question, and in how many milliseconds.
struct Answered {
    name: String,
    range: &'static str,
    rows: Vec<Value>,
    ms: f64,
}

/// Every named query over each range.
fn questions(
    connection: &mut Connection,
    names: &[String],
    ranges: &[Range],
    to: &str,
    report: &mut Report,
) -> Vec<Answered> {
    let mut answered = Vec::new();
    for range in ranges {
        for name in names {
            let path = path(name, &range.from, to);
            let rows: Vec<Value> = connection.get_json(&path);
            let ms = median_ms(|| drop(connection.get(&path)));
            report.add(format!("{name}, {}", range.name), round(ms, 1), "ms");
            answered.push(Answered { name: name.clone(), range: range.name, rows, ms });
        }
    }
    answered
}

/// The tables that peers know, as they are asked: what still goes on is in no file of the archive, and counts.
fn export_tables(data: &Path, folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    for table in ["events", "turns", "episodes", "tags"] {
        let status = Command::new(PROGRAM)
            .args(["export", table, "--shop", SHOP, "--data"])
            .arg(data)
            .arg("--out")
            .arg(folder.join(format!("{table}.parquet")))
            .stderr(Stdio::null())
            .status()
            .expect("verbatim runs");
        assert!(status.success(), "verbatim export {table} failed");
    }
}

/// What a peer takes for the same, and that it says the same.
fn beside(
    who: &'static str,
    tables: &Path,
    names: &[String],
    ranges: &[Range],
    to: &str,
    quiet: &[Answered],
    report: &mut Report,
) {
    let to = plain(to);
    let words = [tables.as_os_str(), SHOP.as_ref(), to.as_ref(), to.as_ref(), ZONE.as_ref()];
    let Some(mut peer) = Peer::start(who, "analytics.py", words) else { return };
    report.add(format!("{who}: version"), peer.ready["version"].clone(), "");
    for range in ranges {
        for name in names {
            for of in ["facts", "events"] {
                let from = plain(&range.from);
                let theirs = peer.ask(&json!({"question": name, "of": of, "from": from}));
                let Some(rows) = theirs["rows"].as_array() else { continue };
                let ms = theirs["ms"].as_f64().expect("its time");
                let same = |own: &&Answered| own.name == *name && own.range == range.name;
                let own = quiet.iter().find(same).expect("it was asked");
                require_same(who, name, &own.rows, rows);
                let label = format!("{who}, {name} from {of}, {}", range.name);
                report.add(&label, round(ms, 1), "ms");
                report.add_ratio(format!("{label}, against verbatim"), ms, own.ms);
            }
        }
    }
}

/// `2026-01-05T00:00:00.000000Z` as both peers take it.
fn plain(at: &str) -> String {
    at.replace('T', " ").trim_end_matches('Z').to_string()
}

/// Dashboards as people load them, while events come in.
fn while_chat_goes_on(
    server: &Server,
    options: &Options,
    events: usize,
    range: &Range,
    to: &str,
    report: &mut Report,
) {
    let is_asking = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let mut sender = server.connect(SHOP);
        let is_asking = &is_asking;
        scope.spawn(move || {
            let mut more = chat::events(options.seed + 1, events.max(LIVE_EVENTS), options.days);
            while is_asking.load(Ordering::Relaxed) {
                let mut body = Vec::new();
                for (_, event) in more.by_ref().take(LIVE_EVENTS) {
                    serde_json::to_writer(&mut body, &event).unwrap();
                    body.push(b'\n');
                }
                feed::send(&mut sender, &body);
                std::thread::sleep(LIVE_EVERY);
            }
        });
        let day = |at: &str| at.split('T').next().unwrap().to_string();
        let days = format!("from={}&to={}", day(&range.from), day(to));
        pages(&mut server.connect(SHOP), &days, report);
        is_asking.store(false, Ordering::Relaxed);
    });
}

/// How long each dashboard takes at first and from then on, since its figures are given again for some seconds; and how
/// large it is.
fn pages(visitor: &mut Connection, days: &str, report: &mut Report) {
    for page in PAGES {
        let path = format!("{page}?{days}");
        let mut load = || {
            let started = Instant::now();
            visitor.get(&path);
            started.elapsed().as_secs_f64() * 1e3
        };
        let first = load();
        let mut times: Vec<f64> = (0..PAGE_ASKED).map(|_| load()).collect();
        times.sort_by(f64::total_cmp);
        report.add(format!("page {page}, 14 days: first"), round(first, 1), "ms");
        report.add(format!("page {page}, 14 days: p50"), round(quantile(&times, 0.5), 1), "ms");
        report.add(format!("page {page}, 14 days: slowest"), round(quantile(&times, 1.0), 1), "ms");
        report.add(format!("page {page}: sent"), visitor.bytes_sent(&path), "bytes");
    }
}

/// A report without a server, start included.
fn in_place(data: &Path, report: &mut Report) {
    for name in ["summary", "waiting_by_day"] {
        let ms = median_ms(|| {
            let status = Command::new(PROGRAM)
                .args(["report", name, "--from", "2026-01-05", "--shop", SHOP, "--data"])
                .arg(data)
                .stdout(Stdio::null())
                .status()
                .expect("verbatim runs");
            assert!(status.success(), "verbatim report failed");
        });
        report.add(format!("in place: report {name}"), round(ms, 1), "ms");
    }
}
