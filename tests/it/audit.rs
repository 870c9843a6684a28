//! `verbatim audit` finds each thing that can go wrong between two stores, and says where.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verbatim::index::schema::schema;

use super::command::Ran;
use super::support::{Data, SHOP, sample, sample_events};

fn with_history() -> Data {
    let data = Data::new();
    data.succeeds([Path::new("import"), &sample("history.ndjson")]);
    data
}

/// The audit's answer; its exit code must be `code`.
fn audit(data: &Data, code: i32) -> Value {
    let ran: Ran = data.run(["audit", "--format", "json"]);
    ran.assert_code(code);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What is found in `store`: ranges, and what is said of them. That a file which a test wrote again is
/// not what was written is said each time.
fn findings(report: &Value, store: &str) -> Vec<(u64, u64, String)> {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["store"] == store).unwrap();
    let finding = |finding: &Value| {
        let number = |name: &str| finding[name].as_u64().unwrap();
        (number("from"), number("to"), finding["what"].as_str().unwrap().to_string())
    };
    let found = check["findings"].as_array().unwrap().iter().map(finding);
    found.filter(|(_, _, what)| !what.contains("SHA-256")).collect()
}

fn stores_that_differ(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().unwrap().iter();
    let differs = checks.filter(|check| !check["findings"].as_array().unwrap().is_empty());
    differs.map(|check| check["store"].as_str().unwrap()).collect()
}

/// Rewrites the one file of the table `name` and what the table's log says of its size and rows, as
/// somebody would who knows the format.
fn rewrite(data: &Data, name: &str, change: impl Fn(RecordBatch) -> RecordBatch) {
    data.is_left_damaged();
    let table = data.path().join("archive").join(name);
    let commits = files_under(&table.join("_delta_log"), "json");
    let adds = commits.iter().filter_map(|path| {
        let text = fs::read_to_string(path).unwrap();
        let add = text.lines().find(|line| line.contains("\"add\"")).map(str::to_string)?;
        Some((path.clone(), text, add))
    });
    let adds: Vec<(PathBuf, String, String)> = adds.collect();
    let (commit, text, line) = adds.last().unwrap();
    let mut action: Value = serde_json::from_str(line).unwrap();
    let file = table.join(action["add"]["path"].as_str().unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let changed = change(concat_batches(&schema, &batches).unwrap());
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&changed).unwrap();
    writer.close().unwrap();
    fs::write(&file, &bytes).unwrap();
    action["add"]["size"] = bytes.len().into();
    let mut stats: Value = serde_json::from_str(action["add"]["stats"].as_str().unwrap()).unwrap();
    stats["numRecords"] = changed.num_rows().into();
    action["add"]["stats"] = stats.to_string().into();
    fs::write(commit, text.replace(line, &action.to_string())).unwrap();
}

fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// The row of `offset`, by position in the batch.
fn row_of(batch: &RecordBatch, offset: i64) -> usize {
    let offsets = batch.column_by_name("offset").unwrap();
    let offsets = offsets.as_primitive::<arrow::datatypes::Int64Type>();
    (0..batch.num_rows()).find(|row| offsets.value(*row) == offset).unwrap()
}

fn without(batch: &RecordBatch, row: usize) -> RecordBatch {
    let (before, after) = (batch.slice(0, row), batch.slice(row + 1, batch.num_rows() - row - 1));
    concat_batches(&batch.schema(), [&before, &after]).unwrap()
}

fn with_text(batch: &RecordBatch, row: usize, text: &str) -> RecordBatch {
    let column = batch.schema().index_of("text").unwrap();
    let texts = batch.column(column).as_string::<i32>();
    let changed: StringArray = (0..texts.len())
        .map(
            |at| if at == row { Some(text) } else { (!texts.is_null(at)).then(|| texts.value(at)) },
        )
        .collect();
    let mut columns = batch.columns().to_vec();
    columns[column] = Arc::new(changed) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn stores_that_hold_the_same_agree_and_what_was_checked_is_said() {
    let data = with_history();
    let report = audit(&data, 0);
    let head = sample_events("history.ndjson").len() as u64;
    assert_eq!((&report["agrees"], report["head"].as_u64()), (&Value::from(true), Some(head)));
    for check in report["checks"].as_array().unwrap() {
        assert!(check["checked"].as_u64().unwrap() > 0, "{check}");
        assert_eq!(
            (check["from"].as_u64(), check["to"].as_u64()),
            (Some(0), Some(head)),
            "{check}"
        );
    }
    let names: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["store"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["log", "archive", "facts", "index", "lookup", "ledger", "erasures"]);
    let table = data.succeeds(["audit"]);
    assert!(table.contains("lookup") && !table.contains("differ"), "{table}");
    assert!(!data.path().join("audit").exists(), "nothing is left behind");
}

#[test]
fn a_row_that_is_missing_doubled_or_changed_is_found() {
    let data = with_history();
    rewrite(&data, "events", |rows| without(&rows, row_of(&rows, 40)));
    let report = audit(&data, 1);
    assert_eq!(findings(&report, "archive"), [(40, 41, "the row is missing".to_string())]);
    assert_eq!(stores_that_differ(&report), ["archive"]);

    let data = with_history();
    rewrite(&data, "events", |rows| {
        let row = row_of(&rows, 41);
        concat_batches(&rows.schema(), [&rows.slice(0, rows.num_rows()), &rows.slice(row, 1)])
            .unwrap()
    });
    let report = audit(&data, 1);
    assert_eq!(findings(&report, "archive"), [(41, 42, "the row is doubled".to_string())]);

    let data = with_history();
    let messages = sample_events("history.ndjson");
    let at = messages.iter().position(|event| event["text"].is_string()).unwrap();
    rewrite(&data, "events", |rows| {
        with_text(&rows, row_of(&rows, at as i64), "we promise a refund")
    });
    let report = audit(&data, 1);
    let at = at as u64;
    let expected = [(at, at + 1, "the row differs from the log".to_string())];
    assert_eq!(findings(&report, "archive"), expected);
    let ran = data.run(["audit"]);
    ran.assert_code(1);
    assert!(ran.stdout.contains(&format!("[{at}, {})  the row differs", at + 1)), "{ran}");
}

/// A figure somebody mended by hand: folded again, the records give another.
#[test]
fn a_fact_that_its_records_do_not_make_is_found() {
    let data = with_history();
    rewrite(&data, "turns", |rows| without(&rows, 3));
    let report = audit(&data, 1);
    let found = findings(&report, "facts");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].2, "a row of turns is missing or differs");
    assert_eq!(stores_that_differ(&report), ["facts"]);
}

#[test]
fn a_document_that_is_missing_is_found() {
    let data = with_history();
    remove_document(&data, 40);
    let report = audit(&data, 1);
    assert_eq!(findings(&report, "index"), [(40, 41, "the document is missing".to_string())]);
    assert_eq!(stores_that_differ(&report), ["index"]);
}

/// Deletes the document of `offset` and writes the cursor that fits the rest.
fn remove_document(data: &Data, offset: i64) {
    data.is_left_damaged();
    use tantivy::query::{BooleanQuery, Occur, Query, RangeQuery};
    let index = tantivy::Index::open_in_dir(data.path().join("index")).unwrap();
    let mut writer: tantivy::IndexWriter = index.writer_with_num_threads(1, 20_000_000).unwrap();
    let term = |value| tantivy::Term::from_field_i64(schema().offset, value);
    let is_offset = RangeQuery::new(
        std::ops::Bound::Included(term(offset)),
        std::ops::Bound::Excluded(term(offset + 1)),
    );
    let query: Box<dyn Query> = Box::new(is_offset);
    let query = BooleanQuery::new(vec![(Occur::Must, query)]);
    writer.delete_query(Box::new(query)).unwrap();
    let before: Value =
        serde_json::from_str(&index.load_metas().unwrap().payload.unwrap()).unwrap();
    let (cursor, documents) = (&before["cursor"], before["documents"].as_u64().unwrap() - 1);
    let version = &before["version"];
    let digest = Sha256::digest(format!("verbatim/index/v{version} {cursor} {documents}"));
    let check = hex::encode(&digest[..8]);
    let mut commit = writer.prepare_commit().unwrap();
    commit.set_payload(&format!(
        r#"{{"version":{version},"cursor":{cursor},"documents":{documents},"check":"{check}"}}"#
    ));
    commit.commit().unwrap();
}

#[test]
fn a_lookup_entry_that_leads_elsewhere_or_nowhere_is_found() {
    let events = sample_events("history.ndjson");
    let id = |offset: usize| {
        let part = |name: &str| events[offset][name].as_str().unwrap().to_string();
        (part("conversation"), part("id"))
    };
    let (conversation, message) = id(40);
    let data = with_history();
    change_lookup(&data, |database| {
        let ids = database.keyspace("ids", Default::default).unwrap();
        let key = format!("{SHOP}\0{conversation}\0{message}");
        ids.insert(key.as_bytes(), 41_u64.to_be_bytes()).unwrap();
    });
    let report = audit(&data, 1);
    let expected = [(40, 41, "the id leads to another record".to_string())];
    assert_eq!(findings(&report, "lookup"), expected);
    assert_eq!(stores_that_differ(&report), ["lookup"]);

    let data = with_history();
    change_lookup(&data, |database| {
        let ids = database.keyspace("ids", Default::default).unwrap();
        ids.remove(format!("{SHOP}\0{conversation}\0{message}").as_bytes()).unwrap();
        let conversations = database.keyspace("conversations", Default::default).unwrap();
        conversations.remove(format!("{SHOP}\0{conversation}").as_bytes()).unwrap();
    });
    let found = findings(&audit(&data, 1), "lookup");
    assert_eq!(found[0], (40, 41, "the id is missing".to_string()));
    assert!(found[1].2.contains(&format!("`{SHOP}/{conversation}` does not stand")), "{found:?}");
    // What is said helps.
    data.succeeds(["rebuild", "lookup"]);
    audit(&data, 0);
}

fn change_lookup(data: &Data, change: impl Fn(&fjall::Database)) {
    data.is_left_damaged();
    let database = fjall::Database::builder(data.path().join("lookup")).open().unwrap();
    change(&database);
    database.persist(fjall::PersistMode::SyncAll).unwrap();
}

/// One bit of the log, in a frame that others follow.
#[test]
fn a_flipped_bit_of_the_log_is_found_with_its_range() {
    let data = with_history();
    data.is_left_damaged();
    let segment = files_under(&data.path().join("log/active"), "wal").pop().unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 500).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 500).unwrap();
    let report = audit(&data, 1);
    let found = findings(&report, "log");
    assert_eq!(found[0].0, 0, "{found:?}");
    assert!(found[0].1 > 100, "{found:?}");
    assert!(found[0].2.contains("the log is damaged"), "{found:?}");
    assert_eq!(stores_that_differ(&report), ["log"]);
}

/// A store that does not open says nothing of the others, and what is said to do helps.
#[test]
fn a_store_that_cannot_be_opened_is_a_finding_and_the_others_are_compared() {
    type Damage = fn(&Path);
    let damages: [(&str, &str, Damage); 5] = [
        ("archive", "a file of rows is gone", |data| remove_parquet(&data.join("archive/events"))),
        ("facts", "a file of turns is gone", |data| remove_parquet(&data.join("archive/turns"))),
        ("facts", "the log of a table is gone", |data| {
            fs::remove_dir_all(data.join("archive/episodes/_delta_log")).unwrap();
        }),
        ("index", "a file of the index is gone", |data| {
            fs::remove_file(files_under(&data.join("index"), "store").pop().unwrap()).unwrap();
        }),
        ("lookup", "the lookup's version is gone", |data| {
            fs::write(data.join("lookup/version"), "none").unwrap();
        }),
    ];
    for (store, what, damage) in damages {
        let data = with_history();
        damage(&data.path());
        let report = audit(&data, 1);
        assert_eq!(stores_that_differ(&report), [store], "{what}: {report}");
        for check in report["checks"].as_array().unwrap() {
            let is_whole = check["checked"].as_u64().unwrap() > 0;
            assert_eq!(is_whole, check["store"] != store, "{what}: {check}");
        }
        let ran = data.run(["audit"]);
        ran.assert_code(1);
        let mend = format!("`verbatim rebuild {store}`");
        assert!(ran.stdout.contains(&mend), "{what}: {ran}");
        data.succeeds(["rebuild", store]);
        audit(&data, 0);
    }
}

/// Removes a file of a table, whichever day's it is.
fn remove_parquet(table: &Path) {
    let days = fs::read_dir(table).unwrap().map(|entry| entry.unwrap().path());
    let days = days.filter(|path| path.is_dir());
    let mut files = days.flat_map(|day| files_under(&day, "parquet"));
    fs::remove_file(files.next().unwrap()).unwrap();
}
