//! `verbatim sql` as people and their nightly jobs use it, and `POST /v1/sql` as programs do.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Analyst};
use verbatim::export::ArrowDecoder;

use super::command::{command, ran};
use super::support::{Data, PATIENCE, SHOP, Server, message};

/// More than an answer in memory may have.
const MANY: usize = 250_000;

fn with_chat() -> Data {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let events = [
        message("c1", "m1", "customer", "carl", "杯子碎了"),
        message("c1", "m2", "human", "anna", "a \"new\" one\nis on its way"),
    ];
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async {
            admin.events(&events).await;
            admin.caught_up(true).await;
        });
    });
    assert_eq!(server.stop(), 0);
    data
}

fn many() -> String {
    format!("select value, 'row ' || value as text from generate_series(1, {MANY}) order by value")
}

/// It used to cut at 100,000 rows, with exit code 0.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_every_row_in_the_format_of_its_name() {
    let data = with_chat();
    let lines_of = |name: &str| {
        let path = data.beside(name);
        let ran = data.run(["sql", &many(), "--out", path.to_str().unwrap()]);
        ran.assert_code(0);
        ran.assert_stderr_has(&format!("{MANY} rows, complete to offset 2"));
        assert_eq!(ran.stdout, "");
        std::fs::read(&path).unwrap()
    };
    let text = |name: &str| String::from_utf8(lines_of(name)).unwrap();
    assert_eq!(text("many.csv").lines().count(), MANY + 1);
    assert_eq!(text("many.jsonl").lines().count(), MANY);
    assert_eq!(text("many.txt").lines().count(), MANY + 4);
    assert_eq!(text("many.md").lines().count(), MANY + 2);
    let rows: Vec<Value> = serde_json::from_str(&text("many.json")).unwrap();
    assert_eq!(rows.len(), MANY);
    assert_eq!(rows[MANY - 1], json!({"value": MANY, "text": format!("row {MANY}")}));
    let parquet = bytes::Bytes::from(lines_of("many.parquet"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), MANY);
    let mut decoder = ArrowDecoder::default();
    let batches = decoder.decode(lines_of("many.arrow").into()).unwrap();
    decoder.finish().unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), MANY);
    let unknown = data.run(["sql", "select 1", "--out", data.beside("x.xlsx").to_str().unwrap()]);
    unknown.assert_code(2);
    unknown.assert_stderr_has("names no format");
}

/// What fails amid its rows leaves the file of yesterday, and nothing beside it.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_leaves_no_file() {
    let data = with_chat();
    let failing = format!("select 1 / (200000 - value) from generate_series(1, {MANY}) t(value)");
    let folder = data.beside("out");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("waits.csv");
    for old in [None, Some("of yesterday")] {
        if let Some(old) = old {
            std::fs::write(&path, old).unwrap();
        }
        let ran = data.run(["sql", &failing, "--out", path.to_str().unwrap()]);
        ran.assert_code(2);
        ran.assert_stderr_has("ivide");
        assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), old);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), old.iter().count());
    }
    let full = data.run(["sql", &many(), "--format", "csv", "--out", "/dev/full"]);
    full.assert_code(2);
    full.assert_stderr_has("No space left");
    let missing = data.run(["sql", "select 1", "--out", "/nowhere/at/all.csv"]);
    missing.assert_code(2);
    missing.assert_stderr_has("/nowhere/at/all.csv");
}

/// A report of many rows that was interrupted left what it had staged.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_interrupted_leaves_no_file() {
    let data = with_chat();
    let rows = "-- title: many\n-- answers: what?\n-- explain: mine by k\n\
        WITH mine AS (SELECT 1 AS k, 'c' AS conversation, TIMESTAMP '2026-01-01T00:00:00Z' AS at, 0 AS at_offset, \
        'a' AS agent, value, CAST(NULL AS VARCHAR) AS left_out FROM \
        (SELECT unnest(generate_series(1, 2000000)) AS value)) SELECT k, count(*) AS n FROM mine GROUP BY k";
    std::fs::create_dir_all(data.path().join("queries")).unwrap();
    std::fs::write(data.path().join("queries/many.sql"), rows).unwrap();
    let many =
        format!("select value, 'row' as text from generate_series(1, {}) t(value)", 80 * MANY);
    let folder = data.beside("out");
    std::fs::create_dir(&folder).unwrap();
    let out = folder.join("rows.csv");
    let report = ["report", "many", "--explain", "n", "--at", "k=1"];
    for words in [report.as_slice(), &["sql", &many]] {
        let mut asking = command();
        asking.args(words).arg("--out").arg(&out).arg("--data").arg(data.path());
        let asking = asking.stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while std::fs::read_dir(&folder).unwrap().count() == 0 {
            assert!(Instant::now() < deadline, "{words:?}: nothing is staged");
            std::thread::sleep(Duration::from_millis(1));
        }
        let id = asking.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let output = asking.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{words:?}");
    }
    data.run(["report", "--out", out.to_str().unwrap()]).assert_stderr_has("name it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_is_no_failure() {
    let data = with_chat();
    for (format, begins) in [
        ("csv", "value,text\n"),
        ("table", "+"),
        ("jsonl", "{\"value\":1,\"text\":\"row 1\"}\n"),
        ("markdown", "| value | text |\n"),
    ] {
        let mut asking = command();
        asking.args(["sql", &many(), "--format", format, "--data"]).arg(data.path());
        let mut asking = asking.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(asking.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = asking.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""), "{format}: {first}");
        assert!(first.starts_with(begins), "{format}: {first}");
    }
}

/// The same bytes, whoever computes them: this process, or a server that streams.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_same_in_place_and_from_a_server() {
    let data = with_chat();
    let queries = [
        "select * from messages order by \"offset\"",
        "select * from messages where false",
        "select conversation, nrt_ms, null as nothing, '' as empty, 0.5 as half from turns",
        "describe turns",
        "explain select * from turns",
    ];
    let file = data.file("query.sql", "-- from a file\nselect count(*) as n from messages;\n");
    let ask = |data: &Data| {
        let mut answers = Vec::new();
        for format in ["table", "csv", "json", "jsonl", "markdown", "arrow", "parquet"] {
            for query in queries {
                answers.push(data.succeeds(["sql", query, "--format", format]));
            }
        }
        answers.push(data.succeeds(["sql", "-f", file.to_str().unwrap(), "--format", "json"]));
        answers
    };
    let in_place = ask(&data);
    let server = Server::start(&data);
    let from_server = ask(&data);
    let token = data.token(SHOP, "ann", &[Analyst]);
    let mut many_of_server = command();
    let arguments = ["sql", &many(), "--format", "csv", "--url", &server.url, "--token", &token];
    many_of_server.args(arguments);
    let many_of_server = ran(many_of_server);
    many_of_server.assert_code(0);
    assert_eq!(many_of_server.stdout.lines().count(), MANY + 1);
    assert_eq!(server.stop(), 0);
    assert_eq!(in_place.len(), 36);
    for (here, there) in in_place.iter().zip(&from_server) {
        assert_eq!(here, there);
    }
    assert!(in_place.iter().any(|answer| answer.contains("| 杯子碎了")), "{in_place:?}");
    assert_eq!(in_place[35], "[{\"n\":2}]\n");
}

async fn with_server() -> (Data, Server) {
    let data = with_chat();
    let server = Server::start(&data);
    (data, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_as_text_or_as_json_with_its_parameters() {
    let (data, server) = with_server().await;
    let ann = server.http_as(&data, "ann", &[Analyst]);
    let asked = |body: Value| ann.post("/v1/sql", "application/json", body.to_string());
    let sql = "select text from messages where sender_id = $who and \"offset\" >= $from and $all";
    let parameters = json!({"who": "carl", "from": 0, "all": true});
    let answer = asked(json!({"sql": sql, "parameters": parameters})).await;
    assert_eq!(answer.json(), json!([{"text": "杯子碎了"}]), "{answer:?}");
    // What is a value is never SQL.
    let who = json!({"who": "' or 1 = 1 --", "from": 0, "all": true});
    assert_eq!(asked(json!({"sql": sql, "parameters": who})).await.json(), json!([]));
    for (body, part) in [
        (json!({"sql": sql, "parameters": {"who": [1], "from": 0, "all": true}}), "parameters.who"),
        (json!({"sql": sql, "parameters": {"who": "carl"}}), "$"),
        (json!({"sql": "select 1", "parameter": {}}), "parameter"),
        (json!({"parameters": {}}), "sql"),
        (json!(["select 1"]), "sql"),
    ] {
        let problem = asked(body.clone()).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(part), "{body}: {problem}");
    }
    // Who asked what with which values is recorded.
    let boss = server.http_as(&data, "boss", &[Admin]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let accesses = boss.get("/v1/access?person=ann").await.text();
        if accesses.contains("sender_id = $who") && accesses.contains("carl") {
            break;
        }
        assert!(Instant::now() < deadline, "{accesses}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_in_the_format_that_is_asked_for_and_says_that_it_is_whole() {
    let (data, server) = with_server().await;
    let ann = server.http_as(&data, "ann", &[Analyst]);
    for (format, media_type, begins) in [
        ("json", "application/json", "[{"),
        ("jsonl", "application/x-ndjson", "{\""),
        ("csv", "text/csv; charset=utf-8", "conversation,"),
        ("arrow", "application/vnd.apache.arrow.stream", "\u{fffd}"),
        ("parquet", "application/vnd.apache.parquet", "PAR1"),
    ] {
        let sql = "select conversation, text from messages";
        let by_name = ann.post(&format!("/v1/sql?format={format}"), "text/plain", sql).await;
        let by_accept = ann.request(Method::POST, "/v1/sql").header(CONTENT_TYPE, "text/plain");
        let by_accept = ann.send(by_accept.header(ACCEPT, media_type).body(sql)).await;
        for answer in [&by_name, &by_accept] {
            assert_eq!(answer.status, 200, "{format}");
            assert_eq!(answer.header("content-type"), media_type);
            // What was asked before is in the log too.
            let complete_to: u64 = answer.header("verbatim-complete-to").parse().unwrap();
            assert!(complete_to >= 2, "{complete_to}");
            assert!(answer.header("trailer").contains("verbatim-rows"));
            let text = String::from_utf8_lossy(&answer.body);
            assert!(text.starts_with(begins), "{format}: {text}");
        }
        assert_eq!(by_name.body, by_accept.body, "{format}");
    }
    let problem = ann.post("/v1/sql?format=xlsx", "text/plain", "select 1").await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("xlsx"), "{problem}");
    // Before the first row it is a problem; after, no client takes it for whole.
    let failing_by = |by: &str| format!("select 1 / {by} from generate_series(1, {MANY}) t(value)");
    ann.sql(&failing_by("(value - value)")).await.problem(400);
    let request = ann.request(Method::POST, "/v1/sql").header(CONTENT_TYPE, "text/plain");
    let request = request.body(failing_by(&format!("({MANY} - value)")));
    assert!(ann.try_send(request).await.is_err(), "it broke off");
    let whole = ann.post("/v1/sql?format=jsonl", "text/plain", many()).await;
    assert_eq!(whole.text().lines().count(), MANY);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_told_over_http_and_without_any_data() {
    let (data, server) = with_server().await;
    let ann = server.http_as(&data, "ann", &[Analyst]);
    let told = ann.get("/v1/schema").await.json();
    let mut printed = command();
    printed.args(["schema", "--format", "json"]).current_dir("/");
    let printed = ran(printed);
    printed.assert_code(0);
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), told);
    let turns = told["tables"].as_array().unwrap().iter().find(|table| table["name"] == "turns");
    let columns = turns.unwrap()["columns"].as_array().unwrap();
    let nrt = columns.iter().find(|column| column["name"] == "nrt_ms").unwrap();
    assert_eq!(nrt["data_type"], "BIGINT");
    assert_eq!(nrt["nullable"], true);
    let mut unknown = command();
    unknown.args(["schema", "turn"]).current_dir("/");
    let unknown = ran(unknown);
    unknown.assert_code(2);
    unknown.assert_stderr_has("there is no table `turn`");
    let mut one = command();
    one.args(["schema", "messages"]).current_dir("/");
    let one = ran(one);
    one.assert_code(0);
    assert!(
        one.stdout.contains("original_text") && one.stdout.contains("TIMESTAMP WITH TIME ZONE")
    );
}

/// A terminal, and who sits at it.
struct Terminal {
    child: std::process::Child,
    shown: mpsc::Receiver<u8>,
    seen: String,
}

impl Terminal {
    fn of(data: &Data) -> Terminal {
        let prompt = format!(
            "stty cols 100 rows 40; exec '{}' sql --data '{}'",
            env!("CARGO_BIN_EXE_verbatim"),
            data.path().display()
        );
        let mut script = Command::new("script");
        script
            .args(["-qfec", &prompt, "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("VERBATIM_URL");
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (show, shown) = mpsc::channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes().map_while(Result::ok) {
                if show.send(byte).is_err() {
                    return;
                }
            }
        });
        Terminal { child, shown, seen: String::new() }
    }

    fn type_in(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Types a line where one is asked for.
    #[track_caller]
    fn types(&mut self, line: &str) {
        self.expect("verbatim> ");
        self.type_in(&format!("{line}\r"));
    }

    /// Waits until `text` is shown.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        assert!(self.shows(text, PATIENCE), "`{text}` is not shown: {}", self.seen);
    }

    /// Whether `text` is shown within some time; what comes behind it is for the next.
    fn shows(&mut self, text: &str, within: Duration) -> bool {
        let mut bytes = std::mem::take(&mut self.seen).into_bytes();
        let deadline = Instant::now() + within;
        loop {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            if let Some(at) = shown.find(text) {
                self.seen = shown[at + text.len()..].to_string();
                return true;
            }
            match self.shown.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(byte) => bytes.push(byte),
                Err(_) => {
                    self.seen = shown;
                    return false;
                }
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_asks_on_whatever_goes_wrong() {
    let data = with_chat();
    let mut terminal = Terminal::of(&data);
    // Over several lines.
    terminal.types("select text");
    terminal.expect("-> ");
    // Within a statement too.
    terminal.type_in("\\?\r");
    terminal.expect("its columns, and what they mean");
    terminal.expect("-> ");
    terminal.type_in("from messages order by \"offset\";\r");
    terminal.expect("| 杯子碎了");
    terminal.expect("2 rows, complete to offset 2");
    // A mistake ends no session, and Ctrl-C no more than the query.
    terminal.types("select * from turn;");
    terminal.expect("did you mean `turns`?");
    terminal.types("select count(*) from generate_series(1, 100000000000) t(a);");
    terminal.expect("t(a);");
    // One that comes before the query runs ends nothing.
    let is_ended = |terminal: &mut Terminal| {
        terminal.type_in("\u{3}");
        terminal.shows("the query was ended", Duration::from_millis(500))
    };
    assert!((0..60).any(|_| is_ended(&mut terminal)), "{}", terminal.seen);
    terminal.types("\\d");
    terminal.expect("one row per wait of a customer");
    terminal.types("\\d tags");
    terminal.expect("the conversation tagged");
    terminal.types("\\x");
    terminal.expect("one line a value");
    terminal.types("select 1 as one, 'a' as letter;");
    terminal.expect("-[ 1 ]");
    let path = data.beside("answer.csv");
    terminal.types(&format!("\\o {}", path.display()));
    terminal.expect("the next answer goes to");
    terminal.types("select 1 as one;");
    terminal.expect("1 row, complete");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n1\n");
    // Tab completes.
    terminal.types("describe stra\t;");
    terminal.expect("the conversation's customer");
    terminal.types("\\q");
    assert!(terminal.child.wait().unwrap().success());
    let history = data.path().join("sql_history");
    let kept = std::fs::read_to_string(&history).unwrap();
    assert!(kept.contains("select * from turn;") && kept.contains("select 1 as one;"), "{kept}");
    assert!(is_private(&history));
}

/// A disk that was full ended the session.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_cannot_be_written_ends_no_session() {
    let data = with_chat();
    let mut terminal = Terminal::of(&data);
    terminal.types("select 1 as one;");
    terminal.expect("1 row, complete");
    let history = data.path().join("sql_history");
    std::fs::remove_file(&history).unwrap();
    std::fs::create_dir(&history).unwrap();
    terminal.types("select 2 as two;");
    terminal.expect("the statement is not kept");
    terminal.expect("1 row, complete");
    terminal.types("quit");
    assert!(terminal.child.wait().unwrap().success());
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}
