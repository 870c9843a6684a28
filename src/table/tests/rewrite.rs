//! Rows changed where they stand: all of it or nothing, and nothing left over.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use super::*;
use crate::table::{Rewrite, Wanted};

/// Puts every row with these offsets anew as it is.
fn rewrite(offsets: std::ops::Range<i64>, reserve_bytes: u64) -> Rewrite {
    let offsets: BTreeSet<i64> = offsets.collect();
    let wanted = Arc::new(vec![Wanted::AnyInt("offset", Arc::new(offsets))]);
    let change = Arc::new(|batch: &RecordBatch| Ok(Some(batch.clone())));
    Rewrite { wanted, probe: "offset", change, reserve_bytes }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_put_in_place_by_the_commit_and_go_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 3, 3).await;
    let version = table.snapshot().version;
    let prepared = table.prepare_rewrite(rewrite(0..6, 0)).await.unwrap();
    assert_eq!((table.snapshot().version, parquet_files(folder.path())), (version, 5));
    drop(prepared);
    assert!(table.sweep_now().await.unwrap());
    assert_eq!(parquet_files(folder.path()), 3, "they never were in the table");
    let prepared = table.prepare_rewrite(rewrite(0..6, 0)).await.unwrap();
    assert_eq!(prepared.leaving().len(), 2);
    assert!(prepared.commit().await.unwrap());
    assert!(table.sweep_now().await.unwrap());
    assert_eq!((parquet_files(folder.path()), offsets(&table.snapshot()).len()), (3, 9));
}

/// What was written before the damage was found lay there until the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_rewrite_that_fails_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 2, 3).await;
    // What is written anew has bloom filters.
    table.rewrite(&rewrite(0..6, 0), &|_| {}).await.unwrap();
    assert!(table.sweep_now().await.unwrap());
    let second = path_of(&table, 1);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&second).unwrap()).unwrap();
    let columns = reader.metadata().row_group(0).columns();
    let filter = columns.iter().find_map(|column| column.bloom_filter_offset()).unwrap();
    // In what no row is read from: the hash alone tells.
    let mut bytes = fs::read(&second).unwrap();
    bytes[filter as usize + 40] ^= 1;
    fs::write(&second, bytes).unwrap();
    table.rewrite(&rewrite(0..6, 0), &|_| {}).await.unwrap_err();
    assert!(table.sweep_now().await.unwrap());
    assert_eq!(parquet_files(folder.path()), 2);
}

/// All of it was written before anybody looked whether there is room.
#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_of_the_disk_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 2, 3).await;
    let error = table.rewrite(&rewrite(0..3, u64::MAX / 2), &|_| {}).await.unwrap_err();
    assert!(matches!(error, TableError::NoRoom(_)), "{error}");
    assert!(error.to_string().contains("are to stay so"), "{error}");
    assert_eq!(parquet_files(folder.path()), 2);
    table
        .rewrite(&rewrite(90..99, u64::MAX / 2), &|files| assert!(files.is_empty()))
        .await
        .unwrap();
}
