//! Whatever call to the disk fails, the table opens again with the old rows or with the new ones,
//! never with some.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{
    EVENTS_TABLE, Micros, Offset, Record, START, Table, TableError, TableSnapshot, commit,
    events_by_day, message_at, offsets, open, open_through, parquet_files,
};
use crate::durable::testing::FailNth;
use crate::durable::{Call, Disk};
use crate::table::delta;

/// Records of two days, so that a commit of them writes two files.
fn of_two_days(offsets: Range<u64>) -> Vec<Record> {
    let at = |offset: u64| Micros(START.0 + (offset % 4) as i64 * 30_000_000);
    offsets.map(|offset| message_at(offset, at(offset))).collect()
}

async fn commit_up_to(table: &Table, next: u64) -> Result<TableSnapshot, TableError> {
    let expected = table.cursor();
    let rows = events_by_day(of_two_days(expected.0..next).iter()).unwrap();
    table.commit(rows, expected, Offset(next)).await
}

/// A copy of the folder `from`, to be damaged.
fn copy_of(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Opens the table as after a crash; it must hold each record below its cursor once.
async fn open_again(root: &Path, failed: &Option<Call>) -> Table {
    let table = open(root).await;
    let below_the_cursor: Vec<i64> = (0..table.cursor().0 as i64).collect();
    assert_eq!(offsets(&table.snapshot()), below_the_cursor, "{failed:?} failed");
    table
}

/// Calls `check` with a disk whose first call fails, then with one whose second does, and so on
/// until `check` says that nothing failed: both for a disk that fails once and for one that fails
/// from then on. Returns how many calls there were.
async fn fail_each_call(check: impl AsyncFn(FailNth) -> Option<Call>) -> usize {
    let mut calls = 0;
    for fail in [FailNth::once, FailNth::for_good] {
        calls = 0;
        while check(fail(calls + 1)).await.is_some() {
            calls += 1;
        }
    }
    calls
}

/// Opens a copy of the table in `before`, whose cursor is `old`, and commits up to `new`.
async fn check_commit(before: &Path, old: u64, new: u64, failing: FailNth) -> Option<Call> {
    let (folder, failing) = (copy_of(before), Arc::new(failing));
    let mut is_committed = false;
    if let Ok(table) = open_through(folder.path(), failing.clone()).await {
        is_committed = commit_up_to(&table, new).await.is_ok();
        if !is_committed {
            // It stays shut, whatever the disk does now.
            let error = commit_up_to(&table, new).await.unwrap_err();
            assert!(matches!(error, TableError::Closed { .. }), "{error}");
            assert_eq!(table.cursor(), Offset(old));
        }
    }
    let failed = failing.failed();
    // Only a staging name may stay behind without a word.
    let is_silent = matches!(failed, None | Some(Call::Remove(_)));
    assert!(is_silent || !is_committed, "{failed:?} failed and nobody was told");
    assert!(is_committed || failed.is_some(), "the commit failed though no call did");
    let table = open_again(folder.path(), &failed).await;
    let is_new = table.cursor() == Offset(new);
    assert!(is_new || !is_committed, "{failed:?}: a reported commit is gone");
    assert!(is_new || table.cursor() == Offset(old), "{failed:?}: cursor {}", table.cursor());
    // What is missing can be committed now.
    commit_up_to(&table, new).await.unwrap();
    assert_eq!(open_again(folder.path(), &failed).await.cursor(), Offset(new));
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_of_the_first_commit_leaves_no_rows_or_all() {
    let before = tempfile::tempdir().unwrap();
    let calls = fail_each_call(async |failing| check_commit(before.path(), 0, 4, failing).await);
    assert!(calls.await > 30, "a table is made, two data files and two log entries are written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_of_a_commit_leaves_the_old_rows_or_the_new() {
    let before = tempfile::tempdir().unwrap();
    commit_up_to(&open(before.path()).await, 4).await.unwrap();
    let calls = fail_each_call(async |failing| check_commit(before.path(), 4, 8, failing).await);
    assert!(calls.await > 20, "a table is opened, two data files and a log entry are written");
}

/// Opens a copy of the table in `before`, compacts its files and sweeps those that are left over.
async fn check_compaction(before: &Path, failing: FailNth) -> Option<Call> {
    let (folder, failing) = (copy_of(before), Arc::new(failing));
    let (mut is_compacted, mut is_swept) = (false, false);
    if let Ok(table) = open_through(folder.path(), failing.clone()).await {
        is_compacted = table.compact().await.is_ok();
        if is_compacted {
            let vacuumed = table.vacuum(Duration::ZERO).await.unwrap();
            is_swept = vacuumed.failed.is_none();
            assert!(vacuumed.files <= 2, "more than was replaced");
        }
    }
    let failed = failing.failed();
    assert!(is_swept || failed.is_some(), "nothing failed but the compaction or the vacuum");
    let table = open_again(folder.path(), &failed).await;
    let files = table.snapshot().files.len();
    assert!(files == 2 || (files == 3 && !is_compacted), "{failed:?}: {files} files");
    assert_eq!(table.cursor(), Offset(3), "{failed:?}");
    // What was not done is still due, and nothing is left over for ever.
    assert_eq!(table.compact().await.unwrap(), usize::from(files == 3), "{failed:?}");
    table.vacuum(Duration::ZERO).await.unwrap();
    assert_eq!(parquet_files(folder.path()), 1, "{failed:?}");
    assert_eq!(open_again(folder.path(), &failed).await.snapshot().files.len(), 2);
    failed
}

/// A table of two files of a day that is over, and one of the next: the two are due to become one.
async fn three_files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    for (offset, seconds) in [(0, 0), (1, 0), (2, 3_600)] {
        let received_at = Micros(START.0 + seconds * 1_000_000);
        commit(&table, &[message_at(offset, received_at)]).await;
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_of_a_compaction_or_a_vacuum_leaves_the_old_files_or_the_new() {
    let before = three_files().await;
    let calls = fail_each_call(async |failing| check_compaction(before.path(), failing).await);
    assert!(calls.await > 15, "a data file and a log entry are written, two files removed");
}

/// Opens the log of a copy of the table in `before` and writes a checkpoint of it.
async fn check_checkpoint(before: &Path, failing: FailNth) -> Option<Call> {
    let (folder, failing) = (copy_of(before), Arc::new(failing));
    let root = folder.path().join(EVENTS_TABLE).canonicalize().unwrap();
    if let Ok(disk) = Disk::open_through(&root, failing.clone()) {
        let (_, log) = delta::open(disk).unwrap();
        let (state, _) = delta::load(&root, &log).await.unwrap();
        let written = delta::checkpoint(&log, state.version()).await;
        assert!(written.is_ok() || failing.failed().is_some(), "no call failed");
    }
    let failed = failing.failed();
    let table = open_again(folder.path(), &failed).await;
    assert_eq!(table.cursor(), Offset(3), "{failed:?}");
    commit_up_to(&table, 8).await.unwrap();
    assert_eq!(open_again(folder.path(), &failed).await.cursor(), Offset(8));
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_of_a_checkpoint_loses_nothing() {
    let before = three_files().await;
    let calls = fail_each_call(async |failing| check_checkpoint(before.path(), failing).await);
    assert!(calls.await > 10, "a checkpoint and the hint to it are written");
}
