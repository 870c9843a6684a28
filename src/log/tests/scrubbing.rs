//! Damage in sealed segments is found at leisure, and named.

use std::fs;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::log::{Damage, Scrubbed, scrub};

/// What one round finds.
async fn scrubbed(reader: &LogReader) -> Scrubbed {
    let (report, mut seen) = watch::channel(Scrubbed::default());
    let stop = CancellationToken::new();
    let scrubbing = scrub(reader, u64::MAX, &report, &stop);
    let looking = async {
        let found = seen.wait_for(|scrubbed| scrubbed.rounds > 0).await.unwrap().clone();
        stop.cancel();
        found
    };
    tokio::join!(scrubbing, looking).1
}

#[tokio::test]
async fn any_flipped_bit_of_a_sealed_segment_is_found_with_its_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let files = log_of(folder.path(), 24);
    let reader = LogReader::open_read_only(folder.path()).unwrap();
    let sealed = reader.segments.sealed();
    let clean = scrubbed(&reader).await;
    assert_eq!((clean.to, &clean.damages), (sealed.last().unwrap().end, &Vec::new()));
    let damaged = sealed[1].clone();
    let path = files.sealed_path(damaged.start);
    let whole = fs::read(&path).unwrap();
    let mut dice = Dice::new(11);
    for _ in 0..60 {
        let bit = dice.roll(whole.len() * 8);
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        let found = scrubbed(&reader).await;
        let [Damage { path: named, offsets, .. }] = &found.damages[..] else {
            panic!("bit {bit}: {found:?}")
        };
        assert_eq!(named, &path);
        assert!(damaged.start <= offsets.start && offsets.end <= damaged.end, "{offsets:?}");
        // Whoever reads there is told the same, and never gets anything else than what was written.
        let mut scan = reader.scan(damaged.start);
        let mut next = damaged.start;
        while next < damaged.end {
            match scan.next_batch(10) {
                Ok(batch) => {
                    for found in batch.records() {
                        assert_eq!(found.to_text(), record(found.offset.0).to_text());
                    }
                    next = batch.end();
                }
                Err(LogError::Damaged { offsets: read, .. }) => {
                    assert_eq!(&read, offsets);
                    break;
                }
                Err(error) => panic!("bit {bit}: {error}"),
            }
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(scrubbed(&reader).await.damages, []);
}

#[tokio::test]
async fn a_lost_segment_and_a_lost_sidecar_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = log_of(folder.path(), 40);
    let sealed = LogReader::open_read_only(folder.path()).unwrap().segments.sealed();
    fs::remove_file(files.sealed_path(sealed[0].start)).unwrap();
    fs::remove_file(files.sidecar_path(sealed[1].start)).unwrap();
    fs::remove_file(files.sealed_path(sealed[3].start)).unwrap();
    let reader = LogReader::open_read_only(folder.path()).unwrap();
    let found = scrubbed(&reader).await;
    let offsets: Vec<_> = found.damages.iter().map(|damage| damage.offsets.clone()).collect();
    assert_eq!(offsets, [sealed[0].clone(), sealed[1].clone(), sealed[3].clone()]);
}

/// A round at a byte a second takes hours; a stop is obeyed in the midst of it.
#[tokio::test]
async fn it_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    log_of(folder.path(), 24);
    let reader = LogReader::open_read_only(folder.path()).unwrap();
    let (report, seen) = watch::channel(Scrubbed::default());
    let stop = CancellationToken::new();
    let stopping = async {
        tokio::task::yield_now().await;
        stop.cancel();
    };
    tokio::join!(scrub(&reader, 1, &report, &stop), stopping);
    assert_eq!(*seen.borrow(), Scrubbed::default());
}
