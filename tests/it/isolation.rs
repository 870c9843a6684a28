//! Whatever an analyst asks, neither the answer nor the error shows a row of another shop.
//!
//! The shop used to be a filter in the plan. The engine is free to evaluate the asker's expression
//! before it, on rows of every shop, and an error then quotes the value it failed on: `where case
//! when shop <> 'red' then cast(text as bigint) else 1 end = 1` answered with the other shop's text.

use arrow::datatypes::DataType;
use serde_json::{Value, json};
use verbatim::app::App;
use verbatim::sql::{Answer, TABLES};

use super::sql::app_with;
use super::support::Data;

/// In every value of the other shop that is a text: it is no number, no time and no pattern.
const CANARY: &str = "CANARY(";

/// What happens in one conversation of a shop. The asker's own values are all `1`, so that no
/// statement fails on one of them; of the numbers, only the rating differs.
fn conversation(shop: &str, value: &str, rating: u8) -> Vec<Value> {
    let customer = json!({"id": value, "role": "customer", "name": value});
    let agent = json!({"id": value, "role": "human", "name": value});
    let events = [
        json!({"id": "1", "kind": "open", "sender": customer, "order": value, "channel": value, "language": value}),
        json!({"id": value.to_string() + "1", "kind": "message", "sender": customer, "text": value, "data": [value]}),
        json!({"id": value.to_string() + "2", "kind": "message", "sender": agent, "text": value}),
        json!({"id": "4", "kind": "edit", "sender": agent, "target": value.to_string() + "2", "text": value}),
        json!({"id": "5", "kind": "assign", "sender": agent, "assignee": value}),
        json!({"id": "6", "kind": "tag", "sender": agent, "category": value}),
        json!({"id": "7", "kind": "resolve", "sender": agent}),
        json!({"id": "8", "kind": "rate", "sender": customer, "rating": rating}),
        json!({"id": "9", "kind": "reopen", "sender": customer}),
        json!({"id": "10", "kind": "message", "sender": customer, "text": value}),
    ];
    let in_conversation = |mut event: Value| {
        event["conversation"] = json!(value);
        event["sent_at"] = json!("2026-01-01T09:00:00Z");
        json!({"shop": shop, "origin": "imported", "event": event})
    };
    events.map(in_conversation).to_vec()
}

/// Red's events and blue's, in turns, so that they are in the same files, row groups and batches.
fn events(suffix: &str) -> Vec<Value> {
    let red = conversation("red", &format!("1{suffix}"), 3);
    let blue = conversation("blue", &format!("{CANARY}{suffix}"), 5);
    red.into_iter().zip(blue).flat_map(|(red, blue)| [red, blue]).collect()
}

/// Statements about a text column that fail where a value is no number.
fn about(table: &str, column: &str) -> Vec<String> {
    let column = format!("\"{column}\"");
    [
        "select count(*) from {t} where cast({c} as bigint) > 0",
        "select count(*) from {t} where case when shop <> 'red' then cast({c} as bigint) else 1 end = 1",
        "select count(*) from {t} where shop = 'red' and cast({c} as double) > 0",
        "select max(cast({c} as bigint)) from {t}",
        "select sum(cast({c} as decimal(20, 2))) from {t}",
        "select cast({c} as bigint) as number, count(*) from {t} group by 1",
        "select {c} from {t} order by cast({c} as bigint) desc limit 1",
        "select count(*) from {t} where regexp_like({c}, {c})",
        "select arrow_cast({c}, 'Int32') from {t} where {c} is not null limit 3",
        "select count(*) from {t} a join {t} b on cast(a.{c} as bigint) = cast(b.{c} as bigint)",
        "select count(*) from {t} where {c} in (select cast(cast({c} as bigint) as varchar) from {t})",
        "select row_number() over (order by cast({c} as bigint)) from {t} limit 1",
        "select 10 / (cast({c} as bigint) + 1) from {t} where {c} like '%C%' or {c} like '%1%'",
    ]
    .map(|statement| statement.replace("{t}", table).replace("{c}", &column))
    .to_vec()
}

/// Statements that fail on other grounds than a text.
const OTHERS: &[&str] = &[
    "select count(*) from events where 1 / (rating - 5) < 0",
    "select count(*) from events where shop = 'red' and 1 / (rating - 5) < 0",
    "select sum(10 / (rating - 5)) from events where kind = 'rate'",
    "select count(*) from events where case when rating = 5 then 1 / (rating - 5) else 1 end = 1",
    "select 1 % (rating - 5) from events where rating > 0 order by 1 limit 1",
    "select count(*) from conversations where 1 / (rating - 5) < 0",
    "select count(*) from messages where to_timestamp(original_text) > now()",
    "select count(*) from events where shop = 'blue' or 1 / (rating - 5) < 0",
];

fn text_of(answer: Answer) -> String {
    arrow::util::pretty::pretty_format_batches(&answer.batches).unwrap().to_string()
}

/// Every text column of every table.
async fn text_columns(app: &App) -> Vec<(&'static str, String)> {
    let mut columns = Vec::new();
    for (table, _) in TABLES {
        let answer = app.sql.query("red", &format!("select * from {table}")).await.unwrap();
        let texts =
            answer.schema.fields().iter().filter(|field| field.data_type() == &DataType::Utf8);
        columns.extend(texts.map(|field| (*table, field.name().clone())));
    }
    columns
}

/// Every statement there is to ask.
pub async fn statements(app: &App) -> Vec<String> {
    let mut statements: Vec<String> = OTHERS.iter().map(ToString::to_string).collect();
    statements.extend(TABLES.iter().map(|(table, _)| format!("select * from {table}")));
    for (table, column) in text_columns(app).await {
        statements.extend(about(table, &column));
    }
    statements
}

/// Twice what happens in both shops.
pub fn both_shops() -> Vec<Value> {
    [events(""), events("1")].concat()
}

/// Asks everything as red; then as blue, for the control. `committed` of all events are in files,
/// the others in the tail.
async fn check(events: &[Value], committed: usize) {
    let (in_files, in_tail) = events.split_at(committed);
    let data = Data::new();
    let app = app_with(&data, in_files).await;
    tokio::task::block_in_place(|| app.stop()).unwrap();
    let app = app_with(&data, in_tail).await;
    let statements = statements(&app).await;
    let (mut answered, mut failed_for_blue) = (0, 0);
    for statement in &statements {
        let shown = match app.sql.query("red", statement).await {
            Ok(answer) => {
                answered += 1;
                text_of(answer)
            }
            // Of its own values: `red` is no number.
            Err(error) => error.to_string(),
        };
        assert!(!shown.contains("CANARY"), "{statement}\n{shown}");
        assert!(
            !OTHERS[..7].contains(&statement.as_str()) || !shown.contains("ivide"),
            "{statement}\n{shown}"
        );
        failed_for_blue += usize::from(app.sql.query("blue", statement).await.is_err());
    }
    tokio::task::block_in_place(|| app.stop()).unwrap();
    assert!(statements.len() > 500, "{} statements", statements.len());
    assert!(
        answered * 2 > statements.len(),
        "only {answered} of {} are answered",
        statements.len()
    );
    assert!(failed_for_blue > 300, "only {failed_for_blue} fail on the other shop's rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_no_error_shows_rows_of_another_shop_in_the_files() {
    let events = events("");
    check(&events, events.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_no_error_shows_rows_of_another_shop_in_the_tail() {
    check(&events(""), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_no_error_shows_rows_of_another_shop_in_both() {
    check(&both_shops(), 20).await;
}
