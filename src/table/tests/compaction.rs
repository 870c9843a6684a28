//! Compaction keeps every row, sorts, and leaves the cursor; removed files go when they may, not
//! before.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::table::compaction::due;
use crate::table::{DataFile, Maintenance, REMOVED_FILE_GRACE};

/// Rows as comparable texts, sorted: equal exactly when two snapshots hold the same rows.
fn multiset(snapshot: &TableSnapshot) -> Vec<String> {
    let rows = all_rows(snapshot);
    let mut json = arrow::json::LineDelimitedWriter::new(Vec::new());
    json.write(&rows).unwrap();
    json.finish().unwrap();
    let mut lines: Vec<String> =
        String::from_utf8(json.into_inner()).unwrap().lines().map(str::to_string).collect();
    lines.sort();
    lines
}

/// `commits` commits of `rows` rows each, all on one day.
async fn table_of(root: &Path, commits: u64, rows: u64) -> Table {
    let mut table = open(root).await;
    for _ in 0..commits {
        let start = table.cursor().0;
        let records: Vec<Record> = (start..start + rows)
            .map(|offset| message_at(offset, Micros(START.0 - offset as i64)))
            .collect();
        commit(&mut table, &records).await;
    }
    table
}

fn assert_sorted(snapshot: &TableSnapshot, file: &DataFile) {
    let rows = rows_of_file(&snapshot.path_of(file));
    let keys: Vec<_> =
        texts(&rows, "conversation").into_iter().zip(ints(&rows, "offset")).collect();
    assert!(keys.is_sorted(), "{}", file.path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_keeps_rows_and_cursor_and_sorts() {
    let folder = tempfile::tempdir().unwrap();
    // 16 × 900 rows: more than a batch of input and of output, with ends that fit neither.
    let mut table = table_of(folder.path(), 16, 900).await;
    let before = table.snapshot();
    assert_eq!(before.files.len(), 16);
    before.files.iter().for_each(|file| assert_sorted(&before, file));
    assert!(table.compact().await.unwrap());
    let after = table.snapshot();
    assert_eq!((after.files.len(), after.cursor, after.rows()), (1, before.cursor, 16 * 900));
    assert_sorted(&after, &after.files[0]);
    assert_eq!(multiset(&after), multiset(&before), "the old snapshot is still readable");
    assert_eq!(after.files[0].offsets(), Some(Offset(0)..Offset(16 * 900)));
    assert!(!table.compact().await.unwrap(), "nothing more is due");
    drop(table);
    let mut table = open(folder.path()).await;
    assert_eq!((table.cursor(), table.snapshot().version), (before.cursor, after.version));
    assert_eq!(multiset(&table.snapshot()), multiset(&before));
    commit(&mut table, &messages(16 * 900..16 * 900 + 5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_is_no_change_of_data_in_the_delta_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = table_of(folder.path(), 8, 3).await;
    assert!(table.compact().await.unwrap());
    let entry = folder
        .path()
        .join(format!("{EVENTS_TABLE}/_delta_log/{:020}.json", table.snapshot().version));
    let mut counts = [0; 2];
    for line in fs::read_to_string(entry).unwrap().lines() {
        let action: Value = serde_json::from_str(line).unwrap();
        for (count, key) in counts.iter_mut().zip(["add", "remove"]) {
            if let Some(file) = action.get(key) {
                *count += 1;
                assert_eq!(file["dataChange"], json!(false), "{file}");
            }
        }
    }
    assert_eq!(counts, [1, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_files_carry_bloom_filters_and_a_page_index() {
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

    let folder = tempfile::tempdir().unwrap();
    let mut table = table_of(folder.path(), 8, 100).await;
    table.compact().await.unwrap();
    let snapshot = table.snapshot();
    let file = fs::File::open(snapshot.path_of(&snapshot.files[0])).unwrap();
    let properties =
        parquet::file::properties::ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options =
        ReadOptionsBuilder::new().with_reader_properties(properties).with_page_index().build();
    let reader = SerializedFileReader::new_with_options(file, options).unwrap();
    let footer = reader.metadata();
    assert_eq!(footer.file_metadata().created_by(), Some("verbatim"));
    let leaf = |name: &str| {
        let leaves = footer.file_metadata().schema_descr();
        (0..leaves.num_columns()).find(|leaf| leaves.column(*leaf).path().string() == name).unwrap()
    };
    let group = reader.get_row_group(0).unwrap();
    let bloom = group.get_column_bloom_filter(leaf("conversation")).unwrap();
    assert!(bloom.check(&"c1"));
    assert!(
        (0..100).filter(|absent| bloom.check(&format!("absent-{absent}").as_str())).count() < 10
    );
    assert!(group.get_column_bloom_filter(leaf("order")).is_some());
    assert!(group.get_column_bloom_filter(leaf("text")).is_none());
    assert!(footer.offset_index().is_some() && footer.column_index().is_some());
    assert_eq!(group.metadata().sorting_columns().map(|columns| columns.len()), Some(3));
}

#[test]
fn tiers_keep_rewrites_logarithmic() {
    // One commit of 10 KiB after another on one day, compacted whenever it is due.
    let file = |number: u64, bytes: u64| DataFile {
        path: format!("day=2026-01-02/{number:020}.parquet").into(),
        day: START.day(),
        rows: 1,
        bytes,
        stats: [].into(),
    };
    let (mut files, mut written_bytes, mut most_files) = (Vec::new(), 0, 0);
    let commits = 50_000;
    for number in 0..commits {
        files.push(file(number, 10 << 10));
        if let Some(due) = due(&files) {
            let bytes: u64 = due.inputs.iter().map(|file| file.bytes).sum();
            assert!(bytes <= 128 << 20 && due.inputs.len() <= 16);
            files.retain(|file| due.inputs.iter().all(|input| input.path != file.path));
            files.push(file(number, bytes));
            written_bytes += bytes;
        }
        most_files = most_files.max(files.len());
    }
    let rewrites = written_bytes as f64 / (commits * (10 << 10)) as f64;
    assert!(rewrites < 4.5, "each row is rewritten {rewrites} times");
    assert!(
        most_files < 4 * 8 + (commits * (10 << 10) / (32 << 20)) as usize + 4,
        "{most_files} files at once"
    );
}

#[test]
fn days_are_not_mixed_and_large_files_are_left_alone() {
    let file = |number: u64, day: &str, bytes: u64| DataFile {
        path: format!("day={day}/{number:020}.parquet").into(),
        day: day.parse().unwrap(),
        rows: 1,
        bytes,
        stats: [].into(),
    };
    let mut files: Vec<DataFile> =
        (0..7).map(|number| file(number, "2026-01-02", 1 << 10)).collect();
    files.extend((0..7).map(|number| file(number, "2026-01-03", 1 << 10)));
    files.extend((0..20).map(|number| file(100 + number, "2026-01-02", 32 << 20)));
    files.extend((0..7).map(|number| file(200 + number, "2026-01-02", 1 << 20)));
    assert!(due(&files).is_none());
    files.push(file(50, "2026-01-03", 1 << 10));
    let due = due(&files).unwrap();
    assert_eq!((due.day.to_string().as_str(), due.inputs.len()), ("2026-01-03", 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_compacts_beside_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path()).await;
    let mut maintenance = Maintenance::default();
    for _ in 0..40 {
        let start = table.cursor().0;
        commit(&mut table, &messages(start..start + 20)).await;
        maintenance.after_commit(&mut table).await.unwrap();
    }
    maintenance.finish_compaction(&mut table).await.unwrap();
    assert!(table.files().len() < 30, "{} files", table.files().len());
    assert_eq!(offsets(&table.snapshot()), (0..800).collect::<Vec<i64>>());
    assert_eq!(offsets(&open(folder.path()).await.snapshot()), (0..800).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_input_of_a_compaction_is_named_and_nothing_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = table_of(folder.path(), 8, 400).await;
    let path = table.snapshot().path_of(&table.files()[3]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..400].fill(0);
    fs::write(&path, bytes).unwrap();
    let version = table.snapshot().version;
    let error = table.compact().await.unwrap_err();
    assert_eq!(crate::model::Kinded::kind(&error), crate::model::ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    assert_eq!((table.snapshot().version, table.files().len()), (version, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_of_files_that_were_compacted_meanwhile_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = table_of(folder.path(), 8, 5).await;
    let late = table.compaction_due().unwrap();
    let run = move || late.run(CancellationToken::new());
    let late = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    commit(&mut table, &messages(40..45)).await;
    assert!(table.compact().await.unwrap());
    let version = table.snapshot().version;
    table.commit_compaction(late).await.unwrap();
    assert_eq!(table.snapshot().version, version);
    assert_eq!(offsets(&table.snapshot()), (0..45).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_compaction_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 8, 5).await;
    let compaction = table.compaction_due().unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let run = move || compaction.run(stop);
    let error = tokio::task::spawn_blocking(run).await.unwrap().unwrap_err();
    assert!(matches!(error, crate::table::TableError::Stopped), "{error}");
    assert_eq!(parquet_files(folder.path()), 8);
}

fn parquet_files(root: &Path) -> usize {
    let day = root.join(EVENTS_TABLE).join(format!("day={}", START.day()));
    fs::read_dir(day).unwrap().count()
}

fn set_age(path: &Path, age: Duration) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_files_stay_for_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = table_of(folder.path(), 8, 3).await;
    let old_snapshot = table.snapshot();
    table.compact().await.unwrap();
    assert_eq!(parquet_files(folder.path()), 9);
    // Not even files whose content is old may go before their removal is.
    for file in old_snapshot.files.iter() {
        set_age(&old_snapshot.path_of(file), Duration::from_secs(90 * 86_400));
    }
    let now = Micros::now();
    let grace = REMOVED_FILE_GRACE.as_micros() as i64;
    let second = 1_000_000;
    assert_eq!(table.vacuum(Micros(now.0 + grace - 60 * second)).await.unwrap().files, 0);
    assert_eq!(offsets(&old_snapshot).len(), 24, "an old snapshot reads on");
    let vacuumed = table.vacuum(Micros(now.0 + grace + second)).await.unwrap();
    assert_eq!((vacuumed.files, vacuumed.bytes), (8, old_snapshot.bytes()));
    assert_eq!(parquet_files(folder.path()), 1);
    assert_eq!(table.vacuum(Micros(now.0 + 2 * grace)).await.unwrap().files, 0, "nothing twice");
    assert_eq!(offsets(&open(folder.path()).await.snapshot()).len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_go_after_a_day_and_live_files_never() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 2, 3).await;
    let live = table.snapshot().path_of(&table.files()[0]);
    set_age(&live, Duration::from_secs(90 * 86_400));
    let day = live.parent().unwrap();
    for (name, age) in [
        ("orphan.parquet", 25),
        ("fresh.parquet", 1),
        ("half.parquet#1", 25),
        ("half.parquet#2", 1),
        ("notes.txt", 90),
    ] {
        fs::write(day.join(name), "x").unwrap();
        set_age(&day.join(name), Duration::from_secs(age * 3_600));
    }
    assert_eq!(table.vacuum(Micros::now()).await.unwrap().files, 2);
    let mut left: Vec<String> = fs::read_dir(day)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| !name.starts_with('0'));
    left.sort();
    assert_eq!(left, ["fresh.parquet", "half.parquet#2", "notes.txt"]);
    assert_eq!(offsets(&open(folder.path()).await.snapshot()).len(), 6);
}
