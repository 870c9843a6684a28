//! The command line: bad files, wrong usage, refused SQL, owned and missing directories, closed
//! pipes.

use std::io::Read;
use std::process::Stdio;

use serde_json::json;
use verbatim::access::TokenRole::Admin;

use super::command::{command, ran};
use super::support::{Data, SHOP, Server, counts, message, sample};

/// A nightly import of whatever lies in a folder. Each bad input is named by file and line, the
/// good lines beside it are kept, and the exit code tells the script.
#[test]
fn bad_files_are_named_and_good_lines_kept() {
    let data = Data::new();
    let import = |name: &str, bytes: &[u8]| {
        let path = data.file(name, bytes);
        let ran = data.run(["import", path.to_str().unwrap()]);
        let counted = if ran.code == 2 { json!(null) } else { counts(&ran.stdout) };
        (ran, counted)
    };
    let good = |id: &str| message("c1", id, "human", "anna", "hello").to_string();

    let (ran, counted) = import("empty.jsonl", b"");
    assert_eq!((ran.code, &counted["events"]), (1, &json!(0)), "{ran}");
    ran.assert_stderr_has("empty.jsonl");
    ran.assert_stderr_has("no events");
    let (ran, counted) = import("utf8.jsonl", b"{\"id\":\"\xff\xfe\"}\n");
    assert_eq!((ran.code, &counted["rejected"]), (1, &json!(1)), "{ran}");
    ran.assert_stderr_has("utf8.jsonl:1");
    ran.assert_stderr_has("UTF-8");
    let cut = &good("m1")[..40];
    let (ran, counted) = import("cut.jsonl", cut.as_bytes());
    assert_eq!((ran.code, &counted["rejected"]), (1, &json!(1)), "{ran}");
    ran.assert_stderr_has("cut.jsonl:1");

    let transcript = r#"{"conversation_id":"t1","messages":[{"role":"customer","text":"hi"},{"role":"boss","text":"no"},{"role":"agent","text":"yes"}]}"#;
    let mixed = format!(
        "{}\n\nnonsense\n{transcript}\n{}\n\u{feff}{}\r\n",
        good("m1"),
        good(""),
        good("m2")
    );
    let (ran, counted) = import("mixed.jsonl", mixed.as_bytes());
    ran.assert_code(1);
    assert_eq!(
        counted,
        json!({"messages": 4, "events": 7, "acked": 4, "duplicates": 0, "rejected": 3})
    );
    for line in ["mixed.jsonl:3", "mixed.jsonl:4", "mixed.jsonl:5"] {
        ran.assert_stderr_has(line);
    }
    ran.assert_stderr_has("messages[1].role `boss`");
    assert_eq!(data.number("select count(*) from messages"), 4);
    // The same file again: what was kept is known, what is bad is still bad.
    let again = data.run(["import", data.beside("mixed.jsonl").to_str().unwrap()]);
    assert_eq!((again.code, &counts(&again.stdout)["duplicates"]), (1, &json!(4)));
}

/// A mistyped third name must not leave two files imported.
#[test]
fn a_file_that_cannot_be_opened_stops_before_anything_is_kept() {
    let data = Data::new();
    let good = data.file("good.jsonl", message("c1", "m1", "human", "anna", "hello").to_string());
    let folder = data.beside("folder");
    std::fs::create_dir(&folder).unwrap();
    for bad in [data.beside("missing.jsonl"), folder] {
        for name in ["import", "replay"] {
            let ran = data.run([name, good.to_str().unwrap(), bad.to_str().unwrap()]);
            ran.assert_code(2);
            ran.assert_stderr_has(bad.to_str().unwrap());
            assert!(ran.stdout.is_empty(), "{ran}");
        }
    }
    assert!(!data.path().exists(), "nothing was begun");
}

/// Scripts tell "nothing found" from "asked wrongly" by the exit code.
#[test]
fn exit_codes_tell_no_from_wrong() {
    let data = Data::new();
    data.succeeds([
        "import",
        data.file("one.jsonl", message("c1", "m1", "human", "anna", "hello").to_string())
            .to_str()
            .unwrap(),
    ]);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["search", "hello"], 0, ""),
        (&["search", "no such words"], 1, ""),
        (&["show", "c1"], 0, ""),
        (&["show", "no-such"], 1, "no-such"),
        (&["search", "hello", "--shop", "other"], 2, "there are `main`"),
        (&["search", "hello \"there"], 2, "^"),
        (&["search", "costumer:anna"], 2, "customer:"),
        (&["search", "hello", "--page-after", "soon"], 2, "soon"),
        (&["search", "hello", "--exact", "--mode", "folded"], 2, "--exact"),
        (&["shout"], 2, "shout"),
        (&["search", "hello", "--colour", "red"], 2, "--colour"),
        (&["search", "hello", "--from", "noon"], 2, "noon"),
        (&["search", "hello", "--from", "2026-02-30"], 2, "2026-02-30"),
        (&["search", "hello", "--from", "2026-13-01"], 2, "2026-13-01"),
        (&["search", "hello", "--from", "-99999999999d"], 2, "-99999999999d"),
        (&["search", "hello", "--from", "2026-02-01", "--to", "2026-01-01"], 2, "later"),
        (&["search", "hello", "--limit", "0"], 2, "limit"),
        (&["search", ""], 2, "words"),
        (&["search", "hello", "--role", "boss"], 2, "boss"),
        (&["search", "hello", "--zone", "Mars/Olympus"], 2, "Mars/Olympus"),
        (&["report", "nothing"], 2, "nothing"),
        (&["report", "summary", "--set", "colour=red"], 2, "colour"),
        (&["report", "summary", "--from", "noon"], 2, "noon"),
        (&["export", "secrets", "--format", "csv"], 2, "secrets"),
        (&["export", "events", "--format", "exe"], 2, "exe"),
        (&["sql", "select nothing from events"], 2, "nothing"),
        (&["sql", "drop table events"], 2, "read"),
        (&["replay", "x", "--speed", "-1"], 2, "-1"),
        (&["token", "--sub", "anna", "--role", "king"], 2, "king"),
        (&["import"], 2, "FILE"),
    ];
    for (arguments, code, named) in cases {
        let ran = data.run(*arguments);
        ran.assert_code(*code);
        ran.assert_stderr_has(named);
        if *code == 2 {
            assert!(ran.stdout.is_empty(), "data on stdout: {ran}");
        }
    }
}

/// SQL is open to analysts, and to whatever writes their queries. Nothing it says may change, leave
/// or look beyond the shop's tables.
#[tokio::test(flavor = "multi_thread")]
async fn sql_only_reads_the_shops_tables() {
    let data = Data::committing_often();
    let mut server = Server::start(&data);
    for shop in [SHOP, "other"] {
        let http = server.http(&data.token(shop, "boss", &[Admin]));
        http.events(&[message("c1", "m1", "human", "anna", &format!("of {shop}"))]).await;
    }
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.caught_up(true).await;
    let parquet = find_file(&data.path().join("archive"), ".parquet");
    let stolen = data.beside("stolen.csv");
    let refused = [
        "create table t as select 1".to_string(),
        "create view v as select * from events".to_string(),
        "create schema s".to_string(),
        "create database d".to_string(),
        "create function f() returns int return 1".to_string(),
        format!("create external table t stored as parquet location '{parquet}'"),
        "create external table t stored as csv location '/etc/passwd'".to_string(),
        "create external table t stored as csv location 'https://example.com/x.csv'".to_string(),
        "drop table events".to_string(),
        "drop view messages".to_string(),
        "alter table events add column x int".to_string(),
        "truncate table events".to_string(),
        "insert into events values (1)".to_string(),
        "insert into events select * from events".to_string(),
        "update events set text = 'changed'".to_string(),
        "delete from events".to_string(),
        "merge into events using events as e on true when matched then delete".to_string(),
        format!("copy events to '{}'", stolen.display()),
        format!("copy (select * from events) to '{}' stored as csv", stolen.display()),
        "set datafusion.execution.batch_size = 1".to_string(),
        "set datafusion.catalog.information_schema = false".to_string(),
        "reset datafusion.execution.batch_size".to_string(),
        "show all".to_string(),
        "explain analyze verbose select * from events".to_string(),
        format!("describe '{parquet}'"),
        format!("describe \"{parquet}\""),
        format!("explain select * from '{parquet}'"),
        format!("explain copy events to '{}'", stolen.display()),
        "describe other.public.events".to_string(),
        "show columns from other.events".to_string(),
        "show create table events".to_string(),
        "prepare p as select 1".to_string(),
        "execute p".to_string(),
        "begin".to_string(),
        "commit".to_string(),
        "grant all on events to public".to_string(),
        "use other".to_string(),
        "select 1; select 2".to_string(),
        "select 1; drop table events".to_string(),
        "select * into t from events".to_string(),
        "with t as (delete from events returning *) select * from t".to_string(),
        "select * from (insert into events values (1) returning *)".to_string(),
        "select (with t as (delete from events returning *) select count(*) from t)".to_string(),
        "analyze table events".to_string(),
        "".to_string(),
        "-- nothing".to_string(),
        ";".to_string(),
        // A query by its form, a file or another place by what it names.
        format!("select * from '{parquet}'"),
        format!("select * from \"{parquet}\""),
        format!("select * from read_parquet('{parquet}')"),
        format!("select * from parquet_metadata('{parquet}')"),
        "select * from '/etc/passwd'".to_string(),
        "select * from 'https://example.com/x.csv'".to_string(),
        "select * from read_csv('/etc/passwd')".to_string(),
        "select read_file('/etc/passwd')".to_string(),
        "select * from other.public.events".to_string(),
        "select * from other.events".to_string(),
        "select * from pg_catalog.pg_tables".to_string(),
    ];
    for statement in &refused {
        let answer = admin.sql(statement).await;
        assert!(
            matches!(answer.status, 400 | 403),
            "{statement}: {} {}",
            answer.status,
            answer.text()
        );
        let problem = answer.problem(answer.status);
        let detail = problem["detail"].as_str().unwrap();
        let path = data.path().display().to_string();
        assert!(
            statement.contains(&path) || !detail.contains(&path),
            "{statement}: shows a path: {detail}"
        );
    }
    assert!(!stolen.exists());
    // Beyond the tables, the catalogue of names: it names no other shop, no file and no setting
    // that holds one.
    for table in ["tables", "columns", "df_settings", "routines", "schemata", "views"] {
        let answer = admin.sql(&format!("select * from information_schema.{table}")).await;
        assert!(
            !answer.text().contains(data.path().to_str().unwrap()),
            "{table}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("of other"), "{table}");
    }
    // An answer has every row, however many.
    let count = verbatim::sql::ANSWER_ROWS_MAX + 1;
    let whole = admin.sql(&format!("select * from generate_series(1, {count})")).await.json();
    assert_eq!(whole.as_array().unwrap().len(), count);
    // It sees its shop, whatever the query says.
    let other = server.http(&data.token("other", "boss", &[Admin]));
    for http in [&admin, &other] {
        assert_eq!(http.number("select count(*) from events where 1 = 1 or shop <> ''").await, 1);
        assert_eq!(http.number("select count(distinct shop) from messages").await, 1);
    }
    assert!(other.sql("select text from messages").await.text().contains("of other"));
    server.assert_alive();
}

fn find_file(folder: &std::path::Path, ending: &str) -> String {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.to_string_lossy().ends_with(ending) {
                return entry.to_string_lossy().into_owned();
            }
        }
    }
    panic!("no {ending}")
}

/// The command line refuses with exit code 2 and nothing on stdout, and `--shop` bounds what a
/// query sees.
#[test]
fn sql_on_the_command_line_sees_one_shop() {
    let data = Data::new();
    for (shop, count) in [("red", 2), ("blue", 3)] {
        let events: String = (0..count)
            .map(|number| {
                format!("{}\n", message("c1", &format!("m{number}"), "human", "anna", shop))
            })
            .collect();
        data.succeeds(["import", data.file(shop, events).to_str().unwrap(), "--shop", shop]);
    }
    let count_of = |shop: &str| {
        let query = "select count(*) as n from messages";
        data.run(["sql", query, "--format", "csv", "--shop", shop])
    };
    for (shop, count) in [("red", "2"), ("blue", "3")] {
        assert_eq!(count_of(shop).stdout.lines().nth(1), Some(count), "{shop}");
    }
    for shop in ["main", "red' or '1'='1"] {
        let ran = count_of(shop);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran}");
    }
    let stolen = data.beside("stolen.csv");
    for statement in [
        format!("copy events to '{}'", stolen.display()),
        "select 1; select 2".to_string(),
        "select * from '/etc/passwd'".to_string(),
    ] {
        let ran = data.run(["sql", &statement]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran}");
    }
    assert!(!stolen.exists());
}

/// `verbatim sql … | head`. The reader goes away; that is no error, and nothing is said about it.
#[test]
fn a_closed_pipe_is_quiet() {
    let data = Data::new();
    let path = sample("history.ndjson");
    data.succeeds(["import", path.to_str().unwrap()]);
    let commands: &[&[&str]] = &[
        &["sql", "select * from events"],
        &["sql", "select * from events", "--format", "json"],
        &["sql", "select * from events", "--format", "csv"],
        &["search", "a", "--limit", "100", "--hits", "100", "--format", "json"],
    ];
    for through_server in [false, true] {
        let server = through_server.then(|| Server::start(&data));
        for arguments in commands {
            let mut command = command();
            command.args(*arguments).arg("--data").arg(data.path());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            let code = child.wait().unwrap().code();
            assert!(
                !stderr.contains("panicked") && !stderr.contains("error"),
                "{arguments:?} (server: {through_server}): {stderr}"
            );
            assert_eq!(code, Some(0), "{arguments:?} (server: {through_server}): {stderr}");
        }
        drop(server);
    }
}

/// Two services on one directory would write one log twice. The second says who owns it, and the
/// first goes on unharmed.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_server() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.events(&[message("c1", "m1", "human", "anna", "before")]).await;
    let second = data.run(["serve", "--listen", "127.0.0.1:0"]);
    second.assert_code(2);
    second.assert_stderr_has(&format!("process {}", server.pid()));
    second.assert_stderr_has(data.path().to_str().unwrap());
    assert!(!second.stderr.contains("listening"), "{second}");
    admin.events(&[message("c1", "m2", "human", "anna", "after")]).await;
    assert_eq!(admin.records().await.len(), 2);
    server.assert_alive();
    // A taken port is said, and starts nothing.
    let other = Data::new();
    let taken = other.run(["serve", "--listen", server.url.strip_prefix("http://").unwrap()]);
    taken.assert_code(2);
    taken.assert_stderr_has("cannot listen");
    assert!(!other.path().exists());
    // After kill -9 nothing has to be tidied up by hand.
    server.kill();
    let server = Server::start(&data);
    assert_eq!(server.http_as(&data, "boss", &[Admin]).records().await.len(), 2);
}

/// A mistyped --data must not become an empty archive that answers "nothing found".
#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let data = Data::new();
    let file = data.file("a-file", "x");
    let commands: &[&[&str]] = &[
        &["search", "x"],
        &["show", "c1"],
        &["report", "summary"],
        &["sql", "select 1"],
        &["status"],
        &["export", "events", "--format", "csv"],
    ];
    for arguments in commands {
        let missing = data.run(*arguments);
        missing.assert_code(2);
        missing.assert_stderr_has(data.path().to_str().unwrap());
        assert!(missing.stdout.is_empty(), "{missing}");
        let mut command = command();
        command.args(*arguments).arg("--data").arg(&file);
        let is_file = ran(command);
        is_file.assert_code(2);
        is_file.assert_stderr_has("not a directory");
    }
    assert!(!data.path().exists(), "asking makes nothing");
}

/// What was typed first decides a dispute. `show` tells every version of a message, who retracted
/// what, and which files came with it, the same in place and through a server.
#[test]
fn a_transcript_tells_every_version() {
    let data = Data::new();
    data.succeeds(["import", sample("history.ndjson").to_str().unwrap()]);
    let edited = "c-20260107-0002";
    let show = |conversation: &str, format: &str| {
        data.succeeds(["show", conversation, "--format", format])
    };
    let all = |format: &str| {
        [edited, "c-20260105-0004", "c-20260101-0001"].map(|name| show(name, format))
    };
    let in_place = [all("text"), all("json")];
    let [edit, retraction, picture] = &in_place[0];
    assert!(edit.contains("236") && edit.contains("263") && edit.contains("edited #"), "{edit}");
    assert!(
        retraction.contains("[retracted]") && retraction.contains("retracted #"),
        "{retraction}"
    );
    assert!(
        picture.contains("30dca43cae22f77899017734b01fdc8f474395f1b0293207b73785c451ce632f"),
        "{picture}"
    );
    let _server = Server::start(&data);
    assert_eq!([all("text"), all("json")], in_place);
    // Characters that would turn the line around are shown by number.
    let hidden = show("c-20260113-0004", "text");
    assert!(
        hidden.contains("<U+") && !hidden.contains('\u{202e}') && !hidden.contains('\u{200b}'),
        "{hidden}"
    );
}

/// Flags win over the environment, that over the file, that over defaults; a mistake in the file is
/// named.
#[test]
fn settings_have_an_order_and_mistakes_are_named() {
    let data = Data::committing_often();
    let shown = |environment: Option<&str>, more: &[&str]| {
        let mut command = command();
        command.args(["serve", "--print-config", "--data"]).arg(data.path()).args(more);
        command.envs(environment.map(|zone| ("VERBATIM_ZONE", zone)));
        ran(command)
    };
    let config = data.path().join("verbatim.toml");
    assert!(shown(None, &[]).stdout.contains("zone = \"UTC\""));
    std::fs::write(&config, "zone = \"Asia/Tokyo\"\ncommit_interval_ms = 500\n").unwrap();
    let from_file = shown(None, &[]).stdout;
    assert!(
        from_file.contains("zone = \"Asia/Tokyo\"")
            && from_file.contains("commit_interval_ms = 500"),
        "{from_file}"
    );
    assert!(shown(Some("Europe/Paris"), &[]).stdout.contains("zone = \"Europe/Paris\""));
    assert!(
        shown(Some("Europe/Paris"), &["--zone", "Asia/Shanghai"])
            .stdout
            .contains("zone = \"Asia/Shanghai\"")
    );
    std::fs::write(&config, "zonw = \"UTC\"\n").unwrap();
    let wrong = shown(None, &[]);
    wrong.assert_code(2);
    wrong.assert_stderr_has("zonw");
    wrong.assert_stderr_has("verbatim.toml");
}

/// An operator makes a token on the command line and gives it to a bot's developer: it opens what
/// it says.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_on_the_command_line_works() {
    let data = Data::new();
    let server = Server::start(&data);
    let made = tokio::task::block_in_place(|| {
        data.succeeds(["token", "--sub", "helper", "--role", "bot"])
    });
    let bot = server.http(made.trim());
    assert_eq!(bot.event(&message("c1", "m1", "bot", "helper", "hello")).await.status, 200);
    bot.event(&message("c1", "m2", "human", "helper", "hello")).await.problem(403);
    // With the server's address and a token, a command needs no directory.
    let admin = data.token(SHOP, "boss", &[Admin]);
    let elsewhere = Data::new();
    let asked = ["search", "hello", "--format", "json", "--url", &server.url, "--token", &admin];
    let ran = tokio::task::block_in_place(|| elsewhere.run(asked));
    ran.assert_code(0);
    assert!(!elsewhere.path().exists());
    let ran = tokio::task::block_in_place(|| {
        elsewhere.run(["search", "hello", "--url", &server.url, "--token", made.trim()])
    });
    ran.assert_code(2);
    ran.assert_stderr_has("403");
}

/// A thief stayed in over a mistyped name, and a list called tokens valid whose key was gone.
#[test]
fn what_tokens_are_worth_is_said() {
    let data = Data::new();
    data.token(SHOP, "boss", &[Admin]);
    data.set("");
    let first = Server::start(&data);
    assert_eq!(first.stop(), 0);
    let made = |subject: &str| data.succeeds(["token", "--sub", subject, "--role", "human"]);
    let states = || -> Vec<String> {
        let listed = data.succeeds(["token", "list"]);
        listed.lines().map(|line| line.split("  ").nth(1).unwrap().trim().to_string()).collect()
    };
    made("amy");
    made("ben");
    assert_eq!(states(), ["valid", "valid"]);
    let nobody = data.run(["token", "revoke", "--sub", "amie"]);
    nobody.assert_code(1);
    nobody.assert_stderr_has("no token of `amie` in shop `main`");
    data.run(["token", "revoke", "--sub", "amy", "--shop", "other"]).assert_code(1);
    let amy = data.run(["token", "revoke", "--sub", "amy"]);
    amy.assert_code(0);
    amy.assert_stderr_has("1 revoked of `amy`");
    assert_eq!(states(), ["revoked", "valid"]);
    data.succeeds(["token", "rotate"]);
    made("cid");
    let retired = data.run(["token", "retire", "1"]);
    retired.assert_stderr_has("1 tokens that counted");
    assert_eq!(states(), ["revoked", "key retired", "valid"]);
}

/// `search` answered for the only shop there was, `show` and `hold list` said of another that there was nothing, and
/// `import` began that other.
#[test]
fn every_command_means_the_only_shop_that_there_is() {
    let data = Data::new();
    let file = data.file("one.jsonl", message("c1", "m1", "human", "anna", "hello").to_string());
    let import = |shop: &[&str]| {
        data.succeeds([&["import", file.to_str().unwrap()], shop].concat());
    };
    import(&["--shop", "demo"]);
    for is_served in [false, true] {
        let server = is_served.then(|| Server::start(&data));
        let out = data.beside(if is_served { "served.zip" } else { "in-place.zip" });
        let asked: [&[&str]; 8] = [
            &["search", "hello"],
            &["show", "c1"],
            &["sql", "select text from messages"],
            &["rules", "show"],
            &["hold", "add", "--conversation", "c1", "--case", "H-1"],
            &["hold", "list"],
            &[
                "evidence",
                "export",
                "--conversation",
                "c1",
                "--case",
                "1",
                "--reason",
                "r",
                "--out",
            ],
            &["token", "--sub", "eva", "--role", "dispute"],
        ];
        for command in asked {
            let out = out.to_str().filter(|_| command.last() == Some(&"--out"));
            let ran = data.run(command.iter().copied().chain(out));
            ran.assert_code(0);
            let said = ["shop demo", "--shop"].map(|words| ran.stderr.contains(words));
            assert_eq!(said, [false, false], "there is nothing to choose: {ran}");
        }
        let again = data.run(["import", file.to_str().unwrap()]);
        again.assert_code(0);
        assert_eq!(counts(&again.stdout)["duplicates"], 1, "{again}");
        drop(server);
    }
    // Of two neither is meant, unless one is the usual one; what is about no shop needs none.
    import(&["--shop", "other"]);
    for asked in [&["hold", "list"][..], &["show", "c1"], &["import", file.to_str().unwrap()]] {
        let ran = data.run(asked);
        ran.assert_code(2);
        ran.assert_stderr_has("--shop names one: there are `demo`, `other`");
    }
    data.succeeds(["status"]);
    import(&["--shop", "main"]);
    let asked: [&[&str]; 4] = [
        &["show", "c1"],
        &["import", file.to_str().unwrap()],
        &["token", "--sub", "eva", "--role", "dispute"],
        &["categories", "list"],
    ];
    for command in asked {
        let said = "shop `main`; --shop names one: there are `demo`, `main`, `other`";
        let ran = data.run(command);
        assert_eq!(ran.stderr.matches(said).count(), 1, "{command:?}: {ran}");
    }
    assert!(!data.run(["show", "c1", "--shop", "demo"]).stderr.contains("there are"));
}

/// A slip in `--shop` was an export of nothing, and a token of a shop that nobody had.
#[test]
fn a_mistyped_shop_is_no_empty_one() {
    let data = Data::new();
    let token = ["token", "--sub", "eva", "--role", "dispute", "--shop", "demmo"];
    let file = data.file("one.jsonl", message("c1", "m1", "human", "anna", "hello").to_string());
    data.succeeds(["import", file.to_str().unwrap(), "--shop", "demo"]);
    let out = data.beside("messages.csv");
    let out = out.to_str().unwrap();
    for is_served in [false, true] {
        let server = is_served.then(|| Server::start(&data));
        let asked: [&[&str]; 3] = [
            &["export", "messages", "--out", out],
            &["export", "messages", "--state", "s", "--format", "csv", "--out", out],
            &["sql", "select 1 as one"],
        ];
        for command in asked {
            let ran = data.run([command, &["--shop", "demmo"]].concat());
            ran.assert_code(2);
            ran.assert_stderr_has("nothing of shop `demmo`; --shop names one: there are `demo`");
            assert!(ran.stdout.is_empty() && !std::path::Path::new(out).exists(), "{ran}");
        }
        let token = data.run(token);
        token.assert_code(0);
        token.assert_stderr_has("nothing of shop `demmo` yet; --shop names one: there are `demo`");
        drop(server);
    }
}

/// A cron job with the token of another shop delivered empty files as successes.
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_beside_the_token_of_another_is_refused() {
    let data = Data::new();
    let server = Server::start(&data);
    let token = data.token("other", "boss", &[Admin]);
    let asked = ["sql", "select 1 as one", "--url", &server.url, "--token", &token];
    let ran = |more: &[&str]| {
        let mut command = command();
        command.args(asked).args(more);
        ran(command)
    };
    tokio::task::block_in_place(|| {
        assert_eq!(ran(&[]).code, 0);
        assert_eq!(ran(&["--shop", "other"]).code, 0);
        let refused = ran(&["--shop", "third"]);
        refused.assert_code(2);
        refused.assert_stderr_has("of shop `other`, not of `third`");
    });
}
