//! The follower and its handle: files ∪ tail hold every applied record exactly once, at any moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::archive::{ArchiveError, ArchiveSnapshot, EventsSink};
use crate::log::{self, CommitPolicy, Progress, Sink, follow, shared};

/// Checks that the snapshot holds `[0, applied)` once: the files below the cursor, the tail from it on.
fn check(snapshot: &ArchiveSnapshot) {
    let cursor = snapshot.table.cursor;
    assert_eq!(snapshot.table.rows(), cursor.0, "files hold what is below the cursor");
    let tail: Vec<u64> =
        snapshot.tail.iter().flat_map(|chunk| chunk.iter()).map(|record| record.offset.0).collect();
    assert_eq!(
        tail,
        (cursor.0..snapshot.applied.0).collect::<Vec<u64>>(),
        "the tail goes on from there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_move_from_tail_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = EventsSink::open(folder.path()).await.unwrap();
    let handle = sink.handle();
    sink.apply(shared(messages(0..10))).await.unwrap();
    let uncommitted = handle.snapshot();
    check(&uncommitted);
    assert_eq!((uncommitted.applied, uncommitted.table.cursor), (Offset(10), Offset(0)));
    assert_eq!(sink.commit().await.unwrap(), Offset(10));
    sink.apply(shared(messages(10..12))).await.unwrap();
    check(&handle.snapshot());
    check(&uncommitted);
    assert_eq!(offsets(&handle.snapshot().table), (0..10).collect::<Vec<i64>>());
    // What was not committed is asked for again after a restart.
    drop(sink);
    let sink = EventsSink::open(folder.path()).await.unwrap();
    assert_eq!((sink.position(), sink.cursor()), (Offset(10), Offset(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trickle_does_not_become_a_heap_of_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = EventsSink::open(folder.path()).await.unwrap();
    let handle = sink.handle();
    for offset in 0..5_000 {
        sink.apply(shared(vec![message(offset)])).await.unwrap();
    }
    let held = handle.snapshot();
    assert!(held.tail.len() <= 3, "{} chunks", held.tail.len());
    sink.apply(shared(vec![message(5_000)])).await.unwrap();
    assert_eq!(held.applied, Offset(5_000), "what a question holds does not change");
    check(&held);
    check(&handle.snapshot());
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_and_a_forgotten_commit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = EventsSink::open(folder.path()).await.unwrap();
    let error = sink.apply(shared(messages(1..3))).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Gap { expected: Offset(0), got: Offset(1) }), "{error}");
    let error = sink.apply(shared(vec![message(0), message(2)])).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Gap { expected: Offset(1), got: Offset(2) }), "{error}");
    assert_eq!(sink.position(), Offset(0), "nothing of a refused batch is kept");
    let one = message(0);
    let many: Vec<Record> =
        (0..131_073).map(|offset| Record { offset: Offset(offset), ..one.clone() }).collect();
    let error = sink.apply(shared(many)).await.unwrap_err();
    assert!(matches!(error, ArchiveError::TailFull { .. }), "{error}");
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
    let (mut writer, reader, _) = log::open(&folder.path().join("log")).unwrap();
    let archive = folder.path().join("archive");
    let mut sink = EventsSink::open(&archive).await.unwrap();
    let handle = sink.handle();
    let (progress, mut seen) = watch::channel(Progress::default());
    let stop = CancellationToken::new();
    let cursor = reader.cursor(sink.position());
    let follower = tokio::spawn({
        let stop = stop.clone();
        let policy = CommitPolicy { records_max: 100, interval: Duration::from_millis(20) };
        async move {
            follow(cursor, &mut sink, policy, &progress, &stop).await.unwrap();
            sink.finish_merge().await.unwrap();
            sink
        }
    });
    let is_done = Arc::new(AtomicBool::new(false));
    let done = SetWhenDropped(is_done.clone());
    let asker = tokio::task::spawn_blocking({
        let handle = handle.clone();
        move || {
            let mut cursors = BTreeSet::new();
            while !is_done.load(Ordering::Relaxed) {
                let snapshot = handle.snapshot();
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
    seen.wait_for(|progress| progress.committed == Offset(RECORDS)).await.unwrap();
    stop.cancel();
    let sink = follower.await.unwrap();
    drop(done);
    assert!(asker.await.unwrap() > 3, "questions were asked between commits");
    assert_eq!(sink.cursor(), Offset(RECORDS));
    assert_eq!(offsets(&handle.snapshot().table), (0..RECORDS as i64).collect::<Vec<i64>>());
    drop(sink);
    let again = Table::open_read_only(&archive, EVENTS_TABLE).await.unwrap();
    assert_eq!(offsets(&again), (0..RECORDS as i64).collect::<Vec<i64>>());
}
