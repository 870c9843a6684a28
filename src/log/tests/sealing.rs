//! A full segment on its way out of the library's sight, and a start that does not read it.

use std::fs;

use super::*;
use crate::durable::testing::FailNth;
use crate::log::sidecar::Sidecar;
use crate::model::Micros;

/// Frames that fill three segments and a part of the fourth.
const FRAMES: u64 = 24;

#[test]
fn full_segments_are_sealed_and_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    let mut scan = reader.scan(Offset(0));
    scan.next_batch(1).unwrap();
    for _ in 0..FRAMES {
        append(&mut writer, 10);
    }
    drop(writer);
    let files = LogFolder::new(folder.path());
    assert_eq!(files.list_active().unwrap().len(), 1);
    let sealed = files.list_sealed().unwrap();
    assert!(sealed.len() >= 3, "{sealed:?}");
    assert_eq!(files.list_sidecars().unwrap(), sealed);
    // The old reader still holds what it held, and a new one finds all by name.
    assert_eq!(offsets(&reader), (0..FRAMES * 10).collect::<Vec<u64>>());
    check_whole(folder.path(), 0, FRAMES * 10);

    let sidecar = Sidecar::read(&files.sidecar_path(sealed[1])).unwrap();
    assert_eq!((sidecar.first, sidecar.end), (sealed[1], sealed[2]));
    let seconds = |offset: Offset| Micros(offset.0 as i64 * 1_000_000);
    assert_eq!(sidecar.first_received_at, seconds(sidecar.first));
    assert_eq!(sidecar.last_received_at, seconds(Offset(sidecar.end.0 - 1)));
    let bytes = fs::read(files.sealed_path(sealed[1])).unwrap();
    assert_eq!(sidecar.file_bytes, bytes.len() as u64);
    assert_eq!(sidecar.file_crc, open_wal::crc32c(&bytes));
}

/// Sealing is stopped at each of its calls, by a disk that fails once or by a crash. The next roll
/// ends it, or the next start.
#[test]
fn a_failure_between_any_two_steps_of_sealing_loses_nothing() {
    let template = tempfile::tempdir().unwrap();
    log_of(template.path(), FRAMES);
    let unsealed = unseal(template.path());
    for n in 1.. {
        for fail in [FailNth::once, FailNth::for_good] {
            let folder = tempfile::tempdir().unwrap();
            copy(unsealed.path(), folder.path());
            let failing = Arc::new(fail(n));
            let mut end = FRAMES * 10;
            if let Ok((mut writer, reader, _)) = open_through(folder.path(), failing.clone()) {
                for _ in 0..FRAMES / 4 {
                    append(&mut writer, 10);
                }
                end = writer.head().0;
                drop(writer);
                assert_eq!(offsets(&reader), (0..end).collect::<Vec<u64>>(), "call {n}");
            }
            let in_place = LogReader::open_read_only(folder.path()).unwrap();
            assert_eq!(offsets(&in_place), (0..end).collect::<Vec<u64>>(), "call {n}");
            if failing.failed().is_none() {
                assert!(n > 20, "only {n} calls");
                return;
            }
            check_whole(folder.path(), 0, end);
            let files = LogFolder::new(folder.path());
            assert_eq!(files.list_active().unwrap().len(), 1, "call {n}");
            let names = fs::read_dir(files.sealed()).unwrap();
            let staged = |name: &std::ffi::OsString| name.to_str().unwrap().contains('#');
            assert!(!names.map(|entry| entry.unwrap().file_name()).any(|name| staged(&name)));
        }
    }
}

/// A disk that cannot take a sidecar stops no message: the segment is read where it lies, and
/// sealed at the next roll.
#[test]
fn a_segment_that_cannot_be_sealed_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) =
        open_through(folder.path(), Arc::new(FailNth::for_good(3))).unwrap();
    for _ in 0..FRAMES {
        append(&mut writer, 10);
    }
    assert_eq!(offsets(&reader), (0..FRAMES * 10).collect::<Vec<u64>>());
    drop(writer);
    assert!(LogFolder::new(folder.path()).list_active().unwrap().len() >= 3);
    check_whole(folder.path(), 0, FRAMES * 10);
    assert_eq!(LogFolder::new(folder.path()).list_active().unwrap().len(), 1);
}

/// Files are made unreadable instead of timing a start: it must not even open them.
#[test]
fn a_start_reads_the_active_segment_and_one_sidecar() {
    let folder = tempfile::tempdir().unwrap();
    let files = log_of(folder.path(), FRAMES);
    let sealed = files.list_sealed().unwrap();
    let (newest, older) = sealed.split_last().unwrap();
    for first in older {
        fs::write(files.sidecar_path(*first), "").unwrap();
    }
    for first in &sealed {
        fs::write(files.sealed_path(*first), "").unwrap();
    }
    let (_writer, reader, recovered) = open(folder.path()).unwrap();
    assert_eq!(recovered.head, Offset(FRAMES * 10));
    let first_active = reader.segments.sealed().last().unwrap().end;
    assert_eq!(
        reader.range(first_active, recovered.head).unwrap().len() as u64,
        recovered.head.0 - first_active.0
    );
    drop((_writer, reader));
    fs::write(files.sidecar_path(*newest), "").unwrap();
    assert!(matches!(open(folder.path()), Err(LogError::File { .. })));
}

#[test]
fn what_is_missing_is_refused_by_name() {
    let check = |remove: &dyn Fn(&LogFolder), named: &str| {
        let folder = tempfile::tempdir().unwrap();
        let files = log_of(folder.path(), FRAMES);
        remove(&files);
        let error = match open(folder.path()) {
            Err(error) => error,
            Ok((_, reader, _)) => reader.range(Offset(0), reader.head()).unwrap_err(),
        };
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(crate::model::Kinded::kind(&error), crate::model::ErrorKind::Corrupt);
    };
    check(&|files| fs::remove_dir_all(files.active()).unwrap(), "newest segment is missing");
    check(
        &|files| {
            let newest = *files.list_sealed().unwrap().last().unwrap();
            fs::remove_file(files.sealed_path(newest)).unwrap();
        },
        "what lies before it ends before",
    );
    check(
        &|files| {
            let second = files.list_sealed().unwrap()[1];
            fs::remove_file(files.sealed_path(second)).unwrap();
        },
        "no segment holds them",
    );
    check(&|files| fs::remove_file(files.sealed_path(Offset(0))).unwrap(), "no segment holds them");
}

#[test]
fn one_process_writes_and_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, _, _) = open(folder.path()).unwrap();
    append(&mut writer, 10);
    assert!(matches!(open(folder.path()), Err(LogError::Locked { .. })));
    let in_place = LogReader::open_read_only(folder.path()).unwrap();
    append(&mut writer, 10);
    assert_eq!(offsets(&in_place), (0..10).collect::<Vec<u64>>());
    for _ in 0..FRAMES {
        append(&mut writer, 10);
    }
    assert_eq!(offsets(&in_place), (0..10).collect::<Vec<u64>>(), "its segment was moved");
    let now = LogReader::open_read_only(folder.path()).unwrap();
    assert_eq!(now.head(), writer.head());
}

/// The log before any sealing, in a folder of its own: sealed segments moved back.
fn unseal(dir: &Path) -> tempfile::TempDir {
    let unsealed = tempfile::tempdir().unwrap();
    copy(dir, unsealed.path());
    let files = LogFolder::new(unsealed.path());
    for first in files.list_sealed().unwrap() {
        let sidecar = Sidecar::read(&files.sidecar_path(first)).unwrap();
        fs::rename(files.sealed_path(first), files.active_path(sidecar.first_lsn)).unwrap();
    }
    fs::remove_dir_all(files.sealed()).unwrap();
    unsealed
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The library reads a segment as far as the size it is given and zeroes the rest: whoever made
/// segments smaller in the settings lost what lay beyond, and the log with it.
#[test]
fn a_smaller_segment_size_cuts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || Arc::new(Disk::open(folder.path()).unwrap());
    let sized = |segment_bytes| Options { segment_bytes, full_bytes: FULL_BYTES, disk: disk() };
    let (mut writer, _, _) = open_with(folder.path(), sized(8 * SEGMENT_BYTES)).unwrap();
    for _ in 0..20 {
        append(&mut writer, 10);
    }
    drop(writer);
    for _ in 0..2 {
        let (mut writer, reader, recovered) =
            open_with(folder.path(), sized(SEGMENT_BYTES)).unwrap();
        assert!(!recovered.torn_tail_cut);
        let head = reader.head().0;
        for _ in 0..20 {
            append(&mut writer, 10);
        }
        assert_eq!(offsets(&reader), (0..head + 200).collect::<Vec<_>>());
    }
}
