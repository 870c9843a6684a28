//! Answers that are taken in parts: cursors, portals, copies.

use futures::TryStreamExt;
use tokio_postgres::error::SqlState;

use super::super::support::SHOP;
use super::raw::{Raw, kinds, state};
use super::{Wire, fails, one, simple};
use verbatim::access::TokenRole::Analyst;

const NUMBERS: &str = "select value from generate_series(1, 25000) order by value";

#[tokio::test(flavor = "multi_thread")]
async fn cursors_are_fetched_in_parts_and_end_with_their_transaction() {
    let wire = Wire::start();
    let client = wire.connect().await;
    fails(
        client.batch_execute("declare c cursor for select 1").await,
        &SqlState::NO_ACTIVE_SQL_TRANSACTION,
    );
    client
        .batch_execute(&format!("begin; declare \"my c\" no scroll cursor for {NUMBERS}"))
        .await
        .unwrap();
    let mut all = Vec::new();
    for count in [1, 10_000, 10_000, 10_000] {
        let rows = simple(&client, &format!("fetch forward {count} from \"my c\"")).await.unwrap();
        all.extend(rows.into_iter().map(|row| row[0].clone().unwrap().parse::<u32>().unwrap()));
    }
    assert_eq!(all, (1..=25_000).collect::<Vec<_>>());
    assert!(simple(&client, "fetch all from \"my c\"").await.unwrap().is_empty());
    let known = "select name from pg_catalog.pg_cursors";
    assert_eq!(one(&client, known).await, "my c");
    client.batch_execute("close \"my c\"").await.unwrap();
    assert!(simple(&client, known).await.unwrap().is_empty());
    let closed = client.simple_query("fetch 1 from \"my c\"").await;
    assert!(fails(closed, &SqlState::INVALID_CURSOR_NAME).contains("my c"));
    client.batch_execute("rollback").await.unwrap();
    client
        .batch_execute(&format!("begin; declare a cursor for {NUMBERS}; declare b cursor with hold for {NUMBERS}; move 100 in b; commit"))
        .await
        .unwrap();
    fails(client.simple_query("fetch a").await, &SqlState::INVALID_CURSOR_NAME);
    assert_eq!(one(&client, "fetch b").await, "101");
    client.batch_execute("close all").await.unwrap();
}

/// As JDBC does with a fetch size: a portal is executed again and again, for so many rows each time.
#[tokio::test(flavor = "multi_thread")]
async fn portals_are_taken_in_parts() {
    let wire = Wire::start();
    let mut client = wire.connect().await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind(NUMBERS, &[]).await.unwrap();
    let mut all = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 999).await.unwrap();
        if rows.is_empty() {
            break;
        }
        assert!(rows.len() <= 999);
        all.extend(rows.iter().map(|row| row.get::<_, i64>(0)));
    }
    assert_eq!(all, (1..=25_000).collect::<Vec<_>>());
    transaction.commit().await.unwrap();
    assert_eq!(one(&client, "select 1").await, "1");
}

/// To describe a FETCH from the portal that it is bound to went round until the stack was full, which ended
/// the service.
#[test]
fn a_fetch_from_itself_or_from_another_fetch_is_refused() {
    let mut wire = Wire::start();
    let mut raw = Raw::log_in(&wire, "ann", &wire.data.token(SHOP, "ann", &[Analyst]));
    raw.query("begin");
    raw.until_ready();
    for (one, other) in [("x", "x"), ("a", "b")] {
        raw.parse("", &format!("fetch 1 from {one}"));
        raw.bind(other, "");
        raw.parse("", &format!("fetch 1 from {other}"));
        if one != other {
            raw.bind(one, "");
        }
        raw.describe_portal(one);
        assert_eq!(state(&raw.sync()), "34000");
        raw.query("rollback; begin");
        raw.until_ready();
        raw.parse("", &format!("fetch 1 from {one}"));
        raw.bind(other, "");
        raw.execute(other, 0);
        assert_eq!(state(&raw.sync()), "34000");
        raw.query("rollback; begin");
        raw.until_ready();
    }
    wire.server.assert_alive();
    // A FETCH from a cursor has its columns.
    raw.query("declare c cursor for select 7 as seven");
    raw.until_ready();
    raw.parse("", "fetch 1 from c");
    raw.bind("", "");
    raw.describe_portal("");
    raw.execute("", 0);
    let answer = raw.sync();
    assert_eq!(kinds(&answer), "12TDC");
    assert!(answer[2].1.windows(5).any(|name| name == b"seven"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_written_as_text_and_as_csv() {
    let wire = Wire::start();
    let client = wire.connect().await;
    let copied = async |options: &str| {
        let sql =
            format!("copy (values (1, 'a,\tb', null), (2, '退\"款', 'x')) to stdout {options}");
        let stream = client.copy_out(&sql).await.unwrap();
        let parts: Vec<_> = stream.try_collect().await.unwrap();
        String::from_utf8(parts.concat()).unwrap()
    };
    assert_eq!(copied("").await, "1\ta,\\tb\t\\N\n2\t退\"款\tx\n");
    let csv = copied("with (format csv, header true)").await;
    assert_eq!(csv, "column1,column2,column3\n1,\"a,\tb\",\n2,\"退\"\"款\",x\n");
    let csv = async |query: &str| {
        let stream = client.copy_out(&format!("copy ({query}) to stdout csv")).await.unwrap();
        let parts: Vec<_> = stream.try_collect().await.unwrap();
        String::from_utf8(parts.concat()).unwrap()
    };
    assert_eq!(csv("values ('', null, 1), (null, 'a', 2)").await, "\"\",,1\n,a,2\n");
    assert_eq!(csv("values ('\\.'), (''), (null)").await, "\"\\.\"\n\"\"\n\n");
    assert_eq!(csv("values ('\\.', 1)").await, "\\.,1\n");
}

/// A copy that was cut at a number of rows said that it was whole; executed again, it ended what it had not
/// begun.
#[test]
fn a_copy_is_whole_and_made_once() {
    let wire = Wire::start();
    let mut raw = Raw::log_in(&wire, "ann", &wire.data.token(SHOP, "ann", &[Analyst]));
    raw.parse("", "copy (values (1), (2), (3)) to stdout");
    raw.bind("", "");
    raw.execute("", 2);
    raw.execute("", 0);
    let answer = raw.sync();
    assert_eq!(kinds(&answer), "12HdddcCE");
    assert_eq!(answer[7].1, b"COPY 3\0");
    assert_eq!(state(&answer), "55000");
}
