//! The log as a whole, on a disk that loses pages, fails calls and flips bits.

mod power_cut;
mod reading;
mod rolling;
mod scrubbing;
mod sealing;
mod trimming;

use std::path::Path;
use std::sync::Arc;

use super::folder::LogFolder;
use super::open::{Options, open_with};
use super::{LogError, LogReader, LogWriter, Recovered};
use crate::durable::{Disk, Seam};
use crate::model::testing::Dice;
use crate::model::{Offset, Record, testing};

/// Small, so that a few frames fill a segment.
const SEGMENT_BYTES: u64 = 10 * 1024;
const FULL_BYTES: usize = 8 * 1024;

/// A record whose text does not compress.
fn record(offset: u64) -> Record {
    let mut dice = Dice::new(offset);
    let letters: String = (0..200).map(|_| char::from(b'a' + dice.roll(26) as u8)).collect();
    let event = format!(
        r#"{{"id":"m{offset}","conversation":"c","kind":"message","sender":{{"id":"u","role":"customer"}},"text":"{letters}"}}"#
    );
    testing::record(offset, event)
}

fn options(disk: Disk) -> Options {
    Options { segment_bytes: SEGMENT_BYTES, full_bytes: FULL_BYTES, disk: Arc::new(disk) }
}

/// Opens a log of small segments.
fn open(dir: &Path) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    open_with(dir, options(Disk::open(dir).unwrap()))
}

/// As [`open`], through a seam.
fn open_through(
    dir: &Path,
    seam: Arc<dyn Seam>,
) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    let disk = Disk::open_through(dir, seam).map_err(|source| LogError::write(dir, source))?;
    open_with(dir, options(disk))
}

/// Appends one frame of so many records.
fn append(writer: &mut LogWriter, count: u64) {
    let head = writer.head().0;
    for offset in head..head + count {
        writer.append(Arc::new(record(offset))).unwrap();
    }
    writer.commit().unwrap();
}

/// A log of so many frames of ten records, closed; all but the newest segment are sealed.
fn log_of(dir: &Path, frames: u64) -> LogFolder {
    let (mut writer, _, _) = open(dir).unwrap();
    for _ in 0..frames {
        append(&mut writer, 10);
    }
    LogFolder::new(dir)
}

/// What a reader that has nothing in memory finds.
fn offsets(reader: &LogReader) -> Vec<u64> {
    let mut reader = reader.clone();
    reader.recent = Default::default();
    let records = reader.range(reader.oldest(), reader.head()).unwrap();
    for found in &records {
        let expected = record(found.offset.0);
        assert_eq!((found.to_text(), found.leaf), (expected.to_text(), expected.leaf));
        assert_eq!(found.salt, expected.salt);
    }
    records.iter().map(|record| record.offset.0).collect()
}

/// Checks that the log holds `[from, to)`, can be appended to, and still does so when opened again.
fn check_whole(dir: &Path, from: u64, to: u64) {
    let (mut writer, reader, recovered) = open(dir).unwrap();
    assert_eq!((recovered.oldest, recovered.head), (Offset(from), Offset(to)));
    assert_eq!(offsets(&reader), (from..to).collect::<Vec<u64>>());
    append(&mut writer, 3);
    assert_eq!(offsets(&reader), (from..to + 3).collect::<Vec<u64>>());
    drop(writer);
    let (_, reader, _) = open(dir).unwrap();
    assert_eq!(offsets(&reader), (from..to + 3).collect::<Vec<u64>>());
}
