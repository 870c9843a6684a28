//! The archive as a store, and its reader: files ∪ tail hold every applied record exactly once, at
//! any moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::archive::{Archive, ArchiveError, ArchiveReader, ArchiveSnapshot, EVENTS_TABLE};
use crate::log::{self, CommitPolicy, LogError, LogReader, State, Store, batch, follow};
use crate::model::{Offset, Record};
use crate::table::Table;
use crate::table::tests::{message, messages, offsets};

/// Checks that the snapshot holds `[0, applied)` once: the files below the cursor, the tail from it
/// on.
fn check(snapshot: &ArchiveSnapshot) {
    let cursor = snapshot.table.cursor;
    assert_eq!(snapshot.table.rows(), cursor.0, "files hold what is below the cursor");
    let tail: Vec<u64> = snapshot.tail.records().map(|record| record.offset.0).collect();
    assert_eq!(
        tail,
        (cursor.0..snapshot.tail.end().0).collect::<Vec<u64>>(),
        "the tail goes on from there"
    );
}

/// The archive in `root`, and what questions use.
async fn open_archive(root: &Path) -> (Archive, ArchiveReader) {
    let (_head, log) = LogReader::at_head(root, Offset(0));
    let reader = ArchiveReader::default();
    (Archive::open(root, &log, &(), &reader).await.unwrap(), reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_move_from_tail_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open_archive(folder.path()).await;
    store.apply(batch(messages(0..10))).await.unwrap();
    let uncommitted = reader.snapshot().unwrap();
    check(&uncommitted);
    assert_eq!((uncommitted.tail.end(), uncommitted.table.cursor), (Offset(10), Offset(0)));
    assert_eq!(store.commit().await.unwrap(), Offset(10));
    store.apply(batch(messages(10..12))).await.unwrap();
    check(&reader.snapshot().unwrap());
    check(&uncommitted);
    assert_eq!(offsets(&reader.snapshot().unwrap().table), (0..10).collect::<Vec<i64>>());
    // What was not committed is asked for again after a restart.
    drop(store);
    let (store, _) = open_archive(folder.path()).await;
    assert_eq!(
        (store.applied(), Archive::committed(folder.path()).await.unwrap()),
        (Offset(10), Offset(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trickle_does_not_become_a_heap_of_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open_archive(folder.path()).await;
    for offset in 0..5_000 {
        store.apply(batch(vec![message(offset)])).await.unwrap();
    }
    let held = reader.snapshot().unwrap();
    assert!(held.tail.chunks().count() <= 3, "{} chunks", held.tail.chunks().count());
    store.apply(batch(vec![message(5_000)])).await.unwrap();
    assert_eq!(held.tail.end(), Offset(5_000), "what a question holds does not change");
    check(&held);
    check(&reader.snapshot().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_and_a_forgotten_commit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open_archive(folder.path()).await;
    let error = store.apply(batch(messages(1..3))).await.unwrap_err();
    let gap = LogError::Gap { expected: Offset(0), got: Offset(1) };
    assert_eq!(error.to_string(), gap.to_string());
    assert_eq!(store.applied(), Offset(0), "nothing of a refused batch is kept");
    let one = message(0);
    let many: Vec<Record> =
        (0..131_073).map(|offset| Record { offset: Offset(offset), ..one.clone() }).collect();
    let error = store.apply(batch(many)).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Log(LogError::TailFull { .. })), "{error}");
}

/// Ends the asking when a test ends, however it does.
struct SetWhenDropped(Arc<AtomicBool>);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_see_every_record_once_while_the_archive_follows_the_log() {
    const RECORDS: u64 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, log, _) = log::open(&folder.path().join("log")).unwrap();
    let archive = folder.path().join("archive");
    let (mut store, reader) = open_archive(folder.path()).await;
    let (report, mut state) = watch::channel(State::default());
    let stop = CancellationToken::new();
    let follower = tokio::spawn({
        let stop = stop.clone();
        let policy = CommitPolicy {
            records_max: 100,
            bytes_max: usize::MAX,
            interval: Duration::from_millis(20),
        };
        async move {
            let (_asking, mut asked) = tokio::sync::mpsc::channel(1);
            follow(&mut store, &log, policy, &report, &mut asked, &stop).await.unwrap();

            store
        }
    });
    let is_done = Arc::new(AtomicBool::new(false));
    let done = SetWhenDropped(is_done.clone());
    let asker = tokio::task::spawn_blocking({
        let reader = reader.clone();
        move || {
            let mut cursors = BTreeSet::new();
            while !is_done.load(Ordering::Relaxed) {
                let snapshot = reader.snapshot().unwrap();
                check(&snapshot);
                cursors.insert(snapshot.table.cursor);
            }
            cursors.len()
        }
    });
    for offset in 0..RECORDS {
        writer.append(Arc::new(message(offset))).unwrap();
        if offset % 37 == 0 {
            writer.commit().unwrap();
            tokio::task::yield_now().await;
        }
    }
    writer.commit().unwrap();
    state.wait_for(|state| state.committed == Offset(RECORDS)).await.unwrap();
    stop.cancel();
    let store = follower.await.unwrap();
    drop(done);
    assert!(asker.await.unwrap() > 3, "questions were asked between commits");
    assert_eq!(store.applied(), Offset(RECORDS));
    assert_eq!(
        offsets(&reader.snapshot().unwrap().table),
        (0..RECORDS as i64).collect::<Vec<i64>>()
    );
    drop(store);
    assert_eq!(Archive::committed(folder.path()).await.unwrap(), Offset(RECORDS));
    let again = Table::open_read_only(&archive, EVENTS_TABLE).await.unwrap();
    assert_eq!(offsets(&again), (0..RECORDS as i64).collect::<Vec<i64>>());
}
