//! Whatever a token of one shop asks, and through whatever door, nothing of the other shop is in the
//! answer: not in a body, a header or a frame, not in an error.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verbatim::access::TokenRole::{self, Admin, Analyst, Customer, Dispute, Human, Importer};
use verbatim::sql::named_queries;

use super::socket::Socket;
use super::support::{Answer, Data, Http, Server, message, tables};

/// In every text of the other shop. Whoever asks knows the part before it, and guesses with that. No hex digits: among
/// the leaves of the trail they would come up by chance.
pub const SECRET: &str = "7g3z";
const SHOPS: [&str; 2] = ["red", "blue"];

fn canary(what: &str) -> String {
    format!("CANARY-{what}-{SECRET}")
}

/// What happens in each shop, under the same ids: only blue's texts are canaries.
pub fn events(shop: &str) -> Vec<Value> {
    let own = |what: &str| if shop == "blue" { canary(what) } else { format!("own-{what}") };
    let (customer, agent) = (
        json!({"id": own("customer"), "role": "customer", "name": own("name")}),
        json!({"id": own("agent"), "role": "human", "name": own("agent name")}),
    );
    let attachment = json!({"sha256": hash_of(&own("bytes")), "name": own("file"), "media_type": "image/png", "bytes": 5});
    vec![
        json!({"id": "o1", "kind": "open", "sender": customer, "order": own("order"), "channel": "app"}),
        json!({"id": "m1", "kind": "message", "sender": customer, "text": own("text"), "data": [own("data")], "attachments": [attachment]}),
        json!({"id": "m2", "kind": "message", "sender": agent, "text": own("reply")}),
        json!({"id": "n1", "kind": "message", "sender": agent, "text": own("note"), "visibility": "private"}),
        json!({"id": "e1", "kind": "edit", "sender": agent, "target": "m2", "text": own("edited")}),
        json!({"id": "a1", "kind": "assign", "sender": agent, "assignee": own("assignee")}),
        json!({"id": "t1", "kind": "tag", "sender": agent, "category": own("category")}),
        json!({"id": "m3", "kind": "message", "sender": customer, "text": own("waiting")}),
    ]
    .into_iter()
    .map(|mut event| {
        event["conversation"] = json!("c1");
        event
    })
    .chain([message(&own("conversation"), "x1", "customer", &own("customer"), &own("elsewhere"))])
    .collect()
}

fn hash_of(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Requests of each sort; what is guessed is guessed by what the asker may know.
fn paths() -> Vec<String> {
    let mut paths = vec![
        "/v1/events".to_string(),
        "/v1/events?from=3".to_string(),
        "/v1/conversations/c1".to_string(),
        "/v1/conversations/CANARY-conversation".to_string(),
        "/v1/reports".to_string(),
        "/v1/reports/nope".to_string(),
        "/v1/rules".to_string(),
        "/v1/schema".to_string(),
        "/v1/access".to_string(),
        "/v1/access?person=boss".to_string(),
        "/v1/conversations/@access".to_string(),
        "/conversations/@access".to_string(),
        "/case".to_string(),
        "/v1/status".to_string(),
        "/v1/checkpoint".to_string(),
        "/v1/ledger".to_string(),
        "/v1/consistency?from=0".to_string(),
        "/v1/proof?offset=0".to_string(),
        "/v1/holds".to_string(),
        "/v1/erasures".to_string(),
        "/v1/erasures/erase-0000000000000000".to_string(),
        format!("/v1/conversations/c1/events/m1/attachments/{}", hash_of(&canary("bytes"))),
        format!("/v1/conversations/c1/events/n1/attachments/{}", hash_of(&canary("bytes"))),
        "/".to_string(),
        "/?from=2026-01-01&to=2027-01-01".to_string(),
        "/?agent=CANARY-agent&category=CANARY-category".to_string(),
        "/dashboards/waits".to_string(),
        "/dashboards/agents?channel=CANARY".to_string(),
        "/dashboards/categories".to_string(),
        "/dashboards/bot".to_string(),
        "/dashboards/sla".to_string(),
        "/explain/waiting_by_day?figure=n&at.day=2026-01-01".to_string(),
        "/conversations/c1".to_string(),
        "/conversations/c1?at=3".to_string(),
        "/conversations/c1?print=1".to_string(),
        "/conversations/c1?print=internal".to_string(),
        "/v1/conversations".to_string(),
        "/v1/conversations?order=CANARY-order".to_string(),
        "/v1/conversations?customer=CANARY-customer".to_string(),
        "/v1/conversations?agent=CANARY-agent".to_string(),
        "/orders/CANARY-order".to_string(),
        "/orders/CANARY-order?view=chronology".to_string(),
        "/customers/CANARY-customer".to_string(),
        "/agents/CANARY-agent?print=internal".to_string(),
        "/search".to_string(),
        "/login".to_string(),
        "/nope".to_string(),
    ];
    for words in ["CANARY", "canary-text", "a", "", "CANARY-"] {
        for filter in [
            "",
            "&order=CANARY-order",
            "&customer=CANARY-customer",
            "&agent=CANARY-agent",
            "&category=CANARY-category",
            "&conversation=c1",
            "&role=human",
            "&kind=edit",
            "&exact=true",
        ] {
            paths.push(format!("/v1/search?words={words}{filter}"));
            paths.push(format!("/search?words={words}{filter}"));
        }
    }
    for query in named_queries(Path::new(""), "").unwrap() {
        let name = query.name;
        paths.push(format!("/v1/reports/{name}"));
        paths.push(format!("/v1/reports/{name}?from=2020-01-01&to=2100-01-01"));
        paths.push(format!("/v1/reports/{name}?from=CANARY"));
        paths.push(format!("/v1/reports/{name}/rows"));
        paths.push(format!("/v1/reports/{name}/rows?figure=n&at.agent=CANARY-agent"));
        paths.push(format!("/questions/{name}"));
        paths.push(format!("/charts/{name}.svg"));
        paths.push(format!("/explain/{name}"));
        paths.push(format!(
            "/explain/{name}?figure=n&at.agent=CANARY-agent&at.category=CANARY-category"
        ));
    }
    for table in tables().into_iter().chain(["nope"]) {
        for format in ["csv", "json", "jsonl", "parquet", "arrow", "nope"] {
            paths.push(format!("/v1/export/{table}?format={format}"));
        }
    }
    paths
}

pub const STATEMENTS: &[&str] = &[
    "select * from events",
    "select * from messages where shop = 'blue'",
    "select * from turns union all select * from turns",
    "select cast(text as bigint) from events",
    "select 1 / (length(text) - length(text)) from messages",
    "select count(*) from events where case when shop <> 'red' then cast(text as bigint) else 1 end = 1",
    "select * from events where \"order\" like 'CANARY%'",
    "select min(\"order\"), max(customer) from conversations",
    "select string_agg(text, ',') from messages",
    "select * from information_schema.columns",
    "select * from tags",
    "select * from changes order by cast(text as double)",
    "select * from nope",
    "select text::date from messages",
    "select regexp_match(text, '(') from messages",
    "show tables",
    "show columns from messages",
    "describe CANARY",
    "explain verbose select * from messages where text like '%CANARY%'",
    "explain select count(*), min(text), max(text) from events",
    "explain analyze select * from events",
    "select m.text, e.text from messages m join events e using (conversation)",
];

/// Everything that an answer tells.
fn told(answer: &Answer) -> String {
    let headers: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    format!("{}\n{}", headers.join("\n"), String::from_utf8_lossy(&answer.body))
}

/// Asks for everything there is; returns what was asked, and what was told.
async fn ask(http: &Http) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in paths() {
        let told = told(&http.get(&path).await);
        all.push((path, told));
    }
    for sql in STATEMENTS {
        all.push((sql.to_string(), told(&http.sql(sql).await)));
    }
    // Ids that the other shop has used: a repetition, another body, changes of what is not theirs.
    for event in [
        message("c1", "m1", "customer", "own-customer", "another body"),
        json!({"id": "e9", "conversation": "c1", "kind": "edit", "target": "n1", "text": "x", "sender": {"id": "own-agent", "role": "human"}}),
        json!({"id": "r9", "conversation": "CANARY-conversation", "kind": "retract", "target": "x1", "sender": {"id": "own-agent", "role": "human"}}),
    ] {
        all.push((event.to_string(), told(&http.event(&event).await)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_shop_comes_out_of_any_door() {
    let data = Data::new();
    let server = Server::start(&data);
    // One shop's records between the other's: in the same frames, tails, batches and files.
    let (red, blue) = (events(SHOPS[0]), events(SHOPS[1]));
    let token =
        |shop: &str, sub: &str, roles: &[TokenRole]| server.http(&data.token(shop, sub, roles));
    let (admin_of_red, admin_of_blue) =
        (token("red", "boss", &[Admin]), token("blue", "boss", &[Admin]));
    let bytes = canary("bytes");
    let put = admin_of_blue.put(&format!("/v1/attachments/{}", hash_of(&bytes)), bytes).await;
    assert_eq!(put.status, 201);
    for (of_red, of_blue) in red.iter().zip(&blue) {
        assert_eq!(admin_of_red.event(of_red).await.status, 200, "{of_red}");
        assert_eq!(admin_of_blue.event(of_blue).await.status, 200, "{of_blue}");
    }
    let askers = [
        (Admin, "boss"),
        (Analyst, "ann"),
        (Dispute, "dan"),
        (Human, "own-agent"),
        (Importer, "imp"),
        (Customer, "own-customer"),
    ];
    let mut answers = 0;
    // Before and after the stores have committed.
    for is_committed in [false, true] {
        if is_committed {
            admin_of_red.caught_up(true).await;
        }
        for (role, sub) in askers {
            for (asked, told) in ask(&token("red", sub, &[role])).await {
                assert!(!told.contains(SECRET), "{role:?} asked {asked}: {told}");
                answers += 1;
            }
        }
        for (asked, told) in ask(&admin_of_red.without_token()).await {
            assert!(!told.contains(SECRET), "nobody asked {asked}: {told}");
            answers += 1;
        }
    }
    // The control: whoever may see them does, through most of these doors.
    let seen = ask(&admin_of_blue).await;
    let seen = seen.iter().filter(|(_, told)| told.contains(SECRET)).count();
    assert!(seen > 60, "{seen} answers show blue its own");

    // Sockets: the same conversation id, and the other's.
    let mut agent = Socket::open(&server, &data.token("red", "own-agent", &[Human])).await;
    for conversation in ["c1", "CANARY-conversation"] {
        agent.subscribe(conversation, 0).await;
    }
    admin_of_blue.event(&message("c1", "m7", "human", "boss", &canary("live"))).await;
    admin_of_red.event(&message("c1", "m7", "human", "boss", "the last of red")).await;
    loop {
        let frame = agent.frame().await.to_string();
        assert!(!frame.contains(SECRET), "{frame}");
        answers += 1;
        if frame.contains("the last of red") {
            break;
        }
    }
    println!(
        "{answers} answers and frames to another shop and to nobody: no canary; {seen} to its own"
    );
    assert!(!server.stderr().contains("panicked"));
}
