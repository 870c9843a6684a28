//! Readers in other processes. Locks are between open files, so that a second opening in this
//! process is to the first as another process would be.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn leases(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(EVENTS_TABLE).join("_leases");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains('-')).collect()
}

async fn read_only(root: &Path) -> TableSnapshot {
    Table::open_read_only(root, EVENTS_TABLE).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_reads_stays_until_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let elsewhere = read_only(folder.path()).await;
    let name = leases(folder.path())[0].file_name().unwrap().to_str().unwrap().to_string();
    assert!(name.starts_with(&format!("{:020}-", 16)), "{name} names the version");
    table.compact().await.unwrap();
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0);
    assert_eq!(offsets(&elsewhere).len(), 48);
    // Whoever comes later reads the compacted file and needs none of the old ones.
    let later = read_only(folder.path()).await;
    drop(elsewhere);
    assert_eq!(leases(folder.path()).len(), 1, "its lease went with it");
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 16);
    assert_eq!(offsets(&later).len(), 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_dead_process_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let elsewhere = read_only(folder.path()).await;
    let lease = leases(folder.path()).remove(0);
    drop(elsewhere);
    // As `kill -9` leaves it: the file without the lock.
    fs::write(&lease, "").unwrap();
    table.compact().await.unwrap();
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 16);
    assert!(!lease.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_read_without_a_lease() {
    let folder = tempfile::tempdir().unwrap();
    drop(table_of(folder.path(), 2, 3).await);
    let leases = folder.path().join(EVENTS_TABLE).join("_leases");
    fs::remove_dir_all(&leases).unwrap();
    // Root may write anywhere, but not in a file.
    fs::write(&leases, "").unwrap();
    assert_eq!(offsets(&read_only(folder.path()).await).len(), 6);
    // A writer reads and commits; it only does not sweep.
    let table = open(folder.path()).await;
    commit(&table, &messages(6..7)).await;
}
