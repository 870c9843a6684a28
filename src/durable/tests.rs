//! A file is staged, written, synced, named, its directory synced, in this order, whatever fails on
//! the way.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::seam::{Call, Seam};
use super::testing::{FailNth, Journal, SkipSyncs};
use super::{Disk, Mode, Naming, Staged, is_staging_name, make_directory, remove_directory, write};

const OLD: &[u8] = b"old";
const NEW: [&[u8]; 2] = [b"new, ", b"and longer"];

/// Opens `root` and puts a file into a folder below it.
fn stage_write_publish(root: &Path, seam: Arc<dyn Seam>, naming: Naming) -> io::Result<()> {
    let disk = Arc::new(Disk::open_through(root, seam)?);
    let mut staged = Staged::create(&disk, &disk.root().join("day/file"), Mode::Usual)?;
    for bytes in NEW {
        staged.write_all(bytes)?;
    }
    staged.publish(naming)
}

/// Names in the folder that holds the file.
fn names(root: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(root.join("day")) else { return Vec::new() };
    let mut names: Vec<String> =
        listing.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_synced_before_it_is_named_and_its_directory_after() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("root");
    let journal = Arc::new(Journal::default());
    stage_write_publish(&root, journal.clone(), Naming::Overwrite).unwrap();
    let (day, file, staging) = (root.join("day"), root.join("day/file"), root.join("day/file#1"));
    let expected = [
        Call::MakeDirectory(root.clone()),
        Call::SyncDirectory(folder.path().canonicalize().unwrap()),
        Call::MakeDirectory(day.clone()),
        Call::SyncDirectory(root.clone()),
        Call::Stage(staging.clone()),
        Call::Write(staging.clone()),
        Call::Write(staging.clone()),
        Call::SyncFile(staging.clone()),
        Call::Name { from: staging, to: file },
        Call::SyncDirectory(day),
    ];
    assert_eq!(journal.calls(), expected);
}

/// The control: without syncs the same file is written by the same calls but those.
#[test]
fn a_disk_without_syncs_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let skip = Arc::new(SkipSyncs::default());
    stage_write_publish(&folder.path().join("root"), skip.clone(), Naming::Create).unwrap();
    let is_sync = |call: &Call| matches!(call, Call::SyncFile(_) | Call::SyncDirectory(_));
    assert!(!skip.calls().iter().any(is_sync), "{:?}", skip.calls());
    assert_eq!(fs::read(folder.path().join("root/day/file")).unwrap(), NEW.concat());
}

/// Writes a file while calls fail as `failing` has it, where one may lie already. Returns the first
/// failed call.
fn check_failure(failing: FailNth, naming: Naming, old: Option<&[u8]>) -> Option<Call> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    if let Some(old) = old {
        fs::create_dir_all(root.join("day")).unwrap();
        fs::write(root.join("day/file"), old).unwrap();
    }
    let failing = Arc::new(failing);
    let published = stage_write_publish(&root, failing.clone(), naming);
    let failed = failing.failed();
    let found = fs::read(root.join("day/file")).ok();
    let is_new = found == Some(NEW.concat());
    assert!(is_new || found.as_deref() == old, "{failed:?}: neither old nor new: {found:?}");
    match (&published, &failed) {
        (Ok(()), None) => assert!(is_new),
        // The staging name is one too many, no more.
        (Ok(()), Some(Call::Remove(_))) => assert!(is_new),
        (Ok(()), Some(call)) => panic!("{call:?} failed and nobody was told"),
        (Err(_), Some(_)) => {}
        (Err(error), None) => assert_eq!(error.kind(), io::ErrorKind::AlreadyExists),
    }
    // Whatever happened, the next writer gets through, past what was left behind.
    stage_write_publish(&root, Arc::new(Journal::default()), Naming::Overwrite).unwrap();
    assert_eq!(fs::read(root.join("day/file")).unwrap(), NEW.concat());
    failed
}

#[test]
fn a_failed_call_leaves_the_old_file_or_the_new_one() {
    for fail in [FailNth::once, FailNth::for_good] {
        for naming in [Naming::Create, Naming::Overwrite] {
            for old in [None, Some(OLD)] {
                let calls = (1..).take_while(|n| check_failure(fail(*n), naming, old).is_some());
                assert!(calls.count() >= 10, "every call of the journal above was made to fail");
            }
        }
    }
}

/// A disk that reports an error once leaves no staging file, unless it was the removing that
/// failed.
#[test]
fn a_file_that_was_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for n in 1.. {
        let failing = Arc::new(FailNth::once(n));
        let is_err = stage_write_publish(&root, failing.clone(), Naming::Overwrite).is_err();
        assert!(names(&root).iter().all(|name| name == "file"), "{:?}", failing.failed());
        if failing.failed().is_none() {
            assert!(!is_err);
            break;
        }
    }
    let disk = Arc::new(Disk::open(&root).unwrap());
    drop(Staged::create(&disk, &disk.root().join("day/other"), Mode::Usual).unwrap());
    assert_eq!(names(&root), ["file"]);
}

#[test]
fn a_taken_name_is_refused_or_replaced_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let real = || Arc::new(Journal::default());
    fs::create_dir(root.join("day")).unwrap();
    fs::write(root.join("day/file"), OLD).unwrap();
    let refused = stage_write_publish(root, real(), Naming::Create).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(root.join("day/file")).unwrap(), OLD);
    stage_write_publish(root, real(), Naming::Overwrite).unwrap();
    assert_eq!(fs::read(root.join("day/file")).unwrap(), NEW.concat());
    assert_eq!(names(root), ["file"]);
}

#[test]
fn a_small_file_is_replaced_whole_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write(&path, Mode::Private, b"first").unwrap();
    write(&path, Mode::Private, b"2nd").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"2nd");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_small_file_wants_a_folder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/key");
    assert_eq!(write(&path, Mode::Usual, b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!folder.path().join("a").exists(), "a mistyped path makes no folders");
    make_directory(path.parent().unwrap()).unwrap();
    write(&path, Mode::Usual, b"x").unwrap();
    let error = write(Path::new("/"), Mode::Usual, b"x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn staging_names_are_told_from_others() {
    for name in ["file#1", "a.parquet#27", "#0", "a#b#3"] {
        assert!(is_staging_name(name), "{name}");
    }
    for name in ["file", "file#", "#", "file#1x", "file#1.parquet", ""] {
        assert!(!is_staging_name(name), "{name}");
    }
}

#[test]
fn a_folder_is_removed_whatever_an_earlier_removal_left() {
    let folder = tempfile::tempdir().unwrap();
    let (path, removed) = (folder.path().join("turns"), folder.path().join("turns.removed"));
    for left in [false, true] {
        fs::create_dir_all(path.join("day")).unwrap();
        if left {
            fs::create_dir_all(removed.join("day")).unwrap();
        }
        remove_directory(&path).unwrap();
        assert!(!path.exists() && !removed.exists(), "left by an earlier removal: {left}");
    }
    fs::create_dir(&removed).unwrap();
    remove_directory(&path).unwrap();
    assert!(!removed.exists(), "what was half removed goes, too");
    remove_directory(&folder.path().join("no").join("such")).unwrap();
}

/// The first uploads of a shop, sent at once, were refused.
#[test]
fn several_make_the_same_folders_at_once() {
    const AT_ONCE: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::open(folder.path()).unwrap());
    for round in 0..100 {
        let begin = std::sync::Barrier::new(AT_ONCE);
        std::thread::scope(|scope| {
            for number in 0..AT_ONCE {
                let (begin, disk) = (&begin, &disk);
                scope.spawn(move || {
                    let path = disk.root().join(format!("{round}/shop/file{number}"));
                    begin.wait();
                    Staged::create(disk, &path, Mode::Usual).unwrap();
                });
            }
        });
    }
}

/// Chats are for whoever runs the service, not for every user of the machine.
#[test]
fn new_folders_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("data/log");
    super::make_directory(&made).unwrap();
    for folder in [made.as_path(), made.parent().unwrap()] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
