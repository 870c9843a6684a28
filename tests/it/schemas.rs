//! The published schemas are the code's. `VERBATIM_BLESS=1` writes them again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use verbatim::access::TokenRole::Admin;
use verbatim::access::{CUSTOMER_KINDS, rights_table, shop_fields};
use verbatim::export::schema_page;
use verbatim::model::{CUSTOMER_HEARS, Event, Kind, json_schema};
use verbatim::server::{openapi, routes_table};
use verbatim::sql::schema;

use super::support::{Data, Server, sample};

fn schemas() -> [(PathBuf, Value); 3] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    [
        (folder.join("event.json"), json_schema::event()),
        (folder.join("record.json"), json_schema::record()),
        (folder.join("openapi.json"), openapi()),
    ]
}

/// Other people's clients are written against `schemas/`. A field that the code knows and the file
/// does not, or the other way round, breaks them.
#[test]
fn the_published_schemas_are_those_of_the_code() {
    for (path, schema) in schemas() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "`{}` is not what the code says; VERBATIM_BLESS=1 writes it again",
            path.display()
        );
    }
}

/// Who may do what is written down for people, and is the table that the code asks.
#[test]
fn the_published_rights_are_those_of_the_code() {
    let kinds =
        |kinds: &[Kind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "# Who may do what\n\nA token has one role or more, and is of one shop: nothing of another shop is \
         ever answered, whatever the\nrole. This page is written from the table that the code asks \
         (`src/access/rights.rs`).\n\n{}\nWithout a token: `/healthz`, `/readyz`, the page to sign in; and the ledger, where `evidence.public`\n\
         is set. It tells how many records all shops have, and nothing of them.\n\n\
         A customer sends, as themselves, in conversations they take part in or begin: {}.\n\
         They set each field of such an event but `{}`.\n\n\
         A customer hears of such a conversation what is public of these kinds: {}. They are told seq and\n\
         leaf of a record, not its offset, which counts the messages of all shops.\n\n\
         A customer takes part in a conversation that they began, and where the shop says so: by `customer` \
         of an `open`\nor a `join`. Whoever writes first to a conversation that the shop began does not.\n\n\
         A file is for whoever hears the message that names it, and is asked for by that message.\n",
        rights_table(),
        kinds(CUSTOMER_KINDS),
        shop_fields().join("`, `"),
        kinds(CUSTOMER_HEARS),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rights.md");
    if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "`{}`: VERBATIM_BLESS=1 writes it again", path.display());
}

/// What each route asks first, and what is recorded there, is told as the code has it.
#[test]
fn the_published_routes_are_those_of_the_code() {
    const HEAD: &str = "\n## Every route\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let published = std::fs::read_to_string(&path).unwrap();
    let (before, _) = published.split_once(HEAD).expect("the part about every route, at the end");
    let text = format!(
        "{before}{HEAD}Written from the table that the server asks (`src/server/routes.rs`); `rights.md` says which roles \
         have a right. A route\nwith `a token` asks more once it knows what is asked for. What is slow is bounded for each subject.\n\n{}",
        routes_table(),
    );
    if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(published == text, "`{}`: VERBATIM_BLESS=1 writes it again", path.display());
}

/// What SQL may ask is told as the code has it: tables, columns, functions.
#[tokio::test]
async fn the_published_tables_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let text = schema_page(schema().await.unwrap());
    if std::env::var("VERBATIM_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "`{}`: VERBATIM_BLESS=1 writes it again", path.display());
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// What is taken and what is handed out keeps to the schemas: every sample event is one, and every
/// record has exactly a record's properties.
#[tokio::test(flavor = "multi_thread")]
async fn sample_events_and_their_records_keep_to_the_schemas() {
    let (event_schema, record_schema) = (json_schema::event(), json_schema::record());
    let event_properties = keys(&event_schema["properties"]);
    let required = |schema: &Value| -> BTreeSet<String> {
        schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_string())
            .collect()
    };
    assert!(
        required(&event_schema).contains("sender") && required(&record_schema).contains("leaf")
    );
    for name in ["history.ndjson", "live.ndjson"] {
        for (line, text) in std::fs::read_to_string(sample(name)).unwrap().lines().enumerate() {
            Event::parse(text.as_bytes())
                .unwrap_or_else(|error| panic!("{name}:{}: {error}", line + 1));
            let event: Value = serde_json::from_str(text).unwrap();
            assert!(keys(&event).is_subset(&event_properties), "{name}:{}", line + 1);
            assert!(required(&event_schema).is_subset(&keys(&event)), "{name}:{}", line + 1);
        }
    }
    let data = Data::new();
    data.succeeds([Path::new("import"), &sample("history.ndjson")]);
    let server = Server::start(&data);
    let records = server.http_as(&data, "boss", &[Admin]).records().await;
    assert!(records.len() > 1_000);
    for record in &records {
        let mut properties = keys(&record_schema["properties"]);
        assert!(properties.remove("erased"), "nothing of them was");
        assert_eq!(keys(record), properties, "{record}");
        assert!(keys(&record["event"]).is_subset(&event_properties), "{record}");
        let schema_of = |schema: &Value, name: &str| schema["properties"][name].clone();
        assert!(fits(&record["seq"], &schema_of(&record_schema, "seq")));
        for name in ["offset", "received_at", "occurred_at", "origin", "leaf", "shop"] {
            assert!(fits(&record[name], &schema_of(&record_schema, name)), "{name}: {record}");
        }
        for (name, value) in record["event"].as_object().unwrap() {
            assert!(fits(value, &schema_of(&event_schema, name)), "{name}: {record}");
        }
    }
    assert!(
        !fits(&Value::from(0), &record_schema["properties"]["seq"]),
        "the check itself can fail"
    );
    assert!(
        !fits(&Value::from("shout"), &event_schema["properties"]["kind"]),
        "the check itself can fail"
    );
}

/// The few words of JSON Schema that ours use.
fn fits(value: &Value, schema: &Value) -> bool {
    let has_type = match schema["type"].as_str() {
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some(other) => panic!("unknown type {other}"),
        None => true,
    };
    let number = |name: &str| schema[name].as_i64();
    let in_range = value.as_i64().is_none_or(|value| {
        number("minimum").is_none_or(|minimum| minimum <= value)
            && number("maximum").is_none_or(|max| value <= max)
    });
    let length = value.as_str().map(|text| text.chars().count() as i64);
    let in_length = length.is_none_or(|length| {
        number("minLength").is_none_or(|minimum| minimum <= length)
            && number("maxLength").is_none_or(|max| length <= max)
    });
    let is_word = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    let is_hash =
        schema["pattern"].is_null() || value.as_str().is_some_and(verbatim::model::is_sha256_hex);
    let has_parts = value.as_object().is_none_or(|parts| {
        parts.iter().all(|(name, part)| {
            schema["properties"].get(name).is_some_and(|schema| fits(part, schema))
        }) || schema["properties"].is_null()
    });
    let has_items =
        value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, &schema["items"])));
    has_type && in_range && in_length && is_word && is_hash && has_parts && has_items
}
