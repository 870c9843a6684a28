//! What the scan of a table reads, and what it does not: tables of one's own, without an app.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use serde_json::json;

use crate::archive::{events_batch, events_schema};
use crate::model::testing::{position, record_at};
use crate::model::{Micros, Origin, Record};
use crate::sql::SqlError;
use crate::sql::source::{Files, Source};
use crate::sql::stored::Stored;
use crate::sql::tables::ShopTable;
use crate::table::tests::{START, commit, open};
use crate::table::{Table, TableSnapshot};

const HOUR_MICROS: i64 = 3_600_000_000;

/// A message of `shop`, received at [`START`] but of the hour that its offset counts.
fn message(offset: u64, shop: &str) -> Record {
    let at = Micros(START.0 + offset as i64 * HOUR_MICROS);
    let event = json!({
        "id": format!("m{offset}"), "conversation": format!("c{offset}"), "kind": "message",
        "sender": {"id": "u1", "role": "customer"}, "text": format!("text {offset}"),
        "sent_at": at.to_string(),
    });
    record_at(position(offset, START), shop, Origin::Imported, event)
}

/// A table of `commits` files, with a row of each of `shops`, hour after hour.
async fn table_of(root: &Path, commits: u64, shops: &[&str]) -> Table {
    let table = open(root).await;
    for _ in 0..commits {
        let start = table.cursor().0;
        let rows: Vec<Record> =
            (start..).zip(shops).map(|(offset, shop)| message(offset, shop)).collect();
        commit(&table, &rows).await;
    }
    table
}

/// A table's files, and rows beyond them.
#[derive(Debug)]
struct Held {
    files: TableSnapshot,
    tail: RecordBatch,
}

#[async_trait]
impl Source for Held {
    async fn files(&self, _: Stored) -> Result<Files, SqlError> {
        let files = self.files.files.iter().cloned().collect();
        Ok(Files { root: self.files.root.to_path_buf(), files })
    }

    async fn tail(&self, _: Stored, columns: &[usize]) -> Result<Vec<RecordBatch>, SqlError> {
        let tail = self.tail.project(columns).unwrap();
        Ok(Vec::from_iter((tail.num_rows() > 0).then_some(tail)))
    }

    async fn require_whole(&self, _: Stored, _: &[Arc<str>]) -> Result<(), SqlError> {
        Ok(())
    }
}

/// A session that knows `events` of `shop`.
fn session(table: &Table, tail: &[Record], shop: &str) -> SessionContext {
    let tail: Vec<&Record> = tail.iter().filter(|record| record.shop == shop).collect();
    let held = Held { files: table.snapshot(), tail: events_batch(&tail).unwrap() };
    let table = ShopTable::new(shop, Stored::Events, Arc::new(held));
    let context = SessionContext::new();
    context.register_table("events", Arc::new(table)).unwrap();
    context
}

fn files_opened(plan: &dyn ExecutionPlan) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("files_opened"));
    let own = own.map_or(0, |opened| opened.as_usize());
    own + plan.children().iter().map(|child| files_opened(child.as_ref())).sum::<usize>()
}

/// The one number `sql` answers with, and how many files were opened for it.
async fn ask(context: &SessionContext, sql: &str) -> (i64, usize) {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let rows = collect(plan.clone(), context.task_ctx()).await.unwrap();
    let number = rows[0].column(0).as_primitive::<Int64Type>().value(0);
    (number, files_opened(plan.as_ref()))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_left_out_by_what_is_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 20, &["red", "blue"]).await;
    let context = session(&table, &[], "red");
    let hour = |number: i64| Micros(START.0 + number * HOUR_MICROS);
    let between = format!("occurred_at >= '{}' and occurred_at < '{}'", hour(4), hour(9));
    for (condition, expected) in [
        ("true", (20, 20)),
        // Of the hours 4, 6 and 8: the imported rows were all received on one day.
        (between.as_str(), (3, 3)),
        ("\"offset\" = 6", (1, 1)),
        ("\"offset\" >= 36", (2, 2)),
        ("\"offset\" in (2, 8) or \"offset\" > 37", (3, 3)),
        ("conversation = 'c10'", (1, 1)),
        // The other shop's.
        ("\"offset\" = 7 or conversation = 'c11'", (0, 2)),
        ("received_at > '2030-01-01T00:00:00Z'", (0, 0)),
    ] {
        let sql = format!("select count(text) from events where {condition}");
        assert_eq!(ask(&context, &sql).await, expected, "{condition}");
    }
    let nobody = session(&table, &[], "zoe");
    assert_eq!(ask(&nobody, "select count(text) from events").await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_bounds_need_no_file_where_all_rows_are_ours() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 5, &["red", "red"]).await;
    let tail = [message(10, "red"), message(11, "blue")];
    let context = session(&table, &tail, "red");
    assert_eq!(ask(&context, "select count(*) from events").await, (11, 0));
    let committed = session(&table, &[], "red");
    assert_eq!(ask(&committed, "select max(\"offset\") from events").await, (9, 0));
    assert_eq!(ask(&committed, "select min(\"offset\") from events").await, (0, 0));
    // Where rows of others are among them, what is known of the file is not known of ours.
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 5, &["red", "blue"]).await;
    let context = session(&table, &tail, "red");
    assert_eq!(ask(&context, "select count(*) from events").await, (6, 5));
    assert_eq!(ask(&context, "select max(seq) - min(seq) from events").await.1, 5);
    assert_eq!(
        ask(&session(&table, &[], "red"), "select max(\"offset\") from events").await,
        (8, 5)
    );
}

/// An export that took longer than the 15 minutes which removed files stayed broke off, every
/// night.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_reads_on_when_its_files_left_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 16, &["red", "blue"]).await;
    let context = session(&table, &[], "red");
    let question = context.sql("select text from events").await.unwrap();
    let mut rows = question.execute_stream().await.unwrap();
    drop(context);
    assert_eq!(table.compact().await.unwrap(), 1);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 0);
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch.unwrap().num_rows();
    }
    assert_eq!(count, 16);
    drop(rows);
    assert_eq!(table.vacuum(Duration::ZERO).await.unwrap().files, 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_beyond_the_columns_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let table = table_of(folder.path(), 1, &["red"]).await;
    let context = session(&table, &[message(1, "red")], "red");
    assert!(table.snapshot().schema.field_with_name("salt").is_ok());
    assert!(context.sql("select salt from events").await.is_err());
    let rows = context.sql("select * from events").await.unwrap().collect().await.unwrap();
    assert!(rows.iter().all(|batch| batch.schema().fields() == events_schema().fields()));
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
}
