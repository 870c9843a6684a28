//! The whole path: chat over HTTP into a running `verbatim serve`, until archive, facts and index
//! have it all, then the questions people ask of it. Prints a table and, as its last line, the same
//! figures as JSON.
//!
//! ```text
//! cargo bench --bench pipeline                          1,000,000 events
//! cargo bench --bench pipeline -- --events 10000000     ten million: what grows shows here
//! cargo bench --bench pipeline -- --quick               50,000 events, for every change
//! cargo bench --bench pipeline -- --help                what else can be chosen
//! ```
//! Machines differ: read the acks against `raw`, the same bodies written to a plain file with an
//! `fdatasync` each, and CPU seconds by the event. Answers are checked against what the generator
//! counted, so that a fast wrong build fails. While the traffic runs somebody asks the named queries,
//! and after it the directory is started again and asked in place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[path = "pipeline/chat.rs"]
mod chat;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "pipeline/in_place.rs"]
mod in_place;
#[path = "pipeline/report.rs"]
mod report;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chat::{Batch, Chat, Shop, Size};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use report::{Report, median_ms, quantile, round};
use serde_json::{Map, Value, json};
use server::{Connection, Server};

/// Queries that may have no rows: nobody promises anything in this chat or is put into a queue, and whether somebody
/// waits at its end is chance.
const MAY_BE_EMPTY: [&str; 5] =
    ["longest_waits", "queue_by_day", "sla_by_day", "sla_open", "waiting_now"];
/// How long the stores may take for what is acknowledged already.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(600);
const ASK_EVERY: Duration = Duration::from_millis(200);
const STATUS_EVERY: Duration = Duration::from_millis(50);

/// Measures verbatim from chat over HTTP to the answers of its reports and searches.
#[derive(Parser)]
#[command(name = "pipeline", max_term_width = 100)]
struct Options {
    /// 50,000 events unless --events says otherwise: short enough for every change
    #[arg(long)]
    quick: bool,
    /// Events to send; 1,000,000 unless given
    #[arg(long, value_name = "N", value_parser = from_one())]
    events: Option<usize>,
    /// Connections that send at once, each its own conversations
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = from_one())]
    connections: usize,
    /// Shops among which the connections are dealt out
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = from_one())]
    shops: usize,
    /// Days over which the conversations begin
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..))]
    days: i64,
    /// Events in one request
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = from_one())]
    batch: usize,
    /// Seed of the generated chat: the same one makes the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Data directory to serve and keep, instead of a temporary one
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn from_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

impl Options {
    fn events(&self) -> usize {
        self.events.unwrap_or(if self.quick { 50_000 } else { 1_000_000 })
    }
}

fn main() {
    let options = Options::parse();
    let shops = options.shops.min(options.connections);
    let chat = Chat::new(&Size {
        seed: options.seed,
        events: options.events(),
        shops,
        lanes: options.connections,
        batch_events: options.batch,
        days: options.days,
    });
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = options.keep.clone().unwrap_or_else(|| scratch.path().join("data"));
    let raw = raw_seconds(&chat, &scratch.path().join("raw"));

    let mut report = Report::default();
    report.add("events", options.events(), "");
    report.add("shops", shops, "");
    let conversations: u64 = chat.shops.iter().map(|shop| shop.conversations).sum();
    report.add("conversations", conversations, "");
    let server = Server::start(&data);
    ingest(&server, &chat, &options, raw, &mut report);
    server.settle();
    report.add("CPU with merges after", round(server.cpu_seconds(), 1), "s");
    let per_event = server.cpu_seconds() * 1e6 / options.events() as f64;
    report.add("CPU an event, merges included", round(per_event, 1), "µs");
    for shop in &chat.shops {
        check(&mut server.connect(&shop.name), shop);
    }
    questions(&mut server.connect(&chat.shops[0].name), &chat, &mut report);
    report.add("peak memory with questions", mib(server.memory_bytes("VmHWM")), "MiB");
    server.stop();
    sizes(&data, &chat, &options, &mut report);
    in_place::measure(&data, &chat.shops[0], &mut report);
    in_place::ten_years(&scratch.path().join("ten-years"), &mut report);
    report.print();
}

/// Sends everything and waits for the stores.
fn ingest(server: &Server, chat: &Chat, options: &Options, raw: f64, report: &mut Report) {
    let events = options.events() as f64;
    let started = Instant::now();
    let is_sending = AtomicBool::new(true);
    let (mut latencies, mut asked): (Vec<f64>, Vec<f64>) = std::thread::scope(|scope| {
        let lanes = chat.lanes.iter().enumerate();
        let senders: Vec<_> = lanes
            .map(|(number, lane)| {
                let mut connection = server.connect(&chat.shop_of(number).name);
                scope.spawn(move || send(&mut connection, lane))
            })
            .collect();
        let mut connection = server.connect(&chat.shops[0].name);
        let is_sending = &is_sending;
        let asker = scope.spawn(move || ask_meanwhile(&mut connection, chat, is_sending));
        let latencies = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        is_sending.store(false, Ordering::Relaxed);
        (latencies, asker.join().unwrap())
    });
    let connection = &mut server.connect(&chat.shops[0].name);
    let acked = started.elapsed().as_secs_f64();
    let cpu_acked = server.cpu_seconds();
    let (mut applied, mut committed) = (None, None);
    while committed.is_none() {
        assert!(started.elapsed() < CATCH_UP_TIME_MAX, "the stores do not catch up");
        let status = server.status(connection);
        let failed = status.stores.iter().find_map(|store| store.failed.as_ref());
        assert!(failed.is_none(), "a store failed: {failed:?}");
        let now = started.elapsed().as_secs_f64();
        if status.stores.iter().all(|store| store.applied == status.head) {
            applied.get_or_insert(now);
        }
        if status.stores.iter().all(|store| store.cursor == status.head) {
            committed = Some(now);
        }
        std::thread::sleep(STATUS_EVERY);
    }
    let (applied, committed) = (applied.unwrap_or(acked), committed.unwrap_or(acked));
    latencies.sort_by(f64::total_cmp);
    asked.sort_by(f64::total_cmp);
    let at = |share: f64| quantile(&latencies, share) * 1e3;

    report.add("raw: write + fdatasync", (events / raw).round(), "events/s");
    report.add("acks", (events / acked).round(), "events/s");
    report.add_ratio("acks against raw", raw, acked);
    report.add("batch p50", round(at(0.5), 1), "ms");
    report.add("batch p99", round(at(0.99), 1), "ms");
    report.add("batch slowest", round(at(1.0), 1), "ms");
    report.add("question during traffic p50", round(quantile(&asked, 0.5) * 1e3, 1), "ms");
    report.add("question during traffic p99", round(quantile(&asked, 0.99) * 1e3, 1), "ms");
    report.add("end to end, answered", (events / applied).round(), "events/s");
    report.add("end to end, committed", (events / committed).round(), "events/s");
    report.add("CPU until acked", round(cpu_acked, 1), "s");
    report.add("CPU until committed", round(server.cpu_seconds(), 1), "s");
    report.add("peak memory of ingest", mib(server.memory_bytes("VmHWM")), "MiB");
}

/// Asks one named query after the other, a few each second, while events are sent. Returns seconds
/// for each.
fn ask_meanwhile(connection: &mut Connection, chat: &Chat, is_sending: &AtomicBool) -> Vec<f64> {
    let reports: Vec<Map<String, Value>> = connection.get_json("/v1/reports");
    let mut seconds = Vec::new();
    for report in reports.iter().cycle() {
        let started = Instant::now();
        connection.get(&address(report, chat));
        seconds.push(started.elapsed().as_secs_f64());
        if !is_sending.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(ASK_EVERY);
    }
    seconds
}

/// Where a named query answers over all of the chat, as far as it asks for a range.
fn address(report: &Map<String, Value>, chat: &Chat) -> String {
    let name = report["name"].as_str().expect("its name");
    let has = |wanted: &str| {
        let parameters = report["parameters"].as_array().expect("its parameters");
        parameters.iter().any(|parameter| parameter["name"] == wanted)
    };
    let range = [("from", &chat.from), ("to", &chat.to)].into_iter().filter(|(name, _)| has(name));
    let range: Vec<String> = range.map(|(name, at)| format!("{name}={at}")).collect();
    format!("/v1/reports/{name}?{}", range.join("&"))
}

/// Sends one connection's batches, each after the answer to the one before. Returns seconds for
/// each.
fn send(connection: &mut Connection, lane: &[Batch]) -> Vec<f64> {
    let timed = |batch: &Batch| {
        let started = Instant::now();
        let answer =
            connection.post("/v1/events?origin=imported", "application/x-ndjson", &batch.body);
        let seconds = started.elapsed().as_secs_f64();
        let lines: Vec<&[u8]> =
            answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), batch.events, "one answer per event");
        let refused = lines.iter().find(|line| !line.starts_with(b"{\"id\":"));
        assert!(refused.is_none(), "{}", String::from_utf8_lossy(refused.unwrap()));
        seconds
    };
    lane.iter().map(timed).collect()
}

/// Fails unless SQL knows every event of the shop once, and none of another.
fn check(connection: &mut Connection, shop: &Shop) {
    let mut ask = |sql: &str| -> Vec<Map<String, Value>> {
        serde_json::from_slice(&connection.post("/v1/sql", "text/plain", sql.as_bytes())).unwrap()
    };
    let counts = ask(
        r#"SELECT count(*) AS events, count(DISTINCT "offset") AS offsets, count(DISTINCT conversation) AS conversations FROM events"#,
    );
    let expected = json!([{"events": shop.events, "offsets": shop.events, "conversations": shop.conversations}]);
    assert_eq!(json!(counts), expected, "SQL must know every event once");
    let kinds = ask("SELECT kind, count(*) AS events FROM events GROUP BY kind ORDER BY kind");
    let expected: Vec<Value> =
        shop.kinds.iter().map(|(kind, events)| json!({"kind": kind, "events": events})).collect();
    assert_eq!(json!(kinds), json!(expected), "SQL must know each kind as often as it was sent");
}

/// Every named query over the whole range, and searches of each sort.
fn questions(connection: &mut Connection, chat: &Chat, report: &mut Report) {
    let reports: Vec<Map<String, Value>> = connection.get_json("/v1/reports");
    let mut without_rows = Vec::new();
    for asked in &reports {
        let (name, path) = (asked["name"].as_str().expect("its name"), address(asked, chat));
        let rows: Vec<Value> = connection.get_json(&path);
        if rows.is_empty() && !MAY_BE_EMPTY.contains(&name) {
            without_rows.push(name);
        }
        let ms = median_ms(|| drop(connection.get(&path)));
        report.add(format!("query {name}"), round(ms, 1), "ms");
    }
    assert!(without_rows.is_empty(), "queries without rows: {without_rows:?}");
    for search in &chat.shops[0].searches {
        let words = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("words", &format!("\"{}\"", search.words))
            .finish();
        let path = format!("/v1/search?{words}");
        let answer: Map<String, Value> = connection.get_json(&path);
        assert_eq!(answer["total"], json!(search.total), "texts with `{}`", search.words);
        let ms = median_ms(|| drop(connection.get(&path)));
        report.add(
            format!("search {} `{}` ({} hits)", search.label, search.words, search.total),
            round(ms, 1),
            "ms",
        );
    }
}

fn sizes(data: &Path, chat: &Chat, options: &Options, report: &mut Report) {
    let per_event = |bytes: u64| round(bytes as f64 / options.events() as f64, 1);
    report.add("JSON sent", per_event(chat.json_bytes), "bytes/event");
    report.add("log", per_event(log_bytes(&data.join("log"))), "bytes/event");
    report.add("lookup", per_event(bytes_under(&data.join("lookup"))), "bytes/event");
    report.add("archive", per_event(bytes_under(&data.join("archive/events"))), "bytes/event");
    let tables = bytes_under(&data.join("archive")) - bytes_under(&data.join("archive/events"));
    report.add("facts, tables", per_event(tables), "bytes/event");
    report.add("facts, states", per_event(bytes_under(&data.join("facts"))), "bytes/event");
    report.add("index", per_event(bytes_under(&data.join("index"))), "bytes/event");
}

/// Allocated bytes: journals are made larger than what is in them.
fn bytes_under(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Without the zeros that the last segment is allocated ahead with.
fn log_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                return log_bytes(&path);
            }
            let bytes = fs::read(path).unwrap();
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
        })
        .sum()
}

/// The same bodies, one after the other, each made durable before the next.
fn raw_seconds(chat: &Chat, path: &Path) -> f64 {
    let mut file = File::create(path).unwrap();
    let started = Instant::now();
    for batch in chat.lanes.iter().flatten() {
        file.write_all(&batch.body).unwrap();
        file.sync_data().unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    fs::remove_file(path).unwrap();
    seconds
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}
