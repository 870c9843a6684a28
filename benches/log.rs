//! The log alone: bytes and CPU time an event by the number of events in one sync, reading back,
//! and opening.
//!
//! ```text
//! cargo bench --bench log                     the chats of VERBATIM_CHATS, without it the samples
//! cargo bench --bench log -- FILE…            other transcripts or events
//! ```
//! CPU time is that of this thread, system calls included; waiting for the disk is not in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use verbatim::import::InputFile;
use verbatim::log::{self, LogWriter};
use verbatim::model::{CanonicalEvent, Chain, Event, Micros, Offset, Origin, Record, Seq};

/// Conversations that go on at the same time.
const CONVERSATIONS_AT_ONCE: usize = 100;
/// Most syncs for one figure: a sync of one event is slow.
const SYNCS_MAX: usize = 2_000;
/// Events to open a log with.
const START_EVENTS: usize = 1_000_000;

fn main() {
    let files: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| arg != "--bench").map(PathBuf::from).collect();
    let files = if files.is_empty() { default_files() } else { files };
    let events = interleaved(&files);
    println!("{} events of {} files, {CONVERSATIONS_AT_ONCE} at once", events.len(), files.len());
    println!("events a sync    bytes   write µs    (waiting)    scan µs");
    for per_sync in [1, 10, 100, 1_000] {
        measure(&events, per_sync);
    }
    measure_start(&events);
}

fn default_files() -> Vec<PathBuf> {
    match std::env::var_os("VERBATIM_CHATS").map(PathBuf::from) {
        Some(chats) => {
            ["abcd", "crosswoz", "star"].map(|name| chats.join(format!("{name}_chat.jsonl"))).into()
        }
        None => {
            eprintln!(
                "without VERBATIM_CHATS it is the samples, and no real chats, that are measured"
            );
            vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/history.ndjson")]
        }
    }
}

/// The events of the files, as if a number of conversations went on at once.
fn interleaved(files: &[PathBuf]) -> Vec<Event> {
    let mut conversations: Vec<Vec<Event>> = Vec::new();
    for path in files {
        let mut file = InputFile::open(path).unwrap();
        while let Some(line) = file.next_line().unwrap() {
            for event in line.events.into_iter().map(Result::unwrap) {
                match conversations.last_mut() {
                    Some(last) if last[0].conversation == event.conversation => last.push(event),
                    _ => conversations.push(vec![event]),
                }
            }
        }
    }
    let mut waiting = conversations.into_iter().map(Vec::into_iter);
    let mut going_on: Vec<_> = waiting.by_ref().take(CONVERSATIONS_AT_ONCE).collect();
    let mut events = Vec::new();
    loop {
        let before = events.len();
        for slot in &mut going_on {
            let next = slot.next().or_else(|| {
                *slot = waiting.next()?;
                slot.next()
            });
            events.extend(next);
        }
        if events.len() == before {
            return events;
        }
    }
}

/// `count` records: the events over and over, in new conversations each time.
fn records(events: &[Event], count: usize) -> Vec<Arc<Record>> {
    let started = 1_790_000_000_000_000;
    let record = |index: usize| {
        let mut event = events[index % events.len()].clone();
        event.conversation = format!("{}-{}", event.conversation, index / events.len());
        let chain = Chain { last_seq: Seq(index as u32 % 40), ..Chain::default() };
        let received_at = Micros(started + index as i64 * 1_731);
        let event = CanonicalEvent::new("flora", Origin::Live, None, event);
        let offset = Offset(index as u64);
        Arc::new(Record::new(offset, received_at, &chain, event))
    };
    (0..count).map(record).collect()
}

fn measure(events: &[Event], per_sync: usize) {
    let records = records(events, (SYNCS_MAX * per_sync).min(200_000));
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _, _) = log::open(dir.path()).unwrap();
    let (mut written, mut waited) = (Duration::ZERO, Duration::ZERO);
    let each = |total: Duration| total.as_secs_f64() * 1e6 / records.len() as f64;
    let before = Instant::now();
    timed(&mut written, || {
        for chunk in records.chunks(per_sync) {
            write(&mut writer, chunk);
        }
    });
    waited += before.elapsed().saturating_sub(written);
    drop(writer);
    let bytes = written_bytes(dir.path()) as f64 / records.len() as f64;
    let (_writer, reader, _) = log::open(dir.path()).unwrap();
    let mut scanned = Duration::ZERO;
    timed(&mut scanned, || {
        let mut scan = reader.scan(Offset(0));
        let mut count = 0;
        while count < records.len() {
            count += scan.next_batch(4_096).unwrap().len();
        }
    });
    println!(
        "{per_sync:>13} {bytes:>8.1} {:>10.2} {:>12.2} {:>10.2}",
        each(written),
        each(waited),
        each(scanned)
    );
}

fn write(writer: &mut LogWriter, records: &[Arc<Record>]) {
    for record in records {
        writer.append(record.clone()).unwrap();
    }
    writer.commit().unwrap();
}

fn measure_start(events: &[Event]) {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _, _) = log::open(dir.path()).unwrap();
    for chunk in records(events, START_EVENTS).chunks(1_000) {
        write(&mut writer, chunk);
    }
    drop(writer);
    let before = Instant::now();
    let opened = log::open(dir.path()).unwrap();
    println!("start with {} events: {:.0} ms", opened.2.head, before.elapsed().as_secs_f64() * 1e3);
}

/// Adds the CPU time of `run` to `total`.
fn timed<T>(total: &mut Duration, run: impl FnOnce() -> T) -> T {
    let before = cpu_time();
    let result = run();
    *total += cpu_time() - before;
    result
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Bytes of the files below `dir` without the zeros at their ends, which are allocated ahead.
fn written_bytes(dir: &Path) -> usize {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return written_bytes(&path);
            }
            let bytes = fs::read(path).unwrap();
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
        })
        .sum()
}
