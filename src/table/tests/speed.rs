//! Prints how fast rows are encoded and how large they become. Run with `--nocapture` to read it.

use std::time::Instant;

use super::*;
use crate::archive::events_by_day;
use crate::model::testing::Dice;
use crate::table::parquet_file::{Effort, encode};

const RECORDS: u64 = 100_000;

const WORDS: [&str; 24] = [
    "退款",
    "什么时候",
    "到账",
    "您好",
    "订单",
    "已经",
    "发货",
    "了吗",
    "麻烦",
    "帮我",
    "查一下",
    "谢谢",
    "屏幕",
    "碎了",
    "换货",
    "地址",
    "please",
    "refund",
    "order",
    "tracking",
    "the",
    "number",
    "is",
    "broken",
];

/// Chat of the usual kind: some ten messages of some sixty bytes a conversation, a thousand
/// conversations at a time.
fn chat() -> Vec<Record> {
    let mut dice = Dice::new(7);
    (0..RECORDS)
        .map(|offset| {
            let conversation = offset / 10_000 * 1_000 + dice.roll(1_000) as u64;
            let text: Vec<&str> = (0..4 + dice.roll(12)).map(|_| *dice.pick(&WORDS)).collect();
            let (id, role) = if dice.roll(2) == 0 {
                (format!("customer-{conversation}"), "customer")
            } else {
                (format!("agent-{}", conversation % 40), "human")
            };
            let event = json!({
                "id": format!("{conversation}-{offset}"), "conversation": format!("conv-{conversation:08}"),
                "kind": "message", "sender": {"id": id, "role": role}, "text": text.join(" "),
                "order": format!("2026{:010}", conversation * 7_919), "channel": "app", "language": "zh",
            });
            let received_at = Micros(START.0 - 86_000_000_000 + offset as i64 * 731);
            record(offset, received_at, Origin::Live, event)
        })
        .collect()
}

#[test]
fn encode_speed() {
    let records = chat();
    let json_bytes: usize = records.iter().map(|record| record.to_text().len()).sum();
    println!("{RECORDS} records, {} bytes of JSON each", json_bytes / records.len());
    let start = Instant::now();
    let rows = events_by_day(records.iter()).unwrap();
    let batching = start.elapsed();
    let [(_, batch)] = &rows[..] else { panic!("one day") };
    println!("to rows: {:.0} records/s", RECORDS as f64 / batching.as_secs_f64());
    print_columns(batch);
    for effort in [Effort::Ingest, Effort::Compacted] {
        let start = Instant::now();
        let bytes = encode(batch, &EVENTS_OPTIONS, effort).unwrap().len();
        let encoding = start.elapsed();
        println!(
            "{effort:?}: {:.0} records/s encoded, {:.0} with making the rows, {:.1} bytes a record, 1/{:.1} of the JSON",
            RECORDS as f64 / encoding.as_secs_f64(),
            RECORDS as f64 / (encoding + batching).as_secs_f64(),
            bytes as f64 / RECORDS as f64,
            json_bytes as f64 / bytes as f64,
        );
        assert!(bytes * 3 < json_bytes, "{effort:?} keeps the archive well below the JSON");
    }
}

/// Prints what one small commit costs, with and without syncs, by the number of files and commits
/// there are.
#[tokio::test(flavor = "multi_thread")]
async fn commit_latency() {
    use std::sync::Arc;

    use crate::durable::Disk;
    use crate::durable::testing::SkipSyncs;

    for is_synced in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(EVENTS_TABLE);
        let disk = if is_synced {
            Disk::open(&root)
        } else {
            Disk::open_through(&root, Arc::new(SkipSyncs::default()))
        };
        let schema = stored_events_schema();
        let mut table =
            Table::open_on(disk.unwrap(), EVENTS_TABLE, schema, EVENTS_OPTIONS).await.unwrap();
        for hundred in 0..3 {
            let start = Instant::now();
            for _ in 0..100 {
                let offset = table.cursor().0;
                commit(&mut table, &[message(offset)]).await;
            }
            let each_ms = start.elapsed().as_secs_f64() * 10.0;
            println!("commits from {}, synced: {is_synced}: {each_ms:.1} ms each", hundred * 100);
        }
        let start = Instant::now();
        let opened = open(folder.path()).await;
        let opening_ms = start.elapsed().as_secs_f64() * 1_000.0;
        println!("opening with {} files: {opening_ms:.1} ms", opened.files().len());
        assert_eq!(opened.cursor(), Offset(300));
    }
}

/// Prints how fast small files are merged, reading and encoding included.
#[tokio::test(flavor = "multi_thread")]
async fn merge_speed() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path()).await;
    let records = chat();
    for chunk in records.chunks(RECORDS as usize / 16) {
        commit(&mut table, chunk).await;
    }
    let bytes = table.snapshot().bytes();
    let start = Instant::now();
    assert!(table.compact().await.unwrap());
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "merge of 16 files: {:.0} records/s, {:.1} MB/s of input",
        RECORDS as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
    assert_eq!((table.files().len(), table.snapshot().rows()), (1, RECORDS));
}

fn print_columns(batch: &RecordBatch) {
    use parquet::file::metadata::ParquetMetaDataReader;

    for effort in [Effort::Ingest, Effort::Compacted] {
        let bytes = bytes::Bytes::from(encode(batch, &EVENTS_OPTIONS, effort).unwrap());
        let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
        let column = |column: &parquet::file::metadata::ColumnChunkMetaData| {
            format!(
                "{} {:.1}",
                column.column_path(),
                column.compressed_size() as f64 / RECORDS as f64
            )
        };
        let columns: Vec<String> = footer.row_group(0).columns().iter().map(column).collect();
        println!("{effort:?}, bytes a record: {}", columns.join(", "));
    }
}
