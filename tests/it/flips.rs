//! One bit flips in a file that nobody writes: it is found, with the records it took named, and what is
//! read is never other than it was written.
//!
//! `VERBATIM_FLIPS=N` makes it longer.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use verbatim::app::{Config, DataDir, audit_data};
use verbatim::audit::Report;
use verbatim::index;
use verbatim::log::{LogError, LogReader, end_of};
use verbatim::model::{Offset, Record};

use super::support::{Data, Server, lines, message, seeded, trials};
use verbatim::access::TokenRole::Admin;

/// Flips in the log in a usual run: each reads all of it.
const LOG_FLIPS: u64 = 100;
/// Flips elsewhere: each of them takes an audit, or a round of the scrubber.
const OTHER_FLIPS: u64 = 10;
/// Events that take some segments of 4 MiB.
const EVENTS: usize = 3_000;

/// Some sealed segments and an active one, and all stores.
fn with_segments(random: &mut StdRng) -> Data {
    let data = Data::new();
    data.set("log_segment_mib = 4\n");
    let events: Vec<Value> = (0..EVENTS)
        .map(|number| {
            let mut noise = [0; 3_000];
            random.fill(&mut noise[..]);
            let conversation = format!("c{}", number % 50);
            let text = hex::encode(noise);
            message(&conversation, &format!("m{number}"), "customer", "carl", &text)
        })
        .collect();
    // The command writes them to the log in several syncs.
    data.succeeds(["import", data.file("events.ndjson", lines(&events)).to_str().unwrap()]);
    data
}

/// A flipped bit, until it is flipped back.
struct Flip {
    file: fs::File,
    byte: u64,
    mask: u8,
    what: String,
}

impl Flip {
    /// One of the first `bytes` of a file.
    fn random(path: &Path, bytes: u64, random: &mut StdRng) -> Flip {
        let (byte, mask) = (random.random_range(0..bytes), 1 << random.random_range(0..8));
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        let what = format!("bit {mask:#x} of byte {byte} of {}", path.display());
        let flip = Flip { file, byte, mask, what };
        flip.flip();
        flip
    }

    fn flip(&self) {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, self.byte).unwrap();
        self.file.write_all_at(&[byte[0] ^ self.mask], self.byte).unwrap();
    }
}

impl Drop for Flip {
    fn drop(&mut self) {
        self.flip();
    }
}

/// Every record of a log as text, and where reading it was refused.
fn read_all(log: &Path) -> (Vec<String>, Option<LogError>) {
    let reader = match LogReader::open_read_only(log) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut scan = reader.scan(reader.oldest());
    let mut records = Vec::new();
    loop {
        match scan.next_batch(1_000) {
            Ok(batch) if batch.is_empty() => return (records, None),
            Ok(batch) => records.extend(batch.records().iter().map(shown)),
            Err(error) => return (records, Some(error)),
        }
    }
}

fn shown(record: &Arc<Record>) -> String {
    serde_json::to_string(&record.public()).unwrap()
}

/// How much of a segment was written, about: what follows is zeros.
fn written_bytes(segment: &Path) -> u64 {
    let bytes = fs::read(segment).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

#[test]
fn a_bit_of_the_log_that_flips_is_found_and_never_read_as_good() {
    let (flips, mut random) = (trials("VERBATIM_FLIPS", LOG_FLIPS), seeded("flips in the log"));
    let data = with_segments(&mut random);
    let log = data.path().join("log");
    let (whole, error) = read_all(&log);
    assert!(error.is_none() && whole.len() == EVENTS, "{error:?}");
    let segments: Vec<(PathBuf, u64)> = files_under(&log)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .map(|path| (path.clone(), written_bytes(&path)))
        .collect();
    assert!(segments.len() > 2, "{segments:?}");
    let (mut found, mut ends) = (0, 0);
    for _ in 0..flips {
        let (path, bytes) = &segments[random.random_range(0..segments.len())];
        let flip = Flip::random(path, *bytes, &mut random);
        let what = &flip.what;
        let (records, error) = read_all(&log);
        assert!(records.len() <= whole.len(), "{what}");
        assert!(records.iter().zip(&whole).all(|(read, written)| read == written), "{what}");
        match error {
            Some(LogError::Damaged { offsets, .. }) => {
                assert!(offsets.start < offsets.end, "{what}: {offsets:?}");
                assert!(offsets.start >= Offset(records.len() as u64) || records.is_empty());
                found += 1;
            }
            Some(error) => {
                assert!(error.to_string().contains(".wal"), "{what}: {error}");
                found += 1;
            }
            // The newest frame cannot be told from a write that did not end, except by the stores
            // that have it.
            None if records.len() < whole.len() => {
                assert!(end_of(&log).unwrap().is_torn, "{what}");
                let lost = audited(&data).checks.swap_remove(0).findings;
                assert_eq!(lost[0].from, Offset(records.len() as u64), "{what}");
                assert_eq!(lost[0].to, Offset(EVENTS as u64), "{what}");
                ends += 1;
            }
            // Nothing that a record is made of.
            None => assert!(flip.byte < 64, "{what}: nobody saw it"),
        }
    }
    println!("{flips} flips in the log: {found} found by reading, {ends} by the other stores");
    assert!(found > flips / 2);
    scrub_finds_flips(&data, &mut random);
}

/// What no read of today touches is read by the scrubber: padding, positions, sums.
fn scrub_finds_flips(data: &Data, random: &mut StdRng) {
    let sealed = files_under(&data.path().join("log/sealed"));
    assert!(sealed.len() > 2, "{sealed:?}");
    assert_eq!(damages(data), 0, "the control: whole, it is said to be whole");
    for _ in 0..other_flips() {
        let path = &sealed[random.random_range(0..sealed.len())];
        let flip = Flip::random(path, path.metadata().unwrap().len(), random);
        assert!(damages(data) > 0, "{}", flip.what);
    }
}

/// How often a bit flips elsewhere than in the log.
fn other_flips() -> u64 {
    trials("VERBATIM_FLIPS", LOG_FLIPS) * OTHER_FLIPS / LOG_FLIPS
}

/// How many damages one round of the scrubber names; a log that does not open is one.
fn damages(data: &Data) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let reader = match LogReader::open_read_only(&data.path().join("log")) {
        Ok(reader) => reader,
        Err(LogError::File { path, .. }) => {
            assert!(path.extension().unwrap() == "sidecar", "{}", path.display());
            return 1;
        }
        Err(error) => panic!("{error}"),
    };
    let (report, scrubbed) = tokio::sync::watch::channel(verbatim::log::Scrubbed::default());
    let stop = tokio_util::sync::CancellationToken::new();
    let mut seen = scrubbed.clone();
    runtime.block_on(async {
        tokio::select! {
            () = verbatim::log::scrub(&reader, u64::MAX, &report, &stop) => {}
            round = seen.wait_for(|scrubbed| scrubbed.rounds > 0) => drop(round),
        }
    });
    scrubbed.borrow().damages.len()
}

/// What the audit says of a directory.
fn audited(data: &Data) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let audited = audit_data(DataDir::new(data.path()), Config::default(), |_, _| {});
    runtime.block_on(audited).unwrap()
}

/// Rows or not: statistics that flipped would hide rows from a question.
#[test]
fn a_bit_of_a_table_that_flips_is_found() {
    let (flips, mut random) = (other_flips(), seeded("flips in tables"));
    let data = Data::new();
    data.succeeds([Path::new("import"), &super::support::sample("history.ndjson")]);
    let files: Vec<PathBuf> = files_under(&data.path().join("archive"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    assert!(files.len() > 3);
    let findings = || stores_that_differ(&data);
    assert!(findings().is_empty(), "the control: whole, it is said to be whole");
    for _ in 0..flips {
        let path = &files[random.random_range(0..files.len())];
        let flip = Flip::random(path, path.metadata().unwrap().len(), &mut random);
        let store = if path.to_str().unwrap().contains("/events/") { "archive" } else { "facts" };
        let found = findings();
        assert!(found.contains(&store), "{}: {found:?}", flip.what);
    }
    println!("{flips} flips in tables, all found");
}

/// The stores that the audit finds something in.
fn stores_that_differ(data: &Data) -> Vec<&'static str> {
    let checks = audited(data).checks.into_iter();
    checks.filter(|check| !check.findings.is_empty()).map(|check| check.store).collect()
}

#[test]
fn a_bit_of_the_index_that_flips_is_found() {
    let (flips, mut random) = (other_flips(), seeded("flips in the index"));
    let data = Data::new();
    data.succeeds([Path::new("import"), &super::support::sample("history.ndjson")]);
    let folder = data.path().join("index");
    let files: Vec<PathBuf> = files_under(&folder)
        .into_iter()
        .filter(|path| path.metadata().unwrap().len() > 0)
        .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'))
        .collect();
    let said = || index::open_read_only(&folder).and_then(|snapshot| index::marks(&snapshot)).ok();
    let (before, findings) = (said(), || stores_that_differ(&data));
    assert!(findings().is_empty(), "the control: whole, it is said to be whole");
    let mut unseen = 0;
    for _ in 0..flips {
        let path = &files[random.random_range(0..files.len())];
        let flip = Flip::random(path, path.metadata().unwrap().len(), &mut random);
        let found = findings();
        if found.is_empty() {
            // The list of segments has no sum: some words of it mean nothing.
            assert!(path.ends_with("meta.json") && said() == before, "{}: unseen", flip.what);
            unseen += 1;
        } else {
            assert_eq!(found, ["index"], "{}", flip.what);
        }
    }
    println!("{flips} flips in the index: {unseen} of them unseen, and no document another");
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files =
        entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

/// Damage that a reader meets stands in the status at once: the scrubber comes by in its time.
#[tokio::test(flavor = "multi_thread")]
async fn damage_of_the_log_that_a_reader_meets_is_in_the_status() {
    let mut random = seeded("damage met");
    let data = tokio::task::block_in_place(|| with_segments(&mut random));
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    let damaged = async || admin.get("/v1/status").await.json()["log"]["damaged"].clone();
    assert_eq!(damaged().await.as_array().map_or(0, Vec::len), 0, "the control");
    let sealed = files_under(&data.path().join("log/sealed"));
    let segment =
        sealed.iter().find(|path| path.extension().is_some_and(|ending| ending == "wal")).unwrap();
    let flip = Flip::random(segment, 2_000_000, &mut random);
    let stream = admin.request(reqwest::Method::GET, "/v1/events?from=0");
    assert!(admin.try_send(stream).await.is_err(), "{}: it breaks off", flip.what);
    let damaged = damaged().await;
    assert_eq!(damaged[0]["path"], segment.to_str().unwrap(), "{damaged}");
    drop(flip);
    assert_eq!(tokio::task::block_in_place(|| server.stop()), 0);
}
