//! Compaction keeps every row, sorts, and leaves the cursor; rows are rewritten seldom.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::table::DataFile;
use crate::table::compaction::{Compaction, due};
use crate::table::merge::Pace;
use crate::table::row_bytes::row_bytes_max;

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
    let table = table_of(folder.path(), 16, 900).await;
    let before = table.snapshot();
    assert_eq!(before.files.len(), 16);
    before.files.iter().for_each(|file| assert_sorted(&before, file));
    assert_eq!(table.compact().await.unwrap(), 1);
    let after = table.snapshot();
    assert_eq!((after.files.len(), after.cursor, after.rows()), (1, before.cursor, 16 * 900));
    let merged = after.files.iter().next().unwrap();
    assert_sorted(&after, merged);
    assert_eq!(multiset(&after), multiset(&before), "the old snapshot is still readable");
    assert_eq!(merged.offsets(), Some(Offset(0)..Offset(16 * 900)));
    assert_eq!(table.compact().await.unwrap(), 0, "nothing more is due");
    drop(table);
    let table = open(folder.path()).await;
    assert_eq!((table.cursor(), table.snapshot().version), (before.cursor, after.version));
    assert_eq!(multiset(&table.snapshot()), multiset(&before));
    commit(&table, &messages(16 * 900..16 * 900 + 5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_is_no_change_of_data_in_the_delta_log() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 3).await;
    assert_eq!(table.compact().await.unwrap(), 1);
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
    assert_eq!(counts, [1, 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_files_carry_bloom_filters_and_a_page_index() {
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 8, 100).await;
    end_the_day(&table).await;
    table.compact().await.unwrap();
    let file = fs::File::open(path_of(&table, 0)).unwrap();
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

/// Commits a row of the next day.
async fn end_the_day(table: &Table) {
    let next_day = Micros(START.0 + 3_600_000_000);
    commit(table, &[message_at(table.cursor().0, next_day)]).await;
}

fn file(number: u64, bytes: u64) -> DataFile {
    DataFile {
        path: format!("day=2026-01-02/{number:020}.parquet").into(),
        day: START.day(),
        rows: 1,
        bytes,
        stats: [].into(),
        since: 0,
    }
}

/// Compacts `files` until nothing is due; the bytes that were written.
fn compact_all(files: &mut Vec<DataFile>, is_closed: bool) -> u64 {
    let mut written_bytes = 0;
    while let Some(due) = due(files, is_closed) {
        let bytes: u64 = due.inputs.iter().map(|file| file.bytes).sum();
        assert!(bytes <= 128 << 20 && (2..=16).contains(&due.inputs.len()));
        files.retain(|file| due.inputs.iter().all(|input| input.path != file.path));
        files.push(file(10_000_000 + files.len() as u64 + written_bytes, bytes));
        written_bytes += bytes;
    }
    written_bytes
}

/// A day of one commit after another of so many bytes, each compacted when it is due, and its end:
/// how often a byte is rewritten, the most files at once, the files at the end.
fn day_of(commits: u64, commit_bytes: u64) -> (f64, usize, usize) {
    let (mut files, mut written_bytes, mut most_files) = (Vec::new(), 0, 0);
    for number in 0..commits {
        files.push(file(number, commit_bytes));
        written_bytes += compact_all(&mut files, false);
        let small = files.iter().filter(|file| file.bytes < 64 << 20).count();
        most_files = most_files.max(small);
    }
    written_bytes += compact_all(&mut files, true);
    (written_bytes as f64 / (commits * commit_bytes) as f64, most_files, files.len())
}

#[test]
fn a_row_is_rewritten_once_a_tier_and_a_day_ends_as_few_files() {
    for (commits, commit_bytes, rewrites_max) in [
        (43_200, 10 << 10, 5.0),
        (43_200, 200 << 10, 4.0),
        (2_000, 6 << 20, 1.1),
        (500, 30 << 20, 1.1),
        (100, 70 << 20, 0.0),
        (3, 1 << 10, 1.0),
    ] {
        let (rewrites, most_small_files, files) = day_of(commits, commit_bytes);
        let day = format!("{commits} commits of {commit_bytes} bytes");
        assert!(rewrites <= rewrites_max, "{day}: each byte is rewritten {rewrites} times");
        assert!(most_small_files <= 4 * 15, "{day}: {most_small_files} small files at once");
        let files_max = (commits * commit_bytes).div_ceil(64 << 20) + 1;
        assert!(files as u64 <= files_max, "{day}: {files} files in the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_becomes_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 5, 20).await;
    assert_eq!(table.compact().await.unwrap(), 0, "five files are left alone while it lasts");
    end_the_day(&table).await;
    assert_eq!(table.compact().await.unwrap(), 1);
    let rows: Vec<u64> = table.snapshot().files.iter().map(|file| file.rows).collect();
    assert_eq!(rows, [100, 1]);
}

/// 65,536 records of 32 KiB were one batch of 2 GiB, which is more than a column of strings can
/// hold, and a merge of such files held 16 × 1,024 of them.
#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_merged_a_few_at_a_time() {
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let long = |offset: u64| {
        let mut record = message(offset);
        record.event.text = Some(format!("{offset} ").repeat(4_000));
        record
    };
    for start in (0..320).step_by(20) {
        commit(&table, &(start..start + 20).map(long).collect::<Vec<Record>>()).await;
    }
    let before = multiset(&table.snapshot());
    let file = fs::File::open(path_of(&table, 0)).unwrap();
    let footer = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&file)
        .unwrap();
    let row_bytes = row_bytes_max(&footer);
    assert!((8_000..40_000).contains(&row_bytes), "{row_bytes}");
    assert_eq!(table.compact().await.unwrap(), 1);
    assert_eq!(multiset(&table.snapshot()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_input_of_a_compaction_is_named_and_nothing_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 400).await;
    let path = path_of(&table, 3);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..400].fill(0);
    fs::write(&path, bytes).unwrap();
    let version = table.snapshot().version;
    let error = table.compact().await.unwrap_err();
    assert_eq!(crate::model::Kinded::kind(&error), crate::model::ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    let after = table.snapshot();
    assert_eq!((after.version, after.files.len()), (version, 16));
}

/// The step that is due on the one day there is.
fn due_step(table: &Table) -> Compaction {
    table.compaction(table.compaction_due(START.day(), &BTreeSet::new()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_of_files_that_were_compacted_meanwhile_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 5).await;
    let late = due_step(&table);
    let run = move || late.run(Pace::Full, CancellationToken::new());
    let late = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    commit(&table, &messages(80..85)).await;
    assert_eq!(table.compact().await.unwrap(), 1);
    let version = table.snapshot().version;
    table.commit_compaction(late).await.unwrap();
    assert_eq!(table.snapshot().version, version);
    assert_eq!(offsets(&table.snapshot()), (0..85).collect::<Vec<i64>>());
    // What the late one wrote goes with what was replaced.
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 17);
    assert_eq!(parquet_files(folder.path()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_compaction_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, 5).await;
    let compaction = due_step(&table);
    let stop = CancellationToken::new();
    stop.cancel();
    let run = move || compaction.run(Pace::Half, stop);
    let error = tokio::task::spawn_blocking(run).await.unwrap().unwrap_err();
    assert!(matches!(error, crate::table::TableError::Stopped), "{error}");
    assert_eq!(parquet_files(folder.path()), 16);
}
