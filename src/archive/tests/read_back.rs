//! What is written is what is read, by a reader that knows nothing of the writer.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use serde_json::{Value, json};

use strum::VariantNames;

use crate::archive::{ArchiveSnapshot, EVENTS_TABLE, events_batch, events_schema};
use crate::log::Tail;
use crate::model::testing::fitted;
use crate::model::{Authority, By, Kind, Micros, Offset, Origin, Record};
use crate::table::tests::{
    START, all_rows, commit, ints, message_at, messages, offsets, open, record, rows_of_file,
    texts, time,
};
use crate::table::{Table, TableSnapshot};

fn full_event() -> Value {
    json!({
        "id": "m1", "conversation": "c1", "kind": "message",
        "sender": {"id": "u1", "role": "human", "name": "林晓\u{200b}"}, "sent_at": "2026-01-03T02:13:05.250+08:00",
        "text": "line\nbreak \u{1F600} \u{202e}", "reply_to": "m0", "order": "A-1", "channel": "app", "language": "zh",
        "visibility": "private", "automatic": true, "data": {"b": 1.10, "a": []},
        "attachments": [
            {"sha256": "ab".repeat(32), "name": "a b.png", "media_type": "image/png", "bytes": 9007199254740991_u64},
            {"sha256": "cd".repeat(32), "name": "声音.ogg", "media_type": "audio/ogg", "bytes": 0},
        ],
    })
}

/// An event of a kind that has one field of its own.
fn short_event(id: &str, kind: &str, field: &str, value: &str) -> Value {
    let mut event = bare_event();
    event["id"] = json!(id);
    event["kind"] = json!(kind);
    event[field] = json!(value);
    event
}

fn bare_event() -> Value {
    json!({"id": "m2", "conversation": "c1", "kind": "open", "sender": {"id": "u1", "role": "customer"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_comes_back_as_it_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let records = [
        record(0, START, Origin::Live, full_event()),
        record(1, Micros(START.0 + 1), Origin::Live, bare_event()),
        record(2, Micros(START.0 + 2), Origin::Live, short_event("m3", "retract", "target", "m1")),
        record(3, Micros(START.0 + 3), Origin::Live, short_event("m4", "assign", "assignee", "a7")),
        record(4, Micros(START.0 + 4), Origin::Live, short_event("m5", "tag", "category", "late")),
        record(5, Micros(START.0 + 5), Origin::Live, short_event("m6", "open", "customer", "u1")),
    ];
    let snapshot = commit(&table, &records).await;
    let rows = all_rows(&snapshot);
    assert_eq!(rows.num_rows(), 6);
    let text = |column: &str, row: usize| texts(&rows, column)[row].clone();
    let some = |said: &str| Some(said.to_string());
    for (column, full, bare) in [
        ("origin", some("live"), some("live")),
        ("leaf", Some(records[0].leaf.to_string()), Some(records[1].leaf.to_string())),
        ("shop", some("shop-1"), some("shop-1")),
        ("conversation", some("c1"), some("c1")),
        ("id", some("m1"), some("m2")),
        ("kind", some("message"), some("open")),
        ("sender_id", some("u1"), some("u1")),
        ("sender_role", some("human"), some("customer")),
        ("sender_name", some("林晓\u{200b}"), None),
        ("sent_at", some("2026-01-03T02:13:05.250+08:00"), None),
        ("text", some("line\nbreak \u{1F600} \u{202e}"), None),
        ("reply_to", some("m0"), None),
        ("order", some("A-1"), None),
        ("channel", some("app"), None),
        ("language", some("zh"), None),
        ("visibility", some("private"), some("public")),
        ("data", records[0].event.data.as_ref().map(|data| data.get().to_string()), None),
    ] {
        assert_eq!((text(column, 0), text(column, 1)), (full, bare), "{column}");
    }
    for (row, column, said) in
        [(2, "target", "m1"), (3, "assignee", "a7"), (4, "category", "late"), (5, "customer", "u1")]
    {
        assert_eq!((text(column, row), text(column, 0)), (some(said), None), "{column}");
    }
    assert_eq!(ints(&rows, "offset"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(ints(&rows, "seq"), [1, 2, 3, 4, 5, 6]);
    for column in ["received_at", "occurred_at"] {
        let times = rows.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values()[..2], [START.0, START.0 + 1], "{column}");
        assert_eq!(times.timezone(), Some("UTC"), "{column}");
    }
    let automatic = rows.column_by_name("automatic").unwrap().as_boolean();
    assert_eq!((automatic.value(0), automatic.value(1)), (true, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_come_back_as_a_list_of_structs() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let records = [
        record(0, START, Origin::Live, full_event()),
        record(1, START, Origin::Live, bare_event()),
    ];
    let rows = all_rows(&commit(&table, &records).await);
    let lists = rows.column_by_name("attachments").unwrap().as_list::<i32>();
    assert!(lists.is_null(1), "none were sent");
    let files = lists.value(0);
    let files = files.as_struct();
    let text = |column: &str, row: usize| {
        files.column_by_name(column).unwrap().as_string::<i32>().value(row)
    };
    assert_eq!((text("sha256", 0), text("name", 0)), ("ab".repeat(32).as_str(), "a b.png"));
    assert_eq!((text("name", 1), text("media_type", 1)), ("声音.ogg", "audio/ogg"));
    let bytes = files.column_by_name("bytes").unwrap().as_primitive::<Int64Type>();
    assert_eq!(bytes.values(), &[9_007_199_254_740_991, 0]);
}

#[test]
fn every_column_of_the_table_is_filled() {
    let batch = events_batch(&messages(0..3)).unwrap();
    assert_eq!(batch.schema(), events_schema());
    for (field, column) in events_schema().fields().iter().zip(batch.columns()) {
        assert_eq!(column.data_type(), field.data_type(), "{}", field.name());
    }
    assert_eq!(events_batch::<Record>(&[]).unwrap().num_rows(), 0);
}

/// 60,000 events imported from ten years made 5,864 files, by the day they had occurred on.
#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_the_utc_day_they_were_received_on() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let imported = |offset: u64, sent_at: Option<&str>| {
        let mut event = bare_event();
        event["id"] = json!(format!("old{offset}"));
        if let Some(sent_at) = sent_at {
            event["sent_at"] = json!(sent_at);
        }
        record(offset, time("2026-03-01T12:00:00Z"), Origin::Imported, event)
    };
    let records = [
        message_at(0, time("2026-01-02T23:59:59.999999Z")),
        message_at(1, time("2026-01-03T00:00:00Z")),
        // Whenever it was said.
        imported(2, Some("2026-01-03T02:13:05+08:00")),
        imported(3, Some("2019-05-05T05:05:05Z")),
        imported(4, None),
    ];
    let snapshot = commit(&table, &records).await;
    let mut days: Vec<(String, Vec<i64>)> = snapshot
        .files
        .iter()
        .map(|file| {
            assert!(file.path.starts_with(&format!("day={}/", file.day)), "{}", file.path);
            (file.day.to_string(), ints(&rows_of_file(&snapshot.path_of(file)), "offset"))
        })
        .collect();
    days.sort();
    let expected =
        [("2026-01-02", vec![0]), ("2026-01-03", vec![1]), ("2026-03-01", vec![2, 3, 4])];
    assert_eq!(days, expected.map(|(day, offsets)| (day.to_string(), offsets)));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_bound_the_values_and_survive_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let written = commit(&table, &messages(0..50)).await;
    let read = Table::open_read_only(folder.path(), EVENTS_TABLE).await.unwrap();
    for snapshot in [&written, &read] {
        assert_eq!(snapshot.files.len(), 1);
        let file = snapshot.files.iter().next().unwrap();
        assert_eq!(file.offsets(), Some(Offset(0)..Offset(50)));
        assert_eq!(file.rows, 50);
        let (first, last) = file.times("occurred_at").unwrap();
        assert_eq!((first, last), (START, Micros(START.0 + 49_000)));
        let conversations = crate::table::Bounds::Texts("c0".to_string(), "c4".to_string());
        assert_eq!(file.bounds("conversation"), Some(&conversations));
        assert_eq!(file.bounds("text"), None, "no words of a chat in the Delta log");
        let nulls = file.stats.iter().find(|stats| &*stats.column == "order").unwrap();
        assert_eq!((nulls.nulls, &nulls.bounds), (50, &None));
    }
    let stats = |snapshot: &TableSnapshot| -> Vec<_> {
        snapshot.files.iter().map(|file| file.stats.clone()).collect()
    };
    assert_eq!(stats(&written), stats(&read));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_any_name_can_hold_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("the archive #1 %20 档案");
    let table = open(&root).await;
    commit(&table, &messages(0..3)).await;
    assert_eq!(offsets(&open(&root).await.snapshot()), [0, 1, 2]);
}

/// What the log no longer holds is made from rows again: nothing of a record may be lost on the
/// way, whatever its kind.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_back_from_its_row_whole() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    let event = |index: usize, kind: &str| {
        let mut event = full_event();
        event["id"] = json!(format!("m{index}"));
        event["kind"] = json!(kind);
        if ["hold", "release", "erase"].contains(&kind) {
            event["data"] = json!({});
        }
        for (field, value) in [
            ("target", json!("m0")),
            ("assignee", json!("agent-7")),
            ("category", json!("late")),
            ("rating", json!(4)),
            ("customer", json!("u1")),
        ] {
            event[field] = value;
        }
        fitted(event)
    };
    let mut records: Vec<Record> = Kind::VARIANTS
        .iter()
        .enumerate()
        .map(|(index, kind)| {
            let origin = if index % 2 == 0 { Origin::Live } else { Origin::Imported };
            let at = Micros(START.0 + index as i64 * 40_000_000);
            record(index as u64, at, origin, event(index, kind))
        })
        .collect();
    records.push(record(records.len() as u64, START, Origin::Live, bare_event()));
    records[3].by = Some(By { role: Authority::Importer, sub: "desk 林".to_string() });
    records[4].salt = None;
    let table = commit(&table, &records).await;
    let snapshot = ArchiveSnapshot { table, tail: Tail::starting_at(Offset(records.len() as u64)) };
    let whole = |record: &Record| {
        let salt = record.salt.map(|salt| salt.0);
        (record.offset, record.leaf, salt, String::from_utf8(record.to_text()).unwrap())
    };
    let all: Vec<_> = records.iter().map(whole).collect();
    let range = |from: u64, to: u64| {
        let read = snapshot.records_of_range(Offset(from)..Offset(to)).unwrap();
        read.iter().map(whole).collect::<Vec<_>>()
    };
    assert_eq!(range(0, 1_000), all);
    assert_eq!(range(2, 5), all[2..5]);
    assert_eq!(range(50, 60), []);
    let at = |offsets: &[u64]| {
        let offsets: Vec<Offset> = offsets.iter().copied().map(Offset).collect();
        snapshot.records_at(&offsets).unwrap().iter().map(whole).collect::<Vec<_>>()
    };
    assert_eq!(at(&[7, 2, 90]), [all[2].clone(), all[7].clone()]);
    assert_eq!(at(&[]), []);
}
