//! Nothing of another shop comes over the wire: not in rows, not in errors, not by way of the catalogue.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::super::canary::{SECRET, STATEMENTS, events};
use super::super::isolation::{both_shops, statements};
use super::super::sql::app_with;
use super::super::support::Data;
use super::{Wire, connect, simple, told};
use verbatim::access::TokenRole::{Admin, Analyst};

/// Beside those of HTTP: whatever the catalogue knows, joined with whatever there is.
const OF_CATALOGUE: &[&str] = &[
    "select * from pg_catalog.pg_class",
    "select * from pg_catalog.pg_attribute",
    "select * from pg_catalog.pg_tables t, events e where t.tablename = 'events'",
    "select c.relname, m.text from pg_class c cross join messages m where c.relname = 'messages'",
    "select cast(m.text as bigint) from messages m, pg_class",
    "select * from pg_catalog.pg_settings",
    "select * from pg_catalog.pg_stat_user_tables",
    "select * from information_schema.columns",
    "select * from information_schema.df_settings",
    "select * from pg_catalog.pg_database",
    "select * from pg_catalog.pg_roles",
    "select pg_get_viewdef('messages'::regclass)",
    "select current_setting('data_directory')",
    "select pg_read_file('/etc/passwd')",
    "show data_directory",
    "show all",
    "select * from datafusion.public.events",
    "select * from blue.public.events",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_shop_comes_over_the_wire() {
    let wire = Wire::start();
    let boss = |shop: &str| wire.server.http(&wire.data.token(shop, "boss", &[Admin]));
    let (red, blue) = (boss("red"), boss("blue"));
    for (of_red, of_blue) in events("red").iter().zip(&events("blue")) {
        if of_blue["attachments"].is_null() {
            assert_eq!(red.event(of_red).await.status, 200);
            assert_eq!(blue.event(of_blue).await.status, 200);
        }
    }
    let path = wire.data.path();
    let path = path.to_str().unwrap();
    // In the simple protocol, and in the extended one.
    let mut seen_by_blue = [0, 0];
    for is_committed in [false, true] {
        if is_committed {
            red.caught_up(true).await;
        }
        for shop in ["red", "blue"] {
            let token = wire.data.token(shop, "ann", &[Analyst]);
            let client = connect(&wire.config("ann", &token)).await.unwrap();
            for sql in STATEMENTS.iter().chain(OF_CATALOGUE) {
                let simple = match simple(&client, sql).await {
                    Ok(rows) => format!("{rows:?}"),
                    Err(error) => format!("{:?}", told(&error)),
                };
                let extended = match client.prepare(sql).await {
                    Ok(statement) => match client.query(&statement, &[]).await {
                        Ok(rows) => all_of(&rows),
                        Err(error) => format!("{:?}", told(&error)),
                    },
                    Err(error) => format!("{:?}", told(&error)),
                };
                for told in [&simple, &extended] {
                    assert!(!told.contains(path), "{sql}: {told}");
                    assert!(shop == "blue" || !told.contains(SECRET), "{sql}: {told}");
                }
                for (seen, told) in seen_by_blue.iter_mut().zip([&simple, &extended]) {
                    *seen += usize::from(told.contains(SECRET));
                }
            }
        }
    }
    assert!(seen_by_blue.iter().all(|seen| *seen >= 20), "{seen_by_blue:?} show blue its own");
}

/// The bytes of a value, whatever its type is.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Raw, Box<dyn Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Everything that rows hold, with the names of their columns.
fn all_of(rows: &[Row]) -> String {
    let mut all = String::new();
    for row in rows {
        for (at, column) in row.columns().iter().enumerate() {
            let value = row.get::<_, Option<Raw>>(at).map(|raw| raw.0).unwrap_or_default();
            all.push_str(column.name());
            all.push_str(&String::from_utf8_lossy(&value));
        }
    }
    all
}

/// The statements that are to fail on another shop's values, over rows in files and in the tail.
#[tokio::test(flavor = "multi_thread")]
async fn no_error_over_the_wire_quotes_a_row_of_another_shop() {
    let data = Data::new();
    let both = both_shops();
    let (in_files, in_tail) = both.split_at(20);
    let app = app_with(&data, in_files).await;
    tokio::task::block_in_place(|| app.stop()).unwrap();
    let app = app_with(&data, in_tail).await;
    let statements = statements(&app).await;
    tokio::task::block_in_place(|| app.stop()).unwrap();
    let wire = Wire::start_on(data);
    let token = wire.data.token("red", "ann", &[Analyst]);
    let client = connect(&wire.config("ann", &token)).await.unwrap();
    let mut answered = 0;
    for sql in &statements {
        let simple = match simple(&client, sql).await {
            Ok(rows) => {
                answered += 1;
                format!("{rows:?}")
            }
            Err(error) => format!("{:?}", told(&error)),
        };
        let extended = match client.query(sql.as_str(), &[]).await {
            Ok(rows) => all_of(&rows),
            Err(error) => format!("{:?}", told(&error)),
        };
        for told in [simple, extended] {
            assert!(!told.contains("CANARY"), "{sql}: {told}");
        }
    }
    assert!(answered * 2 > statements.len(), "{answered} of {} are answered", statements.len());
}
