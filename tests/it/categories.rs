//! A classifier made, judged and used by the commands, and by a service once chats have ended.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verbatim::access::TokenRole::Admin;

use super::clock::Clock;
use super::support::{Data, Http, SHOP, Server, message, sample};

/// How soon after its end a conversation has its category.
const SECONDS_MAX: u64 = 60;

fn train(data: &Data) -> Value {
    let labels = sample("labels.csv");
    let labels = labels.to_str().unwrap();
    let made = data.succeeds(["categories", "train", "--labels", labels, "--format", "json"]);
    serde_json::from_str(&made).unwrap()
}

fn end(conversation: &str) -> Value {
    json!({"id": "end", "conversation": conversation, "kind": "resolve",
        "sender": {"id": "max", "role": "human"}})
}

fn tag(conversation: &str, id: &str, kind: &str, category: &str) -> Value {
    json!({"id": id, "conversation": conversation, "kind": kind, "category": category,
        "sender": {"id": "max", "role": "human"}})
}

fn asks(conversation: &str, text: &str) -> Value {
    message(conversation, "m1", "customer", "anna", text)
}

/// Waits until a count is what it should be.
async fn until(http: &Http, query: &str, wanted: i64) {
    until_within(http, query, wanted, SECONDS_MAX).await;
}

async fn until_within(http: &Http, query: &str, wanted: i64, seconds_max: u64) {
    let since = Instant::now();
    loop {
        let number = http.number(query).await;
        if number == wanted {
            return;
        }
        let waited = since.elapsed();
        assert!(waited < Duration::from_secs(seconds_max), "{query}: {number}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

const AUTOMATIC: &str = "select count(*) from tags where automatic and tagged";

#[test]
fn a_model_is_made_judged_and_listed() {
    let data = Data::new();
    data.run(["categories", "list"]).assert_code(2);
    assert_eq!(Server::start(&data).stop(), 0);
    data.run(["categories", "list"]).assert_code(1);
    data.run(["categories", "train", "--from-tags"]).assert_stderr_has("at least 4 examples");
    let wrong = data.file("wrong.csv", "text,category\n,refund\n");
    let wrong = wrong.to_str().unwrap();
    let ran = data.run(["categories", "train", "--labels", wrong]);
    ran.assert_code(2);
    ran.assert_stderr_has("line 2");
    let (about, again) = (train(&data), train(&data));
    assert_eq!(about["version"], again["version"], "the same labels give the same model");
    assert_eq!(about["categories"].as_array().unwrap().len(), 10);
    let accuracy = about["held_out"]["accuracy"].as_f64().unwrap();
    assert!((0.5..1.0).contains(&accuracy), "{accuracy}: nothing held out is known by heart");
    let labels = sample("labels.csv");
    let judged = data.succeeds([
        "categories",
        "eval",
        "--labels",
        labels.to_str().unwrap(),
        "--format",
        "json",
    ]);
    let judged: Value = serde_json::from_str(&judged).unwrap();
    assert!(
        judged["accuracy"].as_f64().unwrap() > accuracy,
        "what was learnt from is known better"
    );
    for field in ["macro_f1", "categories", "confusion", "unknown", "threshold"] {
        assert!(!judged[field].is_null(), "{field}");
    }
    let listed = data.succeeds(["categories", "list"]);
    assert!(listed.contains(about["version"].as_str().unwrap()), "{listed}");
    data.run(["categories", "eval", "--labels", wrong, "--name", "other"])
        .assert_stderr_has("no model `other`");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_gets_its_category_once_and_people_win() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let http = server.http_as(&data, "boss", &[Admin]);
    http.events(&[asks("before", "我要退款, 钱还没退给我"), end("before")]).await;
    let version = train(&data)["version"].as_str().unwrap().to_string();
    data.succeeds(["rules", "set", "classifier=issues"]);
    let mut chats = Vec::new();
    for (name, text) in [
        ("money", "I want my money back, when do I get my refund"),
        ("发票", "我要开发票, 发票抬头写错了"),
        ("by-hand", "I want my money back, please refund the order"),
        ("noise", "%%% ???"),
        ("open", "我要退款"),
    ] {
        chats.push(asks(name, text));
        if name == "by-hand" {
            chats.push(tag(name, "t", "tag", "complaint"));
        }
        if name != "open" {
            chats.push(end(name));
        }
    }
    http.events(&chats).await;
    until(&http, AUTOMATIC, 2).await;
    let told = http
        .sql("select conversation, category, automatic, model, probability > 0.1 as sure from categories order by 1")
        .await
        .json();
    let model = format!("issues@{version}");
    assert_eq!(
        told,
        json!([
            {"conversation": "by-hand", "category": "complaint", "automatic": false, "model": null, "sure": null},
            {"conversation": "money", "category": "refund", "automatic": true, "model": model, "sure": true},
            {"conversation": "发票", "category": "invoice", "automatic": true, "model": model, "sure": true},
        ])
    );
    // A person says otherwise: that wins.
    http.events(&[tag("money", "t2", "tag", "complaint")]).await;
    let query =
        "select count(*) from categories where conversation = 'money' and category = 'complaint'";
    until(&http, query, 1).await;
    until(&http, "select count(*) from categories where conversation = 'money'", 1).await;
    // What ended before the rule is left to the command; twice adds nothing.
    for applied in [r#"{"tagged":1"#, r#"{"unknown":1"#] {
        let said = data.succeeds(["categories", "apply", "--format", "json"]);
        assert!(said.starts_with(applied), "{said}");
    }
    until(&http, AUTOMATIC, 3).await;
    assert_eq!(server.stop(), 0);
    // Without what it remembers, everything is decided again, and nothing is added.
    std::fs::remove_file(data.path().join("categorizing.json")).unwrap();
    let server = Server::start(&data);
    let http = server.http_as(&data, "boss", &[Admin]);
    http.events(&[asks("new", "保修多久, 还在保修期内吗"), end("new")]).await;
    until(&http, AUTOMATIC, 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    until(&http, AUTOMATIC, 4).await;
    assert_eq!(http.number("select count(*) from events where kind = 'untag'").await, 0);
    drop(server);
}

/// The shop thought that its chats were tagged, and nobody said that they were not.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_damaged_model_is_said_and_caught_up_on() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let http = server.http_as(&data, "boss", &[Admin]);
    data.succeeds(["rules", "set", "classifier=issues"]);
    http.events(&[asks("c", "我要退款, 退款什么时候到账"), end("c")]).await;
    let since = Instant::now();
    let told = loop {
        let status = http.get("/v1/status").await.json()["log"]["trouble"].to_string();
        if status.contains("no model `issues`")
            || since.elapsed() > Duration::from_secs(SECONDS_MAX)
        {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(told.contains("no model `issues`"), "{told}");
    let said = server.stderr();
    assert_eq!(said.matches("get no category").count(), 1, "{said}");
    let folder = data.path().join("models").join(SHOP);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("issues.model"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(http.number(AUTOMATIC).await, 0);
    train(&data);
    until(&http, AUTOMATIC, 1).await;
    drop(server);
}

/// More episodes than a look has pages for, all ended by one record, were looked at from their beginning for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_record_ends_is_looked_at_to_the_last() {
    const CHATS: usize = 4_500;
    let data = Data::committing_often();
    let clock = Clock::of(&data);
    let start = || Server::start_as(&data, |command| Clock::put_under(command, &data));
    let token = data.token_for("boss", &[Admin], Duration::from_secs(24 * 3_600));
    let mut server = start();
    train(&data);
    data.succeeds(["rules", "set", "classifier=issues", "idle_hours=1"]);
    let chats: Vec<Value> =
        (0..CHATS).map(|number| asks(&format!("c{number:04}"), "%%% ???")).collect();
    for some in chats.chunks(500) {
        server.http(&token).events(some).await;
    }
    server.http(&token).events(&[asks("last", "I want my money back, please refund me")]).await;
    assert_eq!(server.stop(), 0);
    clock.is_off_by(2 * 3_600);
    server = start();
    let http = server.http(&token);
    http.events(&[asks("next", "hello")]).await;
    let ended = "select count(distinct closed_offset) * 10000 + count(closed_offset) from episodes";
    until(&http, ended, 10_000 + CHATS as i64 + 1).await;
    // A hundred questions, which give way to all else on the machine.
    until_within(&http, AUTOMATIC, 1, 5 * SECONDS_MAX).await;
}
