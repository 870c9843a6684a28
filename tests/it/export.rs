//! Exports: whole tables as files that other tools open, the same whoever is asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verbatim::access::TokenRole::Admin;

use super::command::command;
use super::support::{Data, Server, csv, lines, message, sample, sample_events, tables};

pub fn with_history() -> Data {
    let data = Data::committing_often();
    data.succeeds([Path::new("import"), &sample("history.ndjson")]);
    data
}

pub fn export(data: &Data, table: &str, format: &str, more: &[&str]) -> Vec<u8> {
    let path = data.beside(&format!("{table}.{format}"));
    let out = path.to_str().unwrap();
    data.succeeds([&["export", table, "--format", format, "--out", out], more].concat());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

/// The rows of a Parquet file, read with nothing of verbatim's, as JSON lines.
pub fn parquet_lines(bytes: Vec<u8>) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
        .unwrap()
        .build()
        .unwrap();
    let mut writer = LineDelimitedWriter::new(Vec::new());
    for batch in reader {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.finish().unwrap();
    json_lines(&writer.into_inner())
}

pub fn json_lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Rows in any order.
pub fn sorted(rows: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort_unstable();
    rows
}

/// "Give me everything, nightly, in a format my tools open". Each table in each format holds what
/// SQL counts; Parquet and JSON hold the same rows; texts are those that were sent.
#[test]
fn each_table_in_each_format_holds_the_same_rows() {
    let data = with_history();
    let sent = sample_events("history.ndjson");
    for table in tables() {
        let count = data.number(&format!("select count(*) from {table}")) as usize;
        assert!(count > 5, "{table} holds {count} rows");
        let from_json = json_lines(&export(&data, table, "jsonl", &[]));
        let from_parquet = parquet_lines(export(&data, table, "parquet", &[]));
        assert_eq!(from_json.len(), count, "{table}");
        assert_eq!(sorted(&from_parquet), sorted(&from_json), "{table}");
        let text = String::from_utf8(export(&data, table, "csv", &[])).unwrap();
        let rows = csv(&text);
        assert_eq!(rows.len(), count + 1, "{table}");
        assert!(
            rows.iter().all(|row| row.len() == rows[0].len()),
            "{table}: every row has every column"
        );
        if table != "events" {
            continue;
        }
        // The words themselves, line breaks, quotes, formulas and invisible characters included, in
        // all three.
        let distinct = |rows: Vec<Option<String>>| -> BTreeSet<String> {
            rows.into_iter().flatten().collect()
        };
        let texts =
            distinct(sent.iter().map(|event| event["text"].as_str().map(str::to_string)).collect());
        let of_json = |rows: &[Value]| {
            distinct(rows.iter().map(|row| row["text"].as_str().map(str::to_string)).collect())
        };
        assert_eq!(of_json(&from_json), texts);
        assert_eq!(of_json(&from_parquet), texts);
        let column = rows[0].iter().position(|name| name == "text").unwrap();
        let of_csv: BTreeSet<String> = rows[1..]
            .iter()
            .map(|row| row[column].clone())
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(of_csv, texts);
        // Every attachment of a message with several, as JSON in the one column CSV has for them.
        let column = rows[0].iter().position(|name| name == "attachments").unwrap();
        let files =
            rows[1..].iter().filter_map(|row| serde_json::from_str::<Value>(&row[column]).ok());
        let files: usize = files.map(|list| list.as_array().unwrap().len()).sum();
        let sent_files: usize =
            sent.iter().filter_map(|event| Some(event["attachments"].as_array()?.len())).sum();
        assert_eq!(files, sent_files);
    }
}

/// A nightly export by days. What lies on the border belongs to exactly one of two neighbours, and
/// the days together are the whole.
#[test]
fn ranges_are_half_open_and_days_are_of_the_zone() {
    let data = with_history();
    let sent = sample_events("history.ndjson");
    let border = sent[sent.len() / 2]["sent_at"].as_str().unwrap();
    let whole = json_lines(&export(&data, "events", "jsonl", &[]));
    let before = json_lines(&export(&data, "events", "jsonl", &["--to", border]));
    let after = json_lines(&export(&data, "events", "jsonl", &["--from", border]));
    assert_eq!(sorted(&[before.clone(), after.clone()].concat()), sorted(&whole));
    assert!(!before.iter().any(|row| row["sent_at"] == border));
    assert!(after.iter().any(|row| row["sent_at"] == border));

    // 2026-01-05 in Shanghai is from 16:00Z of the day before.
    let day = ["--from", "2026-01-05", "--to", "2026-01-06", "--zone", "Asia/Shanghai"];
    let rows = json_lines(&export(&data, "events", "jsonl", &day));
    let in_day = |event: &&Value| {
        ("2026-01-04T16:00:00".."2026-01-05T16:00:00").contains(&event["sent_at"].as_str().unwrap())
    };
    assert_eq!(rows.len(), sent.iter().filter(in_day).count());
    assert!(!rows.is_empty());
    // An empty range is an empty table, not an error and not an empty file.
    let nothing = ["--from", "2031-01-01", "--to", "2031-01-02"];
    assert_eq!(parquet_lines(export(&data, "events", "parquet", &nothing)).len(), 0);
    assert_eq!(csv(&String::from_utf8(export(&data, "events", "csv", &nothing)).unwrap()).len(), 1);
}

/// One analyst asks the server, another opens the directory. They must not get different files.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_server_and_in_place_are_the_same() {
    let data = with_history();
    let (tables, formats) = (tables(), ["jsonl", "csv", "parquet"]);
    let all = |data: &Data| -> Vec<Vec<u8>> {
        tables
            .iter()
            .flat_map(|table| formats.map(|format| export(data, table, format, &[])))
            .collect()
    };
    let in_place = all(&data);
    let mut server = Server::start(&data);
    let through = all(&data);
    for (index, (in_place, through)) in in_place.iter().zip(&through).enumerate() {
        let (table, format) = (tables[index / 3], formats[index % 3]);
        let rows = |bytes: &[u8]| match format {
            "parquet" => sorted(&parquet_lines(bytes.to_vec())),
            "jsonl" => sorted(&json_lines(bytes)),
            _ => {
                let rows: Vec<Vec<String>> = csv(std::str::from_utf8(bytes).unwrap());
                let mut rows: Vec<String> = rows.into_iter().map(|row| row.join("\u{1}")).collect();
                rows.sort_unstable();
                rows
            }
        };
        assert_eq!(rows(in_place), rows(through), "{table} as {format}");
    }
    let admin = server.http_as(&data, "boss", &[Admin]);
    let answer = admin.get("/v1/export/events?format=jsonl").await;
    let complete_to: usize = answer.header("verbatim-complete-to").parse().unwrap();
    assert!(complete_to >= sample_events("history.ndjson").len(), "{complete_to}");
    server.assert_alive();
}

/// The nightly export broke off at 2 %. In the morning there must be no file that looks whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_off_export_leaves_no_file_that_looks_whole() {
    let data = Data::new();
    let out = data.beside("events.csv");
    // A server that dies amid its answer: it promised more than it sends.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let dying = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        let head =
            "HTTP/1.1 200 OK\r\nverbatim-complete-to: 9\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"6\r\na,b\r\n1\r\n").await.unwrap();
    });
    let arguments = [
        "export",
        "events",
        "--format",
        "csv",
        "--url",
        &url,
        "--token",
        "t",
        "--out",
        out.to_str().unwrap(),
    ];
    let ran = tokio::task::block_in_place(|| data.run(arguments));
    dying.await.unwrap();
    ran.assert_code(2);
    ran.assert_stderr_has("broke off");
    assert!(!out.exists());
    // An older file of that name stays what it was.
    std::fs::write(&out, "yesterday").unwrap();
    let ran = tokio::task::block_in_place(|| data.run(arguments));
    ran.assert_code(2);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "yesterday");
}

/// The server itself cannot read on (a file of the archive is gone). The client must see a broken
/// answer, never a short one that looks whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_read_on_breaks_its_answer_off() {
    let data = with_history();
    data.is_left_damaged();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    let mut folders = vec![data.path().join("archive/events")];
    let mut removed = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|ending| ending == "parquet") {
                std::fs::remove_file(entry).unwrap();
                removed += 1;
            }
        }
    }
    assert!(removed > 0);
    let out = data.beside("events.jsonl");
    let ran = tokio::task::block_in_place(|| {
        data.run(["export", "events", "--format", "jsonl", "--out", out.to_str().unwrap()])
    });
    ran.assert_code(2);
    assert!(!out.exists());
    assert!(
        !ran.stderr.contains(data.path().join("archive").to_str().unwrap()),
        "a path is shown: {ran}"
    );
    let sql = admin.sql("select count(text) from events").await;
    assert!(sql.status >= 500, "{}", sql.text());
    // The relay and the index do not depend on the archive.
    assert!(admin.found("退款").await > 0);
}

/// A report that others read through a link, a pipe somebody waits at, a device: none of them is
/// replaced by a file.
#[test]
fn what_is_no_file_stays_what_it_is() {
    let data = with_history();
    let whole = export(&data, "tags", "csv", &[]);
    let ran = |out: &Path| {
        let out = out.to_str().unwrap().to_string();
        data.run(["export", "tags", "--format", "csv", "--out", &out])
    };

    let (file, link) = (data.file("old.csv", "old"), data.beside("link.csv"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    ran(&link).assert_code(0);
    assert!(link.is_symlink());
    assert!(std::fs::read(&file).unwrap() == whole, "the file it leads to is the new one");

    let pipe = data.beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    ran(&pipe).assert_code(0);
    assert!(reader.wait_with_output().unwrap().stdout == whole, "who waits at it gets the rows");

    let ran = ran(Path::new("/dev/full"));
    ran.assert_code(2);
    ran.assert_stderr_has("No space left");
    assert!(!Path::new("/dev/full").is_file());

    assert_eq!(
        data.succeeds(["export", "tags", "--format", "csv", "--out", "-"]).into_bytes(),
        whole
    );
    assert!(!Path::new("-").exists());
}

/// Rows went out already when the archive can be read no further: in whatever format, and whoever is
/// asked, that is a failure, and no file.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_half_way_is_no_export() {
    const EVENTS: usize = 30_000;
    let data = Data::new();
    let texts = (0..EVENTS).map(|number| {
        let text = format!("{number} {}", "the parcel came and the cup was broken ".repeat(4));
        message(&format!("c{}", number % 50), &format!("m{number}"), "customer", "cust-1", &text)
    });
    let events = data.file("many.ndjson", lines(&texts.collect::<Vec<_>>()));
    data.succeeds([Path::new("import"), &events]);
    let files = parquet_files(&data.path().join("archive/events"));
    // A slow machine commits more than once: their names begin with the offset at which they end.
    let file = files.iter().max().expect("what was imported lies in files");
    // The last page of the last texts.
    let reader = std::fs::File::open(file).unwrap();
    let footer = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap().metadata().clone();
    let group = footer.row_groups().last().unwrap();
    let texts = group.columns().iter().find(|column| column.column_path().string() == "text");
    let (start, bytes) = texts.unwrap().byte_range();
    let mut damaged = std::fs::read(file).unwrap();
    damaged[(start + bytes) as usize - 200] ^= 1;
    std::fs::write(file, damaged).unwrap();
    data.is_left_damaged();

    let formats = ["csv", "jsonl", "parquet"];
    let refused = |format: &str, what: &str| {
        let out = data.beside(&format!("events.{format}"));
        let ran =
            data.run(["export", "events", "--format", format, "--out", out.to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{format} {what}: {ran}");
        assert!(!out.exists(), "{format} {what}");
    };
    formats.iter().for_each(|format| refused(format, "in place"));
    let server = Server::start(&data);
    tokio::task::block_in_place(|| formats.iter().for_each(|format| refused(format, "served")));
    let admin = server.http_as(&data, "boss", &[Admin]);
    for format in formats {
        let request =
            admin.request(reqwest::Method::GET, &format!("/v1/export/events?format={format}"));
        assert!(admin.try_send(request).await.is_err(), "{format}: the body has no clean end");
    }
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(parquet_files(&entry));
        } else if entry.extension().is_some_and(|ending| ending == "parquet") {
            files.push(entry);
        }
    }
    files
}

/// Whoever reads a pipe may have enough of an answer; a file that others rely on is whole or failed.
#[test]
fn an_export_into_a_pipe_that_closes_has_failed() {
    let data = with_history();
    for is_served in [false, true] {
        let server = is_served.then(|| Server::start(&data));
        for format in ["jsonl", "csv", "parquet"] {
            let mut command = command();
            command.args(["export", "events", "--format", format, "--data"]).arg(data.path());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            drop(child.stdout.take());
            assert_eq!(child.wait().unwrap().code(), Some(2), "{format}, served: {is_served}");
        }
        drop(server);
    }
}
