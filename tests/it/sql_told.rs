//! What SQL tells of tables, functions and plans, and of mistakes: all of it, and nothing of what other
//! shops have.

use serde_json::{Value, json};
use verbatim::app::App;
use verbatim::sql::{TABLES, schema};

use super::sql::app_with;
use super::support::Data;

/// In everything that the other shop sent.
const SECRET: &str = "7g3z";

/// `count` conversations of a shop, and what is in each.
fn events(shop: &str, mark: &str, count: usize) -> Vec<Value> {
    let conversation = |number: usize| {
        let (name, customer) = (format!("c-{mark}-{number}"), format!("customer-{mark}-{number}"));
        let customer = json!({"id": customer, "role": "customer", "name": customer});
        let agent = json!({"id": format!("agent-{mark}"), "role": "human"});
        let events = [
            json!({"id": "o", "kind": "open", "sender": customer, "order": format!("order-{mark}")}),
            json!({"id": "m", "kind": "message", "sender": customer, "text": format!("text-{mark}")}),
            json!({"id": "r", "kind": "message", "sender": agent, "text": format!("reply-{mark}")}),
            json!({"id": "e", "kind": "edit", "sender": agent, "target": "r", "text": format!("edit-{mark}")}),
            json!({"id": "t", "kind": "tag", "sender": agent, "category": format!("tag-{mark}")}),
        ];
        events.map(|mut event| {
            event["conversation"] = json!(name);
            event["sent_at"] = json!("2026-01-01T09:00:00Z");
            json!({"shop": shop, "origin": "imported", "event": event})
        })
    };
    (0..count).flat_map(conversation).collect()
}

/// Statements about tables and plans.
fn statements() -> Vec<String> {
    let mut statements: Vec<String> = [
        "show tables",
        "show tables like 'c%'",
        "show functions",
        "describe select t.*, e.* from turns t join episodes e using (conversation)",
        "describe information_schema.tables",
        "explain select count(*) from events",
        "explain select count(*), min(\"offset\"), max(\"offset\") from events where kind = 'message'",
        "explain select * from turns t join episodes e on t.conversation = e.conversation",
        "explain select text from messages where text like '%x%' order by occurred_at limit 3",
        "explain verbose select * from conversations where \"order\" = 'A1'",
        "explain verbose select category, count(*) from categories group by 1",
        "explain select * from events where conversation in (select conversation from turns)",
        "explain select * from events where \"offset\" = (select max(\"offset\") from tags)",
    ]
    .map(str::to_string)
    .to_vec();
    for (table, _) in TABLES {
        statements.push(format!("describe {table}"));
        statements.push(format!("describe table public.{table}"));
        statements.push(format!("show columns from {table} like '%s%'"));
        statements.push(format!("explain verbose select * from {table}"));
    }
    statements
}

async fn told(app: &App, shop: &str, statement: &str) -> String {
    match app.sql.query(shop, statement).await {
        Ok(answer) => {
            arrow::util::pretty::pretty_format_batches(&answer.batches).unwrap().to_string()
        }
        Err(error) => format!("error: {error}"),
    }
}

/// What red is told of each statement, where `all` is in files, `more` in the tail.
async fn told_of_each(all: &[Value], more: &[Value]) -> (Vec<(String, String)>, String) {
    let data = Data::new();
    let app = app_with(&data, all).await;
    tokio::task::block_in_place(|| app.stop()).unwrap();
    let app = app_with(&data, more).await;
    let mut each = Vec::new();
    for statement in statements() {
        let told = told(&app, "red", &statement).await;
        assert!(!told.starts_with("error"), "{statement}: {told}");
        each.push((statement, told));
    }
    tokio::task::block_in_place(|| app.stop()).unwrap();
    (each, data.path().display().to_string())
}

/// A plan with the time at which it was made left out, and the width that it took.
fn without_now(plan: &str) -> String {
    let is_instant =
        |word: &&str| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_digit());
    let words = plan.split(|char: char| !char.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty() && !is_instant(word)).collect::<Vec<_>>().join(" ")
}

/// Plans used to be refused, since the engine's name files and go by how many rows all shops have.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_the_same_whatever_other_shops_have() {
    let red = events("red", "own", 2);
    let blue = events("blue", SECRET, 400);
    let (alone, _) = told_of_each(&red, &[]).await;
    let among: Vec<Value> = [&blue[..1_000], &red, &blue[1_000..]].concat();
    let (beside, folder) = told_of_each(&among, &blue[..50]).await;
    for ((statement, alone), (_, beside)) in alone.iter().zip(&beside) {
        assert_eq!(without_now(alone), without_now(beside), "{statement}");
        for secret in [SECRET, "blue", "parquet", "file_groups", &folder] {
            assert!(!beside.contains(secret), "{statement} tells `{secret}`: {beside}");
        }
    }
    // The control: they do tell what is asked for.
    let of = |statement: &str| {
        let told = beside.iter().find(|(asked, _)| asked == statement);
        told.map_or("", |(_, told)| told.as_str())
    };
    assert!(of("describe turns").contains("next response time"));
    assert!(of("explain select count(*) from events").contains("TableScan: events"));
    assert!(
        of("explain verbose select * from conversations where \"order\" = 'A1'")
            .contains("as written")
    );
    assert!(of("show tables like 'c%'").contains("conversations"));
    assert!(!of("show tables like 'c%'").contains("turns"));
    assert!(of("show functions").contains("business_ms(from, to [, team])"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_answered_by_what_to_do() {
    let data = Data::new();
    let app = app_with(&data, &events("blue", SECRET, 3)).await;
    for (statement, hint) in [
        ("select * from turn", "did you mean `turns`?"),
        ("describe mesages", "did you mean `messages`?"),
        ("select * from accounts", "the tables are `events`, `turns`"),
        ("select nrt_ms from episodes", "`nrt_ms` is a column of `turns`"),
        ("select wating_since from turns", "waiting_since"),
        ("select conversation order from episodes", "\"order\", in double quotes"),
        ("select * from events where text is null offset > 3", "\"offset\", in double quotes"),
        ("select local_dy(now(), 'UTC')", "local_day"),
        ("explain analyze select 1", "only VERBOSE"),
        ("show tables where true", "LIKE"),
        ("select 1; select 2", "be one statement"),
        ("\\d turns", "for the prompt of `verbatim sql` alone: SHOW TABLES"),
    ] {
        let told = told(&app, "red", statement).await;
        assert!(told.starts_with("error") && told.contains(hint), "{statement}: {told}");
        assert!(!told.contains(SECRET), "{statement}: {told}");
    }
    tokio::task::block_in_place(|| app.stop()).unwrap();
}

/// Two keys of one name in a JSON object: readers see the last of them.
#[tokio::test(flavor = "multi_thread")]
async fn columns_of_one_name_are_told_apart() {
    let data = Data::new();
    let app = app_with(&data, &events("red", "own", 1)).await;
    let sql = "select a.id, b.id, b.text from messages a join messages b using (conversation)";
    let answer = app.sql.query("red", sql).await.unwrap();
    let names: Vec<&str> =
        answer.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "id_2", "text"]);
    assert!(answer.batches.iter().all(|batch| batch.schema() == answer.schema));
    tokio::task::block_in_place(|| app.stop()).unwrap();
}

/// A client is told of tables by the code that answers about them.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_that_of_the_answers() {
    let data = Data::new();
    let app = app_with(&data, &events("red", "own", 1)).await;
    for table in &schema().await.unwrap().tables {
        let answer = app.sql.query("red", &format!("select * from {}", table.name)).await.unwrap();
        let columns: Vec<(&str, bool)> = (answer.schema.fields().iter())
            .map(|field| (field.name().as_str(), field.is_nullable()))
            .collect();
        let told: Vec<(&str, bool)> =
            table.columns.iter().map(|column| (column.name.as_str(), column.nullable)).collect();
        assert_eq!(told, columns, "{}", table.name);
    }
    tokio::task::block_in_place(|| app.stop()).unwrap();
}
