//! The archive's table alone, without log, relay and index: what commits and compactions cost an
//! event, what the files become, how long opening them takes. Prints one line a figure.
//!
//! ```text
//! cargo bench --bench table                                       1,000,000 events
//! cargo bench --bench table -- --events 10000000                  what grows
//! cargo bench --bench table -- --events 60000 --import-years 10   an import of old chat
//! cargo bench --bench table -- --events 100000 --commit 10 --no-compaction    10,000 files
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[allow(dead_code)]
#[path = "pipeline/chat.rs"]
mod chat;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use verbatim::archive::{EVENTS_OPTIONS, EVENTS_TABLE, events_by_day, stored_events_schema};
use verbatim::model::{CanonicalEvent, Chain, Event, Micros, Offset, Origin, Record};
use verbatim::table::Table;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SHOPS: u64 = 16;
const STARTED_AT: i64 = 1_767_571_200_000_000;
const YEAR_MICROS: i64 = 365 * 86_400 * 1_000_000;

/// Measures the table of events.
#[derive(Parser)]
#[command(name = "table", max_term_width = 100)]
struct Options {
    /// Events to write
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    events: usize,
    /// Events of one commit
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    commit: usize,
    /// Events received a second
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    rate: i64,
    /// Old chat of so many years is imported, instead of live chat
    #[arg(long, value_name = "N", default_value_t = 0)]
    import_years: i64,
    /// Leave the files as they are committed
    #[arg(long)]
    no_compaction: bool,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// CPU seconds and rows of all commits, or of all compactions.
#[derive(Default)]
struct Work {
    times: usize,
    cpu: f64,
    wall: f64,
    rows: u64,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = scratch.path();
    let table = open(root).await;
    let (mut commits, mut compactions) = (Work::default(), Work::default());
    let mut records = records(&options);
    loop {
        let records: Vec<Record> = records.by_ref().take(options.commit).collect();
        if records.is_empty() {
            break;
        }
        commit(&table, &records, &mut commits).await;
        if !options.no_compaction {
            compact(&table, &mut compactions).await;
        }
        table.checkpoint_if_due().await.unwrap();
    }
    print(&options, root, &table, &commits, &compactions);
    drop(table);
    let started = Instant::now();
    let opened = Table::open_read_only(root, EVENTS_TABLE).await.unwrap();
    let read_only = started.elapsed();
    let started = Instant::now();
    drop(open(root).await);
    println!(
        "opening {} files: {:.0} ms to read, {:.0} ms to write",
        opened.files.len(),
        read_only.as_secs_f64() * 1e3,
        started.elapsed().as_secs_f64() * 1e3
    );
}

async fn open(root: &Path) -> Table {
    let schema = stored_events_schema();
    Table::open_or_create(root, EVENTS_TABLE, schema, EVENTS_OPTIONS).await.unwrap()
}

async fn commit(table: &Table, records: &[Record], work: &mut Work) {
    let (cpu, started) = (cpu_seconds(), Instant::now());
    let rows = events_by_day(records.iter()).unwrap();
    let (from, count) = (table.cursor(), records.len() as u64);
    table.commit(rows, from, from + count).await.unwrap();
    work.times += 1;
    work.cpu += cpu_seconds() - cpu;
    work.wall += started.elapsed().as_secs_f64();
    work.rows += count;
}

/// Rows are counted by the files that are new afterwards: of several steps in one go, the last.
async fn compact(table: &Table, work: &mut Work) {
    let paths = |table: &Table| -> HashSet<Arc<str>> {
        table.snapshot().files.iter().map(|file| file.path.clone()).collect()
    };
    let (before, cpu, started) = (paths(table), cpu_seconds(), Instant::now());
    work.times += table.compact().await.unwrap();
    table.vacuum(Duration::ZERO).await.unwrap();
    work.cpu += cpu_seconds() - cpu;
    work.wall += started.elapsed().as_secs_f64();
    let snapshot = table.snapshot();
    let new = snapshot.files.iter().filter(|file| !before.contains(&file.path));
    work.rows += new.map(|file| file.rows).sum::<u64>();
}

fn print(options: &Options, root: &Path, table: &Table, commits: &Work, compactions: &Work) {
    let events = options.events as f64;
    let snapshot = table.snapshot();
    let each = |work: &Work| work.cpu * 1e6 / events;
    let each_commit_ms = commits.wall * 1e3 / commits.times as f64;
    println!("commits: {}, {each_commit_ms:.1} ms each", commits.times);
    println!("commits: {:.2} µs of CPU an event", each(commits));
    println!("compactions: {}", compactions.times);
    println!("compactions: {:.2} µs of CPU an event", each(compactions));
    println!("compactions: each row is rewritten {:.2} times", compactions.rows as f64 / events);
    println!("live files: {}", snapshot.files.len());
    println!("live files: {:.1} bytes an event", snapshot.bytes() as f64 / events);
    println!("on disk: {:.1} bytes an event", bytes_under(root) as f64 / events);
    println!("peak memory: {} MiB", peak_memory_bytes() >> 20);
}

/// The chat of seed 1 as the relay would have made records of it.
fn records(options: &Options) -> impl Iterator<Item = Record> {
    let mut chains: HashMap<u64, Chain> = HashMap::new();
    let chat = chat::events(1, options.events, 14);
    (0..).zip(chat).map(move |(offset, (conversation, event))| {
        record(options, offset, conversation, event, &mut chains)
    })
}

fn record(
    options: &Options,
    offset: u64,
    conversation: u64,
    mut event: Event,
    chains: &mut HashMap<u64, Chain>,
) -> Record {
    let received_at = Micros(STARTED_AT + offset as i64 * 1_000_000 / options.rate);
    let mut origin = Origin::Live;
    if options.import_years > 0 {
        origin = Origin::Imported;
        let span = options.import_years * YEAR_MICROS;
        let at = STARTED_AT - span + (span / options.events as i64) * offset as i64;
        event.sent_at = Some(Micros(at).to_string());
    }
    let shop = format!("shop-{:02}", conversation % SHOPS);
    let event = CanonicalEvent::new(&shop, origin, None, event);
    let chain = chains.entry(conversation).or_default();
    let record = Record::new(Offset(offset), received_at, chain, event);
    *chain = Chain { last_seq: record.seq, last_leaf: record.leaf.0, ..*chain };
    record
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn bytes_under(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { bytes_under(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
