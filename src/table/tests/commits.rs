//! The cursor and the rows move together, once, for one writer.

use super::*;
use crate::model::{ErrorKind, Kinded};
use crate::table::TableError;

#[tokio::test(flavor = "multi_thread")]
async fn cursor_and_rows_survive_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    assert_eq!((table.cursor(), table.snapshot().version), (Offset(0), 0));
    commit(&table, &messages(0..10)).await;
    commit(&table, &messages(10..13)).await;
    let before = table.snapshot();
    drop(table);
    let table = open(folder.path()).await;
    assert_eq!(table.cursor(), Offset(13));
    assert_eq!(offsets(&table.snapshot()), (0..13).collect::<Vec<i64>>());
    let read_only = Table::open_read_only(folder.path(), EVENTS_TABLE).await.unwrap();
    assert_eq!((read_only.version, read_only.cursor), (before.version, before.cursor));
    assert_eq!(read_only.schema, before.schema);
    assert_eq!(offsets(&read_only), offsets(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_rows_moves_the_cursor_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    commit(&table, &messages(0..2)).await;
    let snapshot = table.commit(Vec::new(), Offset(2), Offset(500)).await.unwrap();
    assert_eq!((snapshot.cursor, snapshot.files.len()), (Offset(500), 1));
    let empty = crate::archive::stored_events_batch::<Record>(&[]).unwrap();
    let snapshot =
        table.commit(vec![(START.day(), empty)], Offset(500), Offset(501)).await.unwrap();
    assert_eq!((snapshot.cursor, snapshot.files.len()), (Offset(501), 1));
    assert_eq!(open(folder.path()).await.cursor(), Offset(501));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_writer_is_fenced() {
    let folder = tempfile::tempdir().unwrap();
    let stale = open(folder.path()).await;
    let winner = open(folder.path()).await;
    commit(&winner, &messages(0..4)).await;
    // The stale writer still sees cursor 0, so only the log itself can stop it.
    let rows = events_by_day(messages(0..6).iter()).unwrap();
    let error = stale.commit(rows, Offset(0), Offset(6)).await.unwrap_err();
    assert!(
        matches!(error, TableError::Fenced { stored: Offset(4), expected: Offset(0), .. }),
        "fenced by the log: {error}"
    );
    assert_eq!(error.kind(), ErrorKind::Conflict);
    // It stays shut.
    let error = stale.commit(Vec::new(), Offset(0), Offset(6)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    // One that opens again but goes on from where it stood is stopped by its cursor.
    let again = open(folder.path()).await;
    let rows = events_by_day(messages(0..6).iter()).unwrap();
    let error = again.commit(rows, Offset(0), Offset(6)).await.unwrap_err();
    assert!(
        matches!(error, TableError::Fenced { stored: Offset(4), expected: Offset(0), .. }),
        "{error}"
    );
    commit(&winner, &messages(4..5)).await;
    assert_eq!(offsets(&open(folder.path()).await.snapshot()), [0, 1, 2, 3, 4], "no row twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_writers_commit_each_offset_once() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).await);
        let (one, two) = (open(folder.path()).await, open(folder.path()).await);
        let rows = || events_by_day(messages(0..8).iter()).unwrap();
        let (first, second) = tokio::join!(
            one.commit(rows(), Offset(0), Offset(8)),
            two.commit(rows(), Offset(0), Offset(8)),
        );
        assert_ne!(first.is_ok(), second.is_ok(), "round {round}: exactly one wins");
        assert_eq!(offsets(&open(folder.path()).await.snapshot()), (0..8).collect::<Vec<i64>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_never_moves_back() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    commit(&table, &messages(0..5)).await;
    let error = table.commit(Vec::new(), Offset(5), Offset(4)).await.unwrap_err();
    assert!(matches!(error, TableError::CursorBack { .. }), "{error}");
    assert_eq!(table.cursor(), Offset(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_written_and_opening_uses_them() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    for offset in 0..230 {
        commit(&table, &[message(offset)]).await;
        table.checkpoint_if_due().await.unwrap();
    }
    let log = folder.path().join(EVENTS_TABLE).join("_delta_log");
    for version in [100, 200] {
        assert!(
            log.join(format!("{version:020}.checkpoint.parquet")).is_file(),
            "checkpoint at {version}"
        );
    }
    // Without the entries before the checkpoint, as after their expiry, everything is still there.
    for version in 0..=199 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let table = open(folder.path()).await;
    assert_eq!((table.cursor(), table.snapshot().version), (Offset(230), 230));
    assert_eq!(offsets(&table.snapshot()), (0..230).collect::<Vec<i64>>());
    let stats: Vec<usize> = table.snapshot().files.iter().map(|file| file.stats.len()).collect();
    assert!(stats.iter().all(|count| *count == stats[229]), "statistics survive the checkpoint");
    commit(&table, &messages(230..240)).await;
    assert_eq!(open(folder.path()).await.cursor(), Offset(240));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_commit_entries_go_and_the_table_works_on() {
    use std::time::{Duration, SystemTime};

    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let log = folder.path().join(EVENTS_TABLE).join("_delta_log");
    let entries = || std::fs::read_dir(&log).unwrap().count();
    for offset in 0..210 {
        commit(&table, &[message(offset)]).await;
        table.checkpoint_if_due().await.unwrap();
        // Two hours pass before the second checkpoint.
        if offset == 150 {
            for entry in std::fs::read_dir(&log).unwrap() {
                let file =
                    std::fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
                file.set_modified(SystemTime::now() - Duration::from_secs(2 * 3_600)).unwrap();
            }
        }
    }
    assert!(entries() < 130, "{} entries are left", entries());
    assert!(!log.join(format!("{:020}.json", 0)).exists());
    // The handle that cleaned up still knows the whole table: compacting, sweeping and reading
    // work.
    assert_eq!(table.compact().await.unwrap(), 13);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 13 * 16);
    assert_eq!(offsets(&table.snapshot()), (0..210).collect::<Vec<i64>>());
    assert_eq!(offsets(&open(folder.path()).await.snapshot()), (0..210).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_given_up_shuts_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let rows = events_by_day(messages(0..4).iter()).unwrap();
    {
        let mut given_up = Box::pin(table.commit(rows, Offset(0), Offset(4)));
        assert!(futures::poll!(given_up.as_mut()).is_pending());
    }
    let error = table.commit(Vec::new(), Offset(0), Offset(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    // Opened again, it goes on from what is stored.
    let table = open(folder.path()).await;
    commit(&table, &messages(0..4)).await;
    assert_eq!(offsets(&table.snapshot()), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_other_columns_is_refused() {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};

    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).await);
    let other = Arc::new(Schema::new(vec![Field::new("offset", DataType::Utf8, false)]));
    let opened = Table::open_or_create(folder.path(), EVENTS_TABLE, other, EVENTS_OPTIONS).await;
    assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Corrupt));
    let missing = Table::open_read_only(folder.path(), "nothing").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(!folder.path().join("nothing").exists(), "a reader makes nothing");
}
