//! A power cut amid the write of a frame: any of its pages may be missing, and any of its end.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::log::segment_file::entry_bytes;

const PAGE_BYTES: u64 = 4_096;

/// A log of two frames of ten records and one of many. Its file, and where the last frame lies.
fn log_with_a_large_end(dir: &Path) -> (PathBuf, std::ops::Range<u64>) {
    let disk = Disk::open(dir).unwrap();
    let large = Options { segment_bytes: 64 * 1024, full_bytes: 60_000, disk: Arc::new(disk) };
    let (mut writer, reader, _) = open_with(dir, large).unwrap();
    append(&mut writer, 10);
    append(&mut writer, 10);
    let segment = reader.segments.holding(Offset(0)).unwrap();
    let start = u64::from(segment.end_byte());
    append(&mut writer, 80);
    let end = u64::from(segment.end_byte());
    assert!(end - start > 3 * PAGE_BYTES, "the frame lies on several pages");
    (segment.path.clone(), start..end)
}

fn reopen(dir: &Path) -> (LogWriter, LogReader, Recovered) {
    let disk = Disk::open(dir).unwrap();
    let large = Options { segment_bytes: 64 * 1024, full_bytes: 60_000, disk: Arc::new(disk) };
    open_with(dir, large).unwrap()
}

/// `damage` is done to the last frame; the log then must be as if that frame had not been written.
fn check_gone(damage: impl Fn(&Path, std::ops::Range<u64>)) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (path, frame) = log_with_a_large_end(dir);
    damage(&path, frame.clone());
    let is_cut = fs::read(&path).unwrap()[frame.start as usize..].iter().any(|byte| *byte != 0);
    let in_place = LogReader::open_read_only(dir).unwrap();
    assert_eq!(in_place.head(), Offset(20), "a reader in place sees what was whole");
    assert_eq!(offsets(&in_place), (0..20).collect::<Vec<u64>>());
    let (mut writer, reader, recovered) = reopen(dir);
    assert_eq!(recovered.head, Offset(20));
    assert_eq!(recovered.torn_tail_cut, is_cut, "it says so, where anything was left to cut");
    assert_eq!(offsets(&reader), (0..20).collect::<Vec<u64>>());
    append(&mut writer, 5);
    drop(writer);
    let (_, reader, recovered) = reopen(dir);
    assert_eq!((recovered.head, recovered.torn_tail_cut), (Offset(25), false));
    assert_eq!(offsets(&reader), (0..25).collect::<Vec<u64>>());
}

#[test]
fn a_frame_that_lost_pages_is_gone_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (_, frame) = log_with_a_large_end(folder.path());
    let pages: Vec<u64> = (frame.start / PAGE_BYTES..=(frame.end - 1) / PAGE_BYTES).collect();
    // Every choice of pages but none.
    for lost in 1..1_u32 << pages.len() {
        check_gone(|path, frame| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            for (index, page) in
                pages.iter().enumerate().filter(|(index, _)| lost >> index & 1 == 1)
            {
                let _ = index;
                let start = (page * PAGE_BYTES).max(frame.start);
                let end = ((page + 1) * PAGE_BYTES).min(frame.end);
                file.write_all_at(&vec![0; (end - start) as usize], start).unwrap();
            }
        });
    }
}

#[test]
fn a_frame_that_was_cut_short_is_gone_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (_, frame) = log_with_a_large_end(folder.path());
    // Its end is padding to eight bytes: the last that counts is before it.
    let lengths = (1..24).chain((24..frame.end - frame.start - 8).step_by(997));
    for length in lengths {
        check_gone(|path, frame| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            let lost = frame.end - frame.start - length;
            file.write_all_at(&vec![0; lost as usize], frame.start + length).unwrap();
        });
    }
}

/// The first build stopped reading at the zeros and left what lay behind them. A later write that
/// ended exactly where a whole stale frame began brought that one back, never acknowledged.
#[test]
fn what_lies_behind_the_end_is_zeroed_before_anything_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (path, frame) = log_with_a_large_end(dir);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 64], frame.start).unwrap();
    drop(reopen(dir));
    let bytes = fs::read(&path).unwrap();
    assert!(bytes[frame.start as usize..].iter().all(|byte| *byte == 0));
}

/// The control of the above: a frame that was acknowledged, and behind it others. Its loss is no
/// torn end, whatever is left of it.
#[test]
fn damage_before_the_last_frame_is_named_and_nothing_is_cut() {
    for (at, zeros) in [(0, 24), (40, 1), (200, 100)] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let (path, frame) = log_with_a_large_end(dir);
        let second = entry_start(&path, 1);
        assert!(second < frame.start);
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.write_all_at(&vec![0; zeros], second + at).unwrap();
        let before = fs::read(&path).unwrap();
        let named = "offsets 10 to below 20";
        let error = LogReader::open_read_only(dir).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
        let disk = Disk::open(dir).unwrap();
        let large = Options { segment_bytes: 64 * 1024, full_bytes: 60_000, disk: Arc::new(disk) };
        let error = open_with(dir, large).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
        assert!(before == fs::read(&path).unwrap(), "nothing was changed");
    }
}

/// Where the entry of this index begins.
fn entry_start(path: &Path, index: usize) -> u64 {
    let bytes = fs::read(path).unwrap();
    let mut start = 64;
    for _ in 0..index {
        let length = u32::from_le_bytes(*bytes[start + 4..].first_chunk().unwrap());
        start += entry_bytes(length as usize);
    }
    start as u64
}
