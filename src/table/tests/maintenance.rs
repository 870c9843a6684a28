//! Maintenance works beside commits and without them, and no failure stops it or them.

use std::fs;
use std::time::Duration;

use super::*;
use crate::model::MaintenanceState;
use crate::table::Maintenance;

/// How often the tests look: as often as they can.
const EVERY: Duration = Duration::from_millis(1);

/// Waits until the state of maintenance is as `wanted`.
async fn wait_for(table: &Table, wanted: impl Fn(&MaintenanceState) -> bool) -> MaintenanceState {
    let waiting = async {
        loop {
            let state = table.maintenance();
            if wanted(&state) {
                return state;
            }
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(60);
    let waited = tokio::time::timeout(patience, waiting).await;
    waited.unwrap_or_else(|_| panic!("it stays {:?}", table.maintenance()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_table_is_compacted_and_swept() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 40, 20).await;
    let maintenance = Maintenance::start_with(&table, EVERY, Duration::ZERO);
    wait_for(&table, |state| state.compactions == 2).await;
    while parquet_files(folder.path()) > 10 {
        tokio::task::yield_now().await;
    }
    maintenance.finish().await.unwrap();
    let (version, state) = (table.snapshot().version, table.maintenance());
    assert_eq!((state.removed_files, state.failed), (0, None));
    assert_eq!(offsets(&table.snapshot()), (0..800).collect::<Vec<i64>>());
    assert_eq!(version, 42, "40 commits, two compactions, and no empty version");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_compacts_beside_commits() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let maintenance = Maintenance::start_with(&table, EVERY, Duration::ZERO);
    for start in (0..2_000).step_by(20) {
        let snapshot = commit(&table, &messages(start..start + 20)).await;
        assert_eq!(snapshot.rows(), start + 20);
    }
    wait_for(&table, |state| state.compactions >= 6).await;
    maintenance.finish().await.unwrap();
    assert_eq!(table.maintenance().failed, None);
    assert_eq!(offsets(&table.snapshot()), (0..2_000).collect::<Vec<i64>>());
    drop(table);
    assert_eq!(offsets(&open(folder.path()).await.snapshot()), (0..2_000).collect::<Vec<i64>>());
}

/// A flipped bit in one old file ended the archive: each start planned the same compaction, each
/// failed, and the store with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_set_aside_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 17, 400).await;
    let damaged = path_of(&table, 3);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4..400].fill(0);
    fs::write(&damaged, bytes).unwrap();
    let _maintenance = Maintenance::start_with(&table, EVERY, Duration::ZERO);
    let state = wait_for(&table, |state| !state.set_aside.is_empty()).await;
    assert_eq!(state.set_aside, std::slice::from_ref(&damaged));
    // The sixteen others are compacted all the same, and commits go on.
    wait_for(&table, |state| state.compactions == 1).await;
    let next = table.cursor().0;
    commit(&table, &messages(next..next + 1)).await;
    let files = table.snapshot().files;
    assert_eq!(files.len(), 3, "the damaged one, the compacted one, the new one");
    assert!(damaged.exists());
}

/// What fails for another reason is shown, and tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_compaction_is_shown_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    let day = path_of(&table, 0).parent().unwrap().to_path_buf();
    // The folder is out of reach for a while, as on a disk that hangs.
    let away = day.with_extension("away");
    fs::rename(&day, &away).unwrap();
    fs::write(&day, "").unwrap();
    let _maintenance = Maintenance::start_with(&table, EVERY, Duration::ZERO);
    let state = wait_for(&table, |state| state.failed.is_some()).await;
    assert_eq!((state.compactions, state.set_aside), (0, Vec::new()));
    fs::remove_file(&day).unwrap();
    fs::rename(&away, &day).unwrap();
    let state = wait_for(&table, |state| state.compactions == 1 && state.failed.is_none()).await;
    assert_eq!(state.set_aside, Vec::<PathBuf>::new());
}
