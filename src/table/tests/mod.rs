//! Tests of a table through its public functions, and what they share with the archive's: records
//! to write, and a reader of all rows.

mod commits;
mod compaction;
mod damage;
mod failures;
mod leases;
mod maintenance;
mod rewrite;
mod vacuum;
mod syncs;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::{Table, TableError, TableSnapshot};
use crate::archive::{EVENTS_OPTIONS, EVENTS_TABLE, events_by_day, stored_events_schema};
use crate::durable::{Disk, Seam};
use crate::model::testing::{position, record_at};
use crate::model::{Micros, Offset, Origin, Record, parse_time};

/// 2026-01-02T23:59:00Z
pub(crate) const START: Micros = Micros(1_767_398_340_000_000);

pub(crate) fn time(said: &str) -> Micros {
    parse_time(said).unwrap()
}

/// A record of `event` at `offset`, received at `received_at`.
pub(crate) fn record(offset: u64, received_at: Micros, origin: Origin, event: Value) -> Record {
    record_at(position(offset, received_at), "shop-1", origin, event)
}

/// A plain message; conversations take turns so that rows must be sorted.
pub(crate) fn message(offset: u64) -> Record {
    message_at(offset, Micros(START.0 + offset as i64 * 1_000))
}

pub(crate) fn message_at(offset: u64, received_at: Micros) -> Record {
    let event = json!({
        "id": format!("m{offset}"), "conversation": format!("c{}", offset * 7 % 5), "kind": "message",
        "sender": {"id": "u1", "role": "customer"}, "text": format!("第{offset}条 where is my refund?"),
    });
    record(offset, received_at, Origin::Live, event)
}

pub(crate) fn messages(offsets: std::ops::Range<u64>) -> Vec<Record> {
    offsets.map(message).collect()
}

pub(crate) async fn open(root: &Path) -> Table {
    try_open(root).await.unwrap()
}

pub(crate) async fn try_open(root: &Path) -> Result<Table, TableError> {
    Table::open_or_create(root, EVENTS_TABLE, stored_events_schema(), EVENTS_OPTIONS).await
}

/// The same table, with `seam` before its disk.
pub(crate) async fn open_through(root: &Path, seam: Arc<dyn Seam>) -> Result<Table, TableError> {
    let root = root.join(EVENTS_TABLE);
    let disk = Disk::open_through(&root, seam).map_err(TableError::io("make", &root))?;
    Table::open_on(disk, EVENTS_TABLE, stored_events_schema(), EVENTS_OPTIONS).await
}

/// Commits `records`, which begin at the table's cursor.
pub(crate) async fn commit(table: &Table, records: &[Record]) -> TableSnapshot {
    let expected = table.cursor();
    let rows = events_by_day(records.iter()).unwrap();
    table.commit(rows, expected, expected + records.len() as u64).await.unwrap()
}

/// `commits` commits of `rows` rows each, all on one day.
pub(crate) async fn table_of(root: &Path, commits: u64, rows: u64) -> Table {
    let table = open(root).await;
    for _ in 0..commits {
        let start = table.cursor().0;
        let records: Vec<Record> = (start..start + rows)
            .map(|offset| message_at(offset, Micros(START.0 - offset as i64)))
            .collect();
        commit(&table, &records).await;
    }
    table
}

/// Where a live file lies.
pub(crate) fn path_of(table: &Table, file: usize) -> PathBuf {
    let snapshot = table.snapshot();
    snapshot.path_of(snapshot.files.iter().nth(file).unwrap())
}

/// The Parquet files in the folder of [`START`]'s day, live or not.
pub(crate) fn parquet_files(root: &Path) -> usize {
    let day = root.join(EVENTS_TABLE).join(format!("day={}", START.day()));
    let names = std::fs::read_dir(day).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".parquet")).count()
}

/// The rows of one file, in their order.
pub(crate) fn rows_of_file(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Every row of a snapshot, file after file.
pub(crate) fn all_rows(snapshot: &TableSnapshot) -> RecordBatch {
    let batches: Vec<RecordBatch> =
        snapshot.files.iter().map(|file| rows_of_file(&snapshot.path_of(file))).collect();
    let schema = batches.first().map_or(snapshot.schema.clone(), |batch| batch.schema());
    concat_batches(&schema, &batches).unwrap()
}

/// The offsets of a snapshot, sorted.
pub(crate) fn offsets(snapshot: &TableSnapshot) -> Vec<i64> {
    let rows = all_rows(snapshot);
    let mut offsets = ints(&rows, "offset");
    offsets.sort_unstable();
    offsets
}

pub(crate) fn ints(rows: &RecordBatch, column: &str) -> Vec<i64> {
    rows.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

pub(crate) fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = rows.column_by_name(column).unwrap().as_string::<i32>();
    column.iter().map(|text| text.map(str::to_string)).collect()
}
