//! What left the table goes, what is read stays.

use std::fs;
use std::time::Duration;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn replaced_files_go_once_nobody_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let old = table.snapshot();
    let bytes = old.bytes();
    table.compact().await.unwrap();
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0, "a snapshot lists them");
    assert_eq!(offsets(&old).len(), 48, "it reads on");
    let clone = old.clone();
    drop(old);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0, "and so does its clone");
    drop(clone);
    assert_eq!(table.vacuum(Duration::from_secs(3_600)).await.unwrap().files, 0, "they rest");
    let vacuumed = table.vacuum(Duration::ZERO).await.unwrap();
    assert_eq!((vacuumed.files, vacuumed.bytes), (16, bytes));
    assert_eq!(parquet_files(folder.path()), 1);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0, "nothing twice");
    assert_eq!(offsets(&open(folder.path()).await.snapshot()).len(), 48);
}

/// A snapshot needs the files it lists and no others: an export of a day must not keep a week of
/// compactions from being swept.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_reader_keeps_only_what_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let old = table.snapshot();
    table.compact().await.unwrap();
    for offset in 48..64 {
        commit(&table, &[message_at(offset, START)]).await;
    }
    table.compact().await.unwrap();
    assert_eq!(parquet_files(folder.path()), 16 + 1 + 16 + 1);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 16, "the younger sixteen");
    assert_eq!(offsets(&old).len(), 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_left_goes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    drop(table_of(folder.path(), 2, 3).await);
    let day = folder.path().join(EVENTS_TABLE).join(format!("day={}", START.day()));
    for name in ["orphan.parquet", "half.parquet#1", "notes.txt"] {
        fs::write(day.join(name), "x").unwrap();
    }
    let table = open(folder.path()).await;
    // Written since: by whom is not known, and it is not this handle's to judge.
    fs::write(day.join("younger.parquet"), "x").unwrap();
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 2);
    let mut left: Vec<String> = fs::read_dir(day)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| !name.starts_with('0'));
    left.sort();
    assert_eq!(left, ["notes.txt", "younger.parquet"]);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0);
}

/// Removed before this process began: the log of this handle does not know it, the folder does.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_handle_removed_goes_when_its_readers_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let old = table.snapshot();
    table.compact().await.unwrap();
    drop(table);
    let table = open(folder.path()).await;
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0, "the old one still reads");
    assert_eq!(offsets(&old).len(), 48);
    drop(old);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 16);
    assert_eq!(offsets(&table.snapshot()).len(), 48);
}

/// Two handles on one table: the one that is about to be fenced takes nothing from the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_not_alone_sweeps_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let first = table_of(folder.path(), 2, 3).await;
    let day = path_of(&first, 0).parent().unwrap().to_path_buf();
    fs::write(day.join("about-to-be-committed.parquet"), "x").unwrap();
    let second = open(folder.path()).await;
    assert_eq!(second.vacuum(Duration::ZERO).await.unwrap().files, 0);
    commit(&first, &messages(6..7)).await;
    drop(first);
    // Now it is alone, but the log went on without it.
    assert_eq!(second.vacuum(Duration::ZERO).await.unwrap().files, 0);
    drop(second);
    assert_eq!(open(folder.path()).await.vacuum(Duration::ZERO).await.unwrap().files, 1);
}
