//! What is answered: the same as over HTTP, in both protocols, with values of every type.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, Type};

use super::{Wire, connect, fails, one, simple};

const QUESTIONS: &[&str] = &[
    "select count(*) as n from events",
    "select kind, count(*) as n from events group by kind order by kind",
    "select conversation, id, text from messages order by conversation, seq",
    "select conversation, nrt_ms, replier from turns order by conversation, turn",
    "select shop, conversation, episode, reopened, frt_human_ms from episodes order by conversation, episode",
    "select conversation, started_at, last_at, rating, status from conversations order by conversation",
    "select category, count(*) n from categories group by 1 order by 1",
    "select local_day(occurred_at, 'Asia/Shanghai') as day, count(*) n from messages group by 1 order by 1",
    "select avg(nrt_ms) as mean, max(nrt_ms) / 1000.0 as most from turns where nrt_ms is not null",
    "with a as (select conversation from turns) select count(*) n from a union all select 1 order by 1",
    "values (1, 'a', true, 1.5), (2, null, false, -0.25)",
    "select attachments from messages where attachments is not null order by conversation, seq",
    "select 'it''s 退款' as text, null as nothing, date '2026-11-19' as day",
    "select table_name from information_schema.tables where table_schema = 'public' order by 1",
];

/// A value of HTTP's JSON as Postgres writes it.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(if *truth { "t" } else { "f" }.to_string()),
        Value::String(text) => Some(match text.parse::<DateTime<Utc>>() {
            Ok(time) => time.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string(),
            Err(_) => text.clone(),
        }),
        other => Some(other.to_string()),
    }
}

/// The same value: numbers are compared as numbers, JSON as JSON.
fn is_same(ours: Option<&String>, theirs: &Value) -> bool {
    let Some(ours) = ours else { return theirs.is_null() };
    match theirs {
        Value::Number(number) => ours.parse::<f64>().ok() == number.as_f64(),
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(ours).ok().as_ref() == Some(theirs)
        }
        other => written(other).as_ref() == Some(ours),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_answer_as_http_does() {
    let (wire, http) = Wire::with_samples().await;
    let client = wire.connect().await;
    for question in QUESTIONS {
        let expected = http.sql(question).await;
        assert_eq!(expected.status, 200, "{question}: {}", expected.text());
        let expected = expected.json();
        let expected = expected.as_array().unwrap();
        let rows = simple(&client, question).await.unwrap();
        assert_eq!(rows.len(), expected.len(), "{question}");
        let statement = client.prepare(question).await.unwrap();
        for (row, expected) in rows.iter().zip(expected) {
            let by_name = statement.columns().iter().map(|column| &expected[column.name()]);
            for (value, expected) in row.iter().zip(by_name) {
                assert!(is_same(value.as_ref(), expected), "{question}: {value:?}, {expected}");
            }
        }
        let extended = client.query(&statement, &[]).await.unwrap();
        assert_eq!(extended.len(), rows.len(), "{question}");
        // In binary form, of the types that are described.
        for (row, simple) in extended.iter().zip(&rows) {
            for (at, column) in row.columns().iter().enumerate() {
                let text: Option<String> = match *column.type_() {
                    Type::BOOL => row
                        .get::<_, Option<bool>>(at)
                        .map(|v| if v { "t" } else { "f" }.to_string()),
                    Type::INT4 => row.get::<_, Option<i32>>(at).map(|v| v.to_string()),
                    Type::INT8 => row.get::<_, Option<i64>>(at).map(|v| v.to_string()),
                    Type::FLOAT8 => row.get::<_, Option<f64>>(at).map(|v| v.to_string()),
                    Type::DATE => row.get::<_, Option<NaiveDate>>(at).map(|v| v.to_string()),
                    Type::TIMESTAMPTZ => row
                        .get::<_, Option<DateTime<Utc>>>(at)
                        .map(|v| v.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()),
                    Type::JSON => row.get::<_, Option<Json<Value>>>(at).map(|v| v.0.to_string()),
                    Type::NUMERIC => simple[at].clone(),
                    _ => row.get::<_, Option<String>>(at),
                };
                let same = match (&text, &simple[at]) {
                    (Some(a), Some(b)) => {
                        a == b
                            || a.parse::<f64>().is_ok_and(|a| b.parse() == Ok(a))
                            || serde_json::from_str::<Value>(a)
                                .is_ok_and(|a| serde_json::from_str::<Value>(b).ok() == Some(a))
                    }
                    (a, b) => a == b,
                };
                assert!(same, "{question} {}: {text:?}, {:?}", column.name(), simple[at]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_bound_by_the_types_that_are_given_or_inferred() {
    let (wire, http) = Wire::with_samples().await;
    let client = wire.connect().await;
    let count = |rows: &[tokio_postgres::Row]| rows[0].get::<_, i64>(0);

    let customers =
        http.number("select count(*) from messages where sender_role = 'customer'").await;
    let statement =
        client.prepare("select count(*) from messages where sender_role = $1").await.unwrap();
    assert_eq!(statement.params(), [Type::TEXT]);
    for _ in 0..2 {
        assert_eq!(count(&client.query(&statement, &[&"customer"]).await.unwrap()), customers);
    }
    assert_eq!(count(&client.query(&statement, &[&"nobody' or 'a' = 'a"]).await.unwrap()), 0);
    assert_eq!(count(&client.query(&statement, &[&None::<String>]).await.unwrap()), 0);

    let statement = client
        .prepare("select count(*) from messages where occurred_at >= $1 and occurred_at < $2 and seq > $3")
        .await
        .unwrap();
    assert_eq!(statement.params(), [Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::INT8]);
    let [from, to] = ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"]
        .map(|time| time.parse::<DateTime<Utc>>().unwrap());
    let all = http.number("select count(*) from messages where seq > 1").await;
    assert_eq!(count(&client.query(&statement, &[&from, &to, &1_i64]).await.unwrap()), all);

    let statement = client
        .prepare_typed(
            "select $1 + 1, $2::bool, $3::date, $4::double",
            &[Type::INT4, Type::BOOL, Type::DATE, Type::FLOAT8],
        )
        .await
        .unwrap();
    let day: NaiveDate = "2026-11-19".parse().unwrap();
    let rows = client.query(&statement, &[&6_i32, &true, &day, &0.5_f64]).await.unwrap();
    assert!(rows[0].get::<_, bool>(1));
    assert_eq!(rows[0].get::<_, NaiveDate>(2), day);
    assert_eq!(rows[0].get::<_, f64>(3), 0.5);

    let statement =
        client.prepare("select count(*) from messages where sender_role = any($1)").await.unwrap();
    assert_eq!(statement.params(), [Type::TEXT_ARRAY]);
    let both = http
        .number("select count(*) from messages where sender_role in ('customer', 'human')")
        .await;
    assert_eq!(
        count(&client.query(&statement, &[&vec!["customer", "human"]]).await.unwrap()),
        both
    );

    let limited = "select id from messages order by 1 limit $1";
    let statement = client.prepare(limited).await.unwrap();
    assert_eq!(statement.params(), [Type::INT8]);
    let rows = client.query(&statement, &[&3_i64]).await.unwrap();
    assert_eq!(rows.len(), 3);
    // A value that is none of its type is named, and the connection goes on.
    let statement = client.prepare_typed("select $1 > 0", &[Type::TEXT]).await;
    drop(statement);
    assert_eq!(one(&client, "select 1").await, "1");
}

/// A prepared statement does not answer from the moment at which it was prepared.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_sees_what_came_since() {
    let (wire, http) = Wire::with_samples().await;
    let client = wire.connect().await;
    let statement = client.prepare("select count(*) from messages").await.unwrap();
    let count = async || client.query_one(&statement, &[]).await.unwrap().get::<_, i64>(0);
    let before = count().await;
    client.batch_execute("begin").await.unwrap();
    assert_eq!(count().await, before);
    http.events(&[super::super::support::message("fresh", "m1", "customer", "c", "new")]).await;
    assert_eq!(count().await, before + 1, "a transaction is a word");
    client.batch_execute("commit").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_questions_on_their_way_at_once_are_answered_in_order() {
    let (wire, _) = Wire::with_samples().await;
    let client = wire.connect().await;
    let asked = (0..100_i64).map(|number| {
        let client = &client;
        async move {
            let row = client.query_typed("select $1 * 2", &[(&number, Type::INT8)]).await.unwrap();
            row[0].get::<_, i64>(0)
        }
    });
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers, (0..100).map(|number| number * 2).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_of_the_session_and_what_is_unknown_is_named() {
    let (wire, _) = Wire::with_samples().await;
    let (client, other) = (wire.connect().await, wire.connect().await);
    client
        .batch_execute(
            "set application_name = 'tool'; set extra_float_digits = 3; set search_path to public",
        )
        .await
        .unwrap();
    assert_eq!(one(&client, "show application_name").await, "tool");
    assert_eq!(one(&other, "show application_name").await, "");
    assert_eq!(one(&client, "show server_version").await, "16.6");
    assert_eq!(client.query_one("show timezone", &[]).await.unwrap().get::<_, String>(0), "UTC");
    for (sql, state, named) in [
        (
            "set datafusion.execution.batch_size = 1",
            SqlState::UNDEFINED_OBJECT,
            "datafusion.execution.batch_size",
        ),
        ("show nonsense", SqlState::UNDEFINED_OBJECT, "nonsense"),
        ("set client_encoding = 'GBK'", SqlState::INVALID_PARAMETER_VALUE, "GBK"),
    ] {
        assert!(fails(client.batch_execute(sql).await, &state).contains(named));
    }
    client.batch_execute("discard all").await.unwrap();
    assert_eq!(one(&client, "show application_name").await, "");
    // What is of a transaction alone is of none where there is none.
    client.batch_execute("set local application_name = 'local'").await.unwrap();
    assert_eq!(one(&client, "show application_name").await, "");
    client.batch_execute("begin; set local application_name = 'local'").await.unwrap();
    assert_eq!(one(&client, "show application_name").await, "local");
    client.batch_execute("commit").await.unwrap();
    assert_eq!(one(&client, "show application_name").await, "");
}

/// What `verbatim sql` has beside questions, in both protocols.
#[tokio::test(flavor = "multi_thread")]
async fn tables_and_plans_are_shown() {
    let (wire, _) = Wire::with_samples().await;
    let client = wire.connect().await;
    let path = wire.data.path().to_str().unwrap().to_string();
    for (sql, word) in [
        ("explain select * from turns", "turns"),
        ("describe turns", "nrt_ms"),
        ("show tables", "messages"),
    ] {
        let simple = format!("{:?}", simple(&client, sql).await.unwrap());
        let extended: Vec<String> = client
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .flat_map(|row| {
                (0..row.len()).filter_map(|at| row.try_get(at).ok()).collect::<Vec<String>>()
            })
            .collect();
        for told in [simple, extended.join(" ")] {
            assert!(told.contains(word) && !told.contains(&path), "{sql}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_failed_takes_its_end_alone() {
    let (wire, _) = Wire::with_samples().await;
    let client = wire.connect().await;
    client.batch_execute("begin").await.unwrap();
    fails(client.simple_query("select nonsense from events").await, &SqlState::UNDEFINED_COLUMN);
    fails(client.simple_query("select 1").await, &SqlState::IN_FAILED_SQL_TRANSACTION);
    fails(client.prepare("select 1").await, &SqlState::IN_FAILED_SQL_TRANSACTION);
    client.batch_execute("commit").await.unwrap();
    assert_eq!(one(&client, "select 1").await, "1");
    client.batch_execute("begin; savepoint a; select 1").await.unwrap();
    fails(client.simple_query("select 1 / 0 from events").await, &SqlState::DIVISION_BY_ZERO);
    client.batch_execute("rollback to savepoint a").await.unwrap();
    assert_eq!(one(&client, "select 1").await, "1");
    fails(
        client.batch_execute("rollback to savepoint b").await,
        &SqlState::S_E_INVALID_SPECIFICATION,
    );
    client.batch_execute("rollback").await.unwrap();
    fails(client.batch_execute("savepoint a").await, &SqlState::NO_ACTIVE_SQL_TRANSACTION);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_read_is_refused_in_both_protocols() {
    let (wire, http) = Wire::with_samples().await;
    let client = wire.connect().await;
    let before = http.number("select count(*) from events").await;
    for (sql, state) in [
        ("create table t as select 1", SqlState::READ_ONLY_SQL_TRANSACTION),
        (
            "create external table t stored as parquet location '/etc/passwd'",
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ),
        ("drop table events", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("insert into events values (1)", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("update events set text = ''", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("delete from events", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("truncate events", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("copy events to '/tmp/out.csv'", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("copy events from stdin", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("select * into c from events", SqlState::READ_ONLY_SQL_TRANSACTION),
        (
            "with a as (delete from events returning *) select * from a",
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ),
        ("explain analyze select * from events", SqlState::SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION),
        ("load data inpath 'x' into table events", SqlState::FEATURE_NOT_SUPPORTED),
        ("prepare p as select 1", SqlState::FEATURE_NOT_SUPPORTED),
        ("listen a", SqlState::FEATURE_NOT_SUPPORTED),
        ("do $$ begin end $$", SqlState::FEATURE_NOT_SUPPORTED),
        ("select * from '/etc/passwd'", SqlState::UNDEFINED_TABLE),
        ("select * from read_parquet('/etc/passwd')", SqlState::UNDEFINED_FUNCTION),
        ("select * from nope", SqlState::UNDEFINED_TABLE),
        ("select nope from events", SqlState::UNDEFINED_COLUMN),
        ("selec 1", SqlState::SYNTAX_ERROR),
        ("select 1 1 1", SqlState::SYNTAX_ERROR),
        ("select 'a", SqlState::SYNTAX_ERROR),
    ] {
        let simple_state = client.simple_query(sql).await.err().map(|error| super::told(&error));
        let extended = match client.prepare(sql).await {
            Ok(statement) => client.query(&statement, &[]).await.map(|_| ()),
            Err(error) => Err(error),
        };
        let extended = extended.err().map(|error| super::told(&error));
        for told in [simple_state, extended] {
            let (code, message) = told.unwrap_or_else(|| panic!("answered: {sql}"));
            assert_eq!(code, state.code(), "{sql}: {message}");
            assert!(!message.contains(wire.data.path().to_str().unwrap()), "{message}");
        }
    }
    // Read-only within a statement that begins as one.
    fails(
        client.simple_query("select 1; drop table events").await,
        &SqlState::READ_ONLY_SQL_TRANSACTION,
    );
    assert_eq!(http.number("select count(*) from events").await, before);
}

/// Who asked what is in the trail, with the purpose that the session was opened for; looks at the
/// catalogue are not.
#[tokio::test(flavor = "multi_thread")]
async fn questions_are_in_the_trail_and_looks_at_the_catalogue_are_not() {
    let (wire, http) = Wire::with_samples().await;
    let mut config = wire.analyst();
    config.options("-c verbatim.case=D-17 -c verbatim.reason=waiting\\ times");
    let client = connect(&config).await.unwrap();
    simple(&client, "select text from messages limit 3").await.unwrap();
    simple(&client, "select relname from pg_catalog.pg_class").await.unwrap();
    client.query("select count(*) from turns where turn > $1", &[&0_i64]).await.unwrap();
    let deadline = std::time::Instant::now() + super::super::support::PATIENCE;
    let entries = loop {
        let answer = http.get("/v1/access").await.json();
        let of_ann: Vec<Value> = answer["accesses"]
            .as_array()
            .unwrap_or(&Vec::new())
            .iter()
            .filter(|entry| entry["sub"] == "ann")
            .cloned()
            .collect();
        if of_ann.len() >= 2 {
            break of_ann;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(entries.len(), 2, "{entries:?}");
    for entry in &entries {
        let said = [&entry["action"], &entry["via"], &entry["case"], &entry["reason"]];
        assert_eq!(
            said,
            [&json!("sql"), &json!("postgres"), &json!("D-17"), &json!("waiting times")],
            "{entry}"
        );
    }
    assert!(entries.iter().any(|entry| entry["rows"] == 3), "{entries:?}");
    assert!(entries.iter().all(|entry| !entry["query"].as_str().unwrap().contains("pg_class")));
}
