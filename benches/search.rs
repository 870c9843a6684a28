//! Substrings in many messages: newest twenty and total, of one and two characters, words, phrases,
//! three words together and order numbers, with and without a range of time, warm and after a start
//! with empty caches. Beside it SQLite FTS5 (trigram) and PostgreSQL (pg_trgm) on the same texts.
//! Prints a table and, as its last line, the same figures as JSON.
//!
//! ```text
//! cargo bench --bench search                           1,000,000 messages
//! cargo bench --bench search -- --messages 10000000    ten million
//! cargo bench --bench search -- --quick                20,000, without peers
//! cargo bench --bench search -- --data DIR             leaves the messages there, and asks of them again the next time
//! benches/peers/install                                fetches the peers
//! ```
//! The truth is a scan of all texts. What each finds of it is its recall, and what it takes is read
//! against the peers in the same run. `verbatim` is asked over HTTP, the peers inside their
//! processes. Emptying the caches takes root; where that cannot be, the figures are left out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

#[path = "pipeline/chat.rs"]
#[allow(dead_code)]
mod chat;
#[path = "search/corpus.rs"]
mod corpus;
#[path = "pipeline/feed.rs"]
mod feed;
#[path = "peers/peer.rs"]
mod peer;
#[path = "search/questions.rs"]
mod questions;
#[path = "pipeline/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use corpus::Corpus;
use peer::Peer;
use questions::{CLASSES, Question};
use report::{Report, quantile, round};
use serde_json::Value;
use server::{Connection, Server};
use verbatim::model::Event;

const SHOP: &str = "bench";
/// Each class of questions is left off after this long: a peer may take seconds for each.
const CLASS_TIME_MAX: Duration = Duration::from_secs(20);

/// Measures searches for substrings, beside SQLite and PostgreSQL.
#[derive(Parser)]
#[command(name = "search", max_term_width = 100)]
struct Options {
    /// 20,000 messages unless --messages says otherwise, and no peers
    #[arg(long)]
    quick: bool,
    /// Messages and later versions of them; 1,000,000 unless given
    #[arg(long, value_name = "N")]
    messages: Option<usize>,
    /// Questions of each class
    #[arg(long, value_name = "N", default_value_t = 100)]
    questions: usize,
    /// Seed of chat and questions
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave the peers out
    #[arg(long)]
    alone: bool,
    /// Leave the messages here; where an earlier run with the same numbers left them, ask of those
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let count = options.messages.unwrap_or(if options.quick { 20_000 } else { 1_000_000 });
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = options.data.unwrap_or_else(|| scratch.path().join("data"));
    let is_there = data.exists();
    let mut report = Report::default();

    let mut server = Server::start(&data);
    let mut corpus = Corpus::default();
    let making = Making::new(options.seed, count, &mut corpus);
    if is_there {
        making.for_each(drop);
    } else {
        feed::send_all(&server, SHOP, making);
    }
    feed::catch_up(&server, SHOP);
    server.settle();
    report.add("messages", corpus.len(), "");
    let mut questions = questions::sampled(&corpus, options.seed, options.questions);
    eprintln!("scanning all texts for {} questions", questions.len());
    questions::answer_by_scan(&corpus, &mut questions);
    let status = server.status(&mut server.connect(SHOP));
    let index = status.stores.iter().find(|store| store.name == "index").map(|store| store.bytes);
    let text_bytes = corpus.bytes() as f64 / corpus.len() as f64;
    report.add("text", round(text_bytes, 1), "bytes/message");
    report.add("index", round(index.unwrap() as f64 / corpus.len() as f64, 1), "bytes/message");

    let mut connection = server.connect(SHOP);
    // Where they were left by an earlier run, its emptying of the caches was the last that happened to them.
    read_files(&data.join("index"));
    measure("verbatim", &questions, &mut report, |question| ask(&mut connection, question));
    server = cold(server, &data, &questions, &mut report);
    server.stop();
    if !options.quick && !options.alone {
        let texts = scratch.path().join("texts.ndjson");
        corpus.write(&texts);
        for name in ["sqlite", "postgres"] {
            beside(name, &texts, scratch.path(), &questions, &mut report);
        }
    }
    report.print();
}

/// What was found, and how long it took.
struct Found {
    total: u64,
    newest: Option<u64>,
    ms: f64,
}

/// The texts of messages and later versions until there are `count`, and the events that have them.
struct Making<'a> {
    events: Box<dyn Iterator<Item = (u64, Event)>>,
    corpus: &'a mut Corpus,
    count: usize,
}

impl<'a> Making<'a> {
    fn new(seed: u64, count: usize, corpus: &'a mut Corpus) -> Making<'a> {
        // Of fourteen events of a conversation ten say something.
        Making { events: Box::new(chat::events(seed, count * 2, 14)), corpus, count }
    }
}

impl Iterator for Making<'_> {
    type Item = (u64, Event);

    fn next(&mut self) -> Option<(u64, Event)> {
        if self.corpus.len() == self.count {
            return None;
        }
        let next = self.events.next()?;
        self.corpus.add(&next.1);
        Some(next)
    }
}

/// Asks every question and adds a row of figures for each class.
fn measure(
    who: &str,
    questions: &[Question],
    report: &mut Report,
    mut ask: impl FnMut(&Question) -> Found,
) {
    // What is warm has answered a question of each class, and its files were read.
    for question in CLASSES.iter().filter_map(|class| first_of(questions, class)) {
        ask(question);
    }
    for class in CLASSES {
        let asked: Vec<&Question> = questions.iter().filter(|one| one.class == *class).collect();
        let started = Instant::now();
        let (mut times, mut found, mut there, mut wrong) = (Vec::new(), 0_u64, 0_u64, 0_u64);
        let mut slowest: Option<&Question> = None;
        for question in &asked {
            if started.elapsed() > CLASS_TIME_MAX {
                break;
            }
            let answer = ask(question);
            if times.iter().all(|before| *before < answer.ms) {
                slowest = Some(*question);
            }
            times.push(answer.ms);
            found += answer.total.min(question.total);
            there += question.total;
            wrong += u64::from(answer.total > question.total);
            wrong += u64::from(answer.newest.is_some_and(|newest| newest != question.newest));
        }
        times.sort_by(f64::total_cmp);
        if let (Some(question), Some(ms)) = (slowest, times.last()) {
            eprintln!("{who}, {class}: {ms:.1} ms at most, for {:?}", question.pieces);
        }
        report.add(format!("{who}, {class}: p50"), round(quantile(&times, 0.5), 2), "ms");
        report.add(format!("{who}, {class}: p99"), round(quantile(&times, 0.99), 2), "ms");
        report.add(format!("{who}, {class}: recall"), round(found as f64 / there as f64, 4), "");
        if wrong > 0 {
            report.add(format!("{who}, {class}: wrong answers"), wrong, "");
        }
        if times.len() < asked.len() {
            report.add(
                format!("{who}, {class}: asked in {} s", CLASS_TIME_MAX.as_secs()),
                times.len(),
                "",
            );
        }
        if who == "verbatim" {
            assert_eq!((found, wrong), (there, 0), "{class}: verbatim finds what a scan finds");
        }
    }
}

fn read_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        // Merges may have taken it away.
        let _ = File::open(entry.unwrap().path())
            .and_then(|mut file| io::copy(&mut file, &mut io::sink()));
    }
}

fn first_of<'a>(questions: &'a [Question], class: &str) -> Option<&'a Question> {
    questions.iter().find(|one| one.class == class)
}

fn ask(connection: &mut Connection, question: &Question) -> Found {
    let started = Instant::now();
    let answer: Value = connection.get_json(&question.path());
    let ms = started.elapsed().as_secs_f64() * 1e3;
    let total = answer["total"].as_u64().expect("a total");
    Found { total, newest: None, ms }
}

/// The first question of each class after a start with empty caches.
fn cold(mut server: Server, data: &Path, questions: &[Question], report: &mut Report) -> Server {
    for class in CLASSES {
        server.stop();
        // Dirty pages stay unless they are written first.
        let _ = std::process::Command::new("sync").status();
        if fs::write("/proc/sys/vm/drop_caches", "3").is_err() {
            eprintln!("caches cannot be emptied here: nothing is measured cold");
            return Server::start(data);
        }
        server = Server::start(data);
        let mut connection = server.connect(SHOP);
        let _: Value = connection.get_json("/v1/status");
        let Some(question) = first_of(questions, class) else { continue };
        let found = ask(&mut connection, question);
        report.add(format!("verbatim, {class}: cold"), round(found.ms, 1), "ms");
    }
    server
}

fn beside(
    name: &'static str,
    texts: &Path,
    scratch: &Path,
    questions: &[Question],
    report: &mut Report,
) {
    let folder = scratch.join(name);
    fs::create_dir_all(&folder).unwrap();
    let words = [texts.as_os_str(), folder.as_os_str()];
    let Some(mut peer) = Peer::start(name, "substrings.py", words) else { return };
    let seconds = peer.ready["seconds"].as_f64().expect("its time");
    report.add(format!("{name}: built in"), round(seconds, 1), "s");
    report.add(format!("{name}: bytes"), peer.ready["bytes"].clone(), "");
    measure(name, questions, report, |question| {
        let answer = peer.ask(question);
        Found {
            total: answer["total"].as_u64().unwrap_or(0),
            newest: answer["newest"].as_u64(),
            ms: answer["ms"].as_f64().expect("its time"),
        }
    });
}
