//! A segment begins before it is full, so that what lies before can be let go of without what follows.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::*;
use crate::durable::testing::FailNth;
use crate::model::Micros;

const WHENEVER: Micros = Micros(i64::MAX);

#[test]
fn what_was_durable_at_a_roll_can_go_and_what_follows_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    append(&mut writer, 3);
    writer.roll().unwrap();
    writer.roll().unwrap();
    append(&mut writer, 2);
    assert_eq!(offsets(&reader), [0, 1, 2, 3, 4]);
    let trimmer = writer.trimmer();
    drop(writer);
    drop(trimmer);
    let (writer, reader, _) = open(folder.path()).unwrap();
    let oldest = writer.trimmer().trim(Offset(3), Duration::ZERO, WHENEVER).unwrap();
    assert_eq!((oldest, offsets(&reader)), (Offset(3), vec![3, 4]));
    let trimmed = reader.records_at(&[Offset(2)]).unwrap_err();
    assert!(matches!(trimmed, LogError::Trimmed { .. }), "{trimmed}");
    drop(writer);
    check_whole(folder.path(), 3, 5);
}

/// A process that computed SQL began between the closing of the log and its opening, and held its lock until
/// it ran its own program: the service ended.
#[test]
fn a_roll_waits_for_a_process_that_is_being_started() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, ..) = open(folder.path()).unwrap();
    append(&mut writer, 3);
    let held = also_open(&LogFolder::new(folder.path()).active().join("LOCK"));
    let started = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        drop(held);
    });
    writer.roll().unwrap();
    started.join().unwrap();
    append(&mut writer, 2);
    drop(writer);
    check_whole(folder.path(), 0, 5);
}

/// What is open here under `path`, held as a copy of this process would hold it.
fn also_open(path: &Path) -> OwnedFd {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let mut ours = open.filter(|fd| std::fs::read_link(fd).is_ok_and(|file| file == path));
    let number = ours.next().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
    pidfd_getfd(this, number, PidfdGetfdFlags::empty()).unwrap()
}

/// A crash leaves a segment in which nothing is yet, or none.
#[test]
fn a_roll_that_broke_off_loses_nothing() {
    let mut broken = 0;
    for nth in 1..12 {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, ..) = open(folder.path()).unwrap();
        append(&mut writer, 3);
        drop(writer);
        let seam = Arc::new(FailNth::for_good(nth));
        if let Ok((mut writer, ..)) = open_through(folder.path(), seam)
            && writer.roll().is_err()
        {
            writer.append(Arc::new(record(3))).unwrap();
            assert!(writer.commit().is_err(), "nothing more is taken");
            broken += 1;
        }
        check_whole(folder.path(), 0, 3);
    }
    assert!(broken > 2, "{broken}");
}
