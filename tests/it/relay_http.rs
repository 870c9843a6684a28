//! The relay over HTTP: what is taken, what is refused and how, and that no input ends the service.

use serde_json::{Value, json};
use verbatim::access::TokenRole::{Admin, Analyst, Bot, Customer, Dispute, Human, Importer};

use super::support::{Data, Http, SHOP, Server, lines, message, tables};

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// A client that sent ten lines must know which ack is whose; offsets and seqs are dense from the
/// start.
#[tokio::test(flavor = "multi_thread")]
async fn acks_come_one_per_event_in_order() {
    let data = Data::new();
    let server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let one = human.event(&message("c1", "m0", "human", "anna", "first")).await;
    assert_eq!(one.status, 200);
    assert_eq!(one.header("verbatim-duplicates"), "0");
    let one = one.json();
    let fields: Vec<&String> = one.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["id", "leaf", "offset", "received_at", "seq"]);
    assert_eq!((&one["offset"], &one["seq"]), (&json!(0), &json!(1)));

    let events: Vec<Value> = (1..=20)
        .map(|number| {
            let conversation = if number % 2 == 0 { "c1" } else { "c2" };
            message(conversation, &format!("m{number}"), "human", "anna", "text")
        })
        .collect();
    let acks = human.events(&events).await;
    for (index, ack) in acks.iter().enumerate() {
        assert_eq!(ack["id"], format!("m{}", index + 1));
        assert_eq!(ack["offset"], index + 1);
    }
    let seqs = |remainder: usize| -> Vec<u64> {
        let of_one = acks.iter().enumerate().filter(|(index, _)| (index + 1) % 2 == remainder);
        of_one.map(|(_, ack)| ack["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(0), (2..=11).collect::<Vec<_>>());
    assert_eq!(seqs(1), (1..=10).collect::<Vec<_>>());
    // Content types with parameters, a last line without a break, and empty lines between are all
    // fine.
    let body = format!("\n{}\n\n\r\n{}", events[0], events[1]);
    let again = human.post("/v1/events", "application/x-ndjson; charset=utf-8", body).await;
    assert_eq!(again.lines(), acks[..2]);
    assert_eq!(again.header("verbatim-duplicates"), "2");
}

/// A phone that lost the answer sends again. The same ack, byte for byte, also after a restart;
/// another text under a used id is refused, since the first was already acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_means_one_body_for_ever() {
    let data = Data::new();
    let server = Server::start(&data);
    let sent = message("c1", "m1", "human", "anna", "the refund is 236");
    let first = server.http_as(&data, "anna", &[Human]).event(&sent).await;
    assert_eq!(first.status, 200);
    let human = server.http_as(&data, "anna", &[Human]);
    let again = human.event(&sent).await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("verbatim-duplicates"), "1");
    // The same words in another order of keys are the same event.
    let shuffled = r#"{"text":"the refund is 236","sender":{"role":"human","id":"anna"},"kind":"message","conversation":"c1","id":"m1"}"#;
    assert_eq!(human.post("/v1/events", JSON, shuffled).await.body, first.body);

    let other = message("c1", "m1", "human", "anna", "the refund is 263");
    let problem = human.event(&other).await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("`m1`"), "{problem}");
    // Within one batch too: first come, then its repetition, then the contradiction.
    let (a, b) =
        (message("c2", "x", "human", "anna", "a"), message("c2", "x", "human", "anna", "b"));
    let answers = human.post("/v1/events", NDJSON, lines(&[a.clone(), a, b])).await.lines();
    assert_eq!(answers[0], answers[1]);
    assert_eq!((&answers[2]["status"], &answers[2]["line"]), (&json!(409), &json!(3)));
    // The same id in another conversation, or in another shop, is another event.
    assert_eq!(human.event(&message("c3", "m1", "human", "anna", "else")).await.json()["seq"], 1);
    let elsewhere = server.http(&data.token("other", "anna", &[Human]));
    assert_eq!(elsewhere.event(&other).await.status, 200);

    assert_eq!(server.stop(), 0);
    let server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    assert_eq!(human.event(&sent).await.body, first.body);
    human.event(&other).await.problem(409);
}

/// Nine good lines must not be lost to the tenth, and the tenth must be named by line, field and
/// rule.
#[tokio::test(flavor = "multi_thread")]
async fn good_lines_are_kept_and_bad_ones_answered_in_their_place() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let good = |id: &str| message("c1", id, "human", "anna", "good").to_string().into_bytes();
    let body = [
        good("m1"),
        b"{\"id\":".to_vec(),
        good("m2"),
        b"{\"id\":\"\xff\xfe\"}".to_vec(),
        message("c1", "m3", "customer", "anna", "not mine").to_string().into_bytes(),
        b"[]".to_vec(),
        message("c1", "", "human", "anna", "no id").to_string().into_bytes(),
        good("m4"),
    ]
    .join(&b'\n');
    let answer = human.post("/v1/events", NDJSON, body).await;
    assert_eq!(answer.status, 200);
    let answers = answer.lines();
    let statuses: Vec<u64> =
        answers.iter().map(|line| line["status"].as_u64().unwrap_or(200)).collect();
    assert_eq!(statuses, [200, 400, 200, 400, 403, 400, 400, 200]);
    for (index, line) in answers.iter().enumerate().filter(|(_, line)| !line["status"].is_null()) {
        assert_eq!(line["line"], index + 1, "{line}");
        for field in ["type", "title", "detail"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    assert_eq!(answers[6]["field"], "id");
    assert!(answers[3]["detail"].as_str().unwrap().contains("UTF-8"), "{}", answers[3]);
    let kept: Vec<Value> = server.http_as(&data, "boss", &[Admin]).records().await;
    let ids: Vec<&str> =
        kept.iter().map(|record| record["event"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["m1", "m2", "m4"]);
    server.assert_alive();
}

/// A client's developer reads the answer and mends the field it names.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_named() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let with = |key: &str, value: Value| {
        let mut event = message("c1", "m1", "human", "anna", "hello");
        event[key] = value;
        event
    };
    let long = "x".repeat(129);
    let cases = [
        (with("id", json!("")), "id", "not be empty"),
        (with("id", json!(long)), "id", "at most 128 characters"),
        (with("id", json!("a\u{0}b")), "id", "control characters"),
        (with("id", json!(7)), "id", "a string"),
        (with("conversation", json!(long)), "conversation", "at most 128"),
        (with("conversation", Value::Null), "conversation", "a string"),
        (with("kind", json!("shout")), "kind", "one of"),
        (with("kind", json!("MESSAGE")), "kind", "one of"),
        (with("sender", json!({"id": "anna", "role": "boss"})), "sender.role", "one of"),
        (with("sender", json!({"role": "human"})), "sender.id", "be present"),
        (with("sender", json!("anna")), "sender", "an object"),
        (
            with("sender", json!({"id": "anna", "role": "human", "age": 5})),
            "sender.age",
            "left out",
        ),
        (with("text", json!("x".repeat(32 * 1024 + 1))), "text", "at most 32768 bytes"),
        (with("text", json!("退".repeat(11_000))), "text", "at most 32768 bytes"),
        (with("text", json!(["a"])), "text", "a string"),
        (with("rating", json!(6)), "rating", "between 1 and 5"),
        (with("rating", json!(-1)), "rating", "whole number"),
        (with("rating", json!(1e300)), "rating", "whole number"),
        (with("sent_at", json!("yesterday")), "sent_at", "RFC 3339"),
        (with("sent_at", json!("2026-01-01T00:00:00")), "sent_at", "RFC 3339"),
        (with("visibility", json!("secret")), "visibility", "one of"),
        (with("automatic", json!("yes")), "automatic", "true or false"),
        (
            with(
                "attachments",
                json!([{"sha256": "x", "name": "a", "media_type": "b", "bytes": 1}]),
            ),
            "attachments[0].sha256",
            "64",
        ),
        (with("attachments", json!([{"name": "a"}])), "attachments[0].sha256", "be present"),
        (with("attachments", json!({})), "attachments", "a list"),
        (with("data", json!("x".repeat(17 * 1024))), "data", "at most 16384 bytes"),
        (with("offset", json!(1)), "offset", "set by the server"),
        (with("colour", json!("red")), "colour", "no event has this field"),
        (with("kind", json!("edit")), "target", "be present"),
        (with("kind", json!("tag")), "category", "be present"),
        (with("assignee", json!("eve")), "assignee", "it goes with assign, handoff"),
        (with("conversation", json!("@rules")), "conversation", "not begin with `@`"),
        (with("kind", json!("rules")), "data", "be present"),
        (json!({"id": "m1", "conversation": "c1", "kind": "message"}), "sender", "be present"),
        (
            json!({"id": "m1", "conversation": "c1", "sender": {"id": "anna", "role": "human"}}),
            "kind",
            "be present",
        ),
    ];
    for (event, field, rule) in &cases {
        let problem = human.event(event).await.problem(400);
        assert_eq!(problem["field"], *field, "{problem}");
        assert!(problem["rule"].as_str().unwrap().contains(rule), "{problem}");
        assert!(problem["value"].is_string() && problem["detail"].is_string(), "{problem}");
        assert!(
            problem["value"].as_str().unwrap().chars().count() <= 81,
            "a value is cut: {problem}"
        );
    }
    // An event beyond the size of a frame, within the size of a batch.
    let problem = human.event(&with("data", json!("x".repeat(70 * 1024)))).await.problem(400);
    assert_eq!(problem["field"], "event");
    // Not JSON, not UTF-8, not an object, a key twice, nothing at all, and depth without end.
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let twice = r#"{"id":"m1","id":"m2","conversation":"c1","kind":"message","text":"x","sender":{"id":"anna","role":"human"}}"#;
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"null",
        b"5",
        b"\xff",
        b"{\"id\":\"\xc3\x28\"}",
        twice.as_bytes(),
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = human.post("/v1/events", JSON, body.to_vec()).await;
        answer.problem(400);
    }
    human.post("/v1/events", NDJSON, "").await.problem(400);
    human.post("/v1/events", NDJSON, "\n \r\n").await.problem(400);
    assert!(
        server.http_as(&data, "boss", &[Admin]).records().await.is_empty(),
        "nothing of it was kept"
    );
    server.assert_alive();
}

/// What is too large, of the wrong type or asks for what does not exist is answered, and costs
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_questions_have_bounds() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let event = message("c1", "m1", "human", "anna", "hello").to_string();
    human.post("/v1/events", NDJSON, vec![b' '; 8 * 1024 * 1024 + 1]).await.problem(413);
    human.post("/v1/events", NDJSON, "{}\n".repeat(50_001)).await.problem(413);
    for media_type in ["text/plain", "application/xml", "", "application/jsonx"] {
        let problem = human.post("/v1/events", media_type, event.clone()).await.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("application/json"), "{problem}");
    }
    human.post("/v1/events?origin=moon", JSON, event.clone()).await.problem(400);
    human.post("/v1/events?orign=live", JSON, event.clone()).await.problem(400);
    admin.get("/v1/events?from=-1").await.problem(400);
    admin.get("/v1/events?from=x").await.problem(400);
    assert_eq!(admin.get("/v1/events?from=18446744073709551614").await.status, 200);
    assert_eq!(admin.get("/v1/events?from=18446744073709551615").await.status, 200);
    admin.get("/v1/search").await.problem(400);
    admin.get("/v1/search?words=x&from=noon").await.problem(400);
    let problem = admin.get("/v1/search?words=ab%20from:noon").await.problem(400);
    assert_eq!((&problem["field"], &problem["position"]), (&"words".into(), &9.into()));
    admin.get("/v1/search?words=x&mode=loose").await.problem(400);
    admin.get("/v1/search?words=x&after=soon").await.problem(400);
    admin.get("/v1/search?words=x&exact=true&mode=folded").await.problem(400);
    admin.get("/v1/search?words=x&limit=0").await.problem(400);
    admin.get("/v1/search?words=x&limit=1000000").await.problem(400);
    admin.get("/v1/search?words=x&colour=red").await.problem(400);
    admin.get(&format!("/v1/search?words={}", "x".repeat(1_025))).await.problem(400);
    admin.get("/v1/conversations/nobody").await.problem(404);
    admin.get("/v1/reports/nothing").await.problem(404);
    admin.get("/v1/reports/summary?from=noon").await.problem(400);
    admin.get("/v1/reports/summary?form=2026-01-01").await.problem(400);
    admin.get("/v1/export/secrets?format=csv").await.problem(400);
    admin.get("/v1/export/events").await.problem(400);
    admin.get("/v1/export/events?format=exe").await.problem(400);
    admin.sql("select").await.problem(400);
    admin.sql("select no_such_column from events").await.problem(400);
    admin.post("/v1/sql", "text/plain", vec![0xff, 0xfe]).await.problem(400);
    admin.sql(&format!("select '{}'", "x".repeat(70_000))).await.problem(400);
    // Of the longer one the client was still sending when the connection was reset.
    for mib in [3, 7] {
        admin.post("/v1/sql", "text/plain", vec![b'x'; mib << 20]).await.problem(413);
    }
    // In the log stands before it who asked what; of the chat it is the first.
    assert_eq!(human.post("/v1/events", JSON, event).await.json()["seq"], 1);
    assert_eq!(admin.records().await.len(), 1);
    server.assert_alive();
}

/// A leaked, old or home-made token opens nothing, at no route.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_wants_a_valid_token() {
    let data = Data::new();
    let server = Server::start(&data);
    let stranger = Data::new();
    let expired = data.expired_token(Admin);
    let forged = stranger.token(SHOP, "anna", &[Admin]);
    let valid = data.token(SHOP, "anna", &[Admin]);
    // Signed by nobody: the head says `none`, the claims are an admin's.
    let claims = valid.split('.').nth(1).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let nameless = data.token(SHOP, "", &[Admin]);
    let of_no_shop = data.token("", "anna", &[Admin]);
    let useless = data.token(SHOP, "anna", &[]);
    let routes = [
        "/v1/events",
        "/v1/status",
        "/v1/checkpoint",
        "/v1/ledger",
        "/v1/tile/0/000",
        "/v1/consistency?from=0",
        "/v1/proof?offset=0",
        "/v1/search?words=x",
        "/v1/conversations/c",
        "/v1/conversations?order=x",
        "/v1/reports",
        "/v1/reports/summary",
        "/v1/export/events?format=csv",
        "/v1/conversations/c/events/m/attachments/00",
        "/v1/access",
        "/v1/holds",
        "/v1/erasures",
        "/v1/erasures/e",
    ];
    let valid_http = server.http(&valid);
    for token in [
        &expired,
        &forged,
        &unsigned,
        &nameless,
        &of_no_shop,
        &useless,
        "",
        "x.y.z",
        &valid[..valid.len() - 2],
    ] {
        let http = server.http(token);
        for route in routes {
            let answer = http.get(route).await;
            answer.problem(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{route}");
        }
        http.event(&message("c", "m", "human", "anna", "x")).await.problem(401);
        http.sql("select 1").await.problem(401);
        http.put("/v1/attachments/00", "x").await.problem(401);
    }
    for route in routes {
        valid_http.without_token().get(route).await.problem(401);
    }
    valid_http.without_token().sql("select 1").await.problem(401);
    assert_eq!(valid_http.get("/v1/events").await.status, 200);
    assert!(valid_http.records().await.is_empty());
}

async fn statuses(http: &Http) -> Vec<u16> {
    let mut statuses = Vec::new();
    for route in [
        "/v1/events",
        "/v1/status",
        "/v1/search?words=hello",
        "/v1/conversations/c1",
        "/v1/reports/summary",
        "/v1/export/events?format=csv",
        "/v1/access",
    ] {
        statuses.push(http.get(route).await.status);
    }
    statuses.push(http.sql("select count(*) from events").await.status);
    let evidence = json!({"conversations": ["c1"], "case": "1", "reason": "r"}).to_string();
    statuses.push(http.post("/v1/evidence", "application/json", evidence).await.status);
    statuses
}

/// Each role sees and sends what its work needs. A customer who could read the shop, or speak as an
/// agent, would make every transcript worthless.
#[tokio::test(flavor = "multi_thread")]
async fn each_role_opens_its_routes_and_no_others() {
    let data = Data::new();
    let mut server = Server::start(&data);
    server
        .http_as(&data, "carl", &[Customer])
        .event(&message("c1", "m1", "customer", "carl", "hello"))
        .await;
    //                      events status search conversation report export access sql evidence
    let expected = [
        (Customer, [403, 403, 403, 403, 403, 403, 403, 403, 403]),
        (Human, [403, 200, 403, 403, 403, 403, 403, 403, 403]),
        (Bot, [403, 200, 403, 403, 403, 403, 403, 403, 403]),
        (Importer, [200, 200, 403, 403, 403, 403, 403, 403, 403]),
        (Dispute, [200, 200, 200, 200, 403, 403, 403, 403, 200]),
        (Analyst, [200, 200, 200, 200, 200, 200, 403, 200, 403]),
        (Admin, [200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ];
    for (role, expected) in expected {
        assert_eq!(
            statuses(&server.http_as(&data, "someone", &[role])).await,
            expected,
            "{role:?}"
        );
    }

    let send =
        async |role, event: Value| server.http_as(&data, "eve", &[role]).event(&event).await.status;
    let event = |id: &str, kind: &str, role: &str, sender: &str| {
        let mut event = json!({"id": id, "conversation": "c2", "kind": kind,
            "sender": {"id": sender, "role": role}});
        let own = match kind {
            "message" => Some("text"),
            "assign" | "handoff" => Some("assignee"),
            "tag" | "untag" => Some("category"),
            _ => None,
        };
        if let Some(own) = own {
            event[own] = json!("x");
        }
        event
    };
    assert_eq!(send(Customer, event("1", "message", "customer", "eve")).await, 200);
    assert_eq!(send(Customer, event("2", "message", "customer", "carl")).await, 403);
    assert_eq!(send(Customer, event("3", "message", "human", "eve")).await, 403);
    assert_eq!(send(Customer, event("4", "message", "system", "eve")).await, 403);
    for kind in
        ["assign", "handoff", "queue", "resolve", "tag", "untag", "rate_request", "pause", "resume"]
    {
        assert_eq!(send(Customer, event(kind, kind, "customer", "eve")).await, 403, "{kind}");
    }
    let mut private = event("5", "message", "customer", "eve");
    private["visibility"] = json!("private");
    assert_eq!(send(Customer, private).await, 403);
    assert_eq!(send(Human, event("6", "message", "human", "eve")).await, 200);
    assert_eq!(send(Human, event("7", "message", "human", "anna")).await, 403);
    assert_eq!(send(Human, event("8", "message", "bot", "eve")).await, 403);
    assert_eq!(send(Bot, event("9", "handoff", "bot", "eve")).await, 200);
    assert_eq!(send(Analyst, event("10", "message", "human", "eve")).await, 403);
    assert_eq!(send(Dispute, event("11", "message", "human", "eve")).await, 403);
    assert_eq!(send(Importer, event("12", "message", "customer", "anyone")).await, 200);
    assert_eq!(send(Admin, event("13", "message", "system", "anyone")).await, 200);
    // Old times are for importers: an agent who could set them could rewrite how long people
    // waited.
    for (role, status) in [(Human, 403), (Importer, 200)] {
        let http = server.http_as(&data, "eve", &[role]);
        let event = message("c3", "old", "human", "eve", "x").to_string();
        assert_eq!(http.post("/v1/events?origin=imported", JSON, event).await.status, status);
    }
    // A customer cannot speak in another customer's conversation, and is not told whether it
    // exists.
    let eve = server.http_as(&data, "eve", &[Customer]);
    eve.event(&message("c1", "m9", "customer", "eve", "let me in")).await.problem(403);
    server.assert_alive();
}

/// An edit changes what a shop is held to. Only one's own side may edit, only what exists, and the
/// words of a customer are never edited by the shop.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_ones_own_is_edited() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let anna = server.http_as(&data, "anna", &[Human]);
    carl.event(&message("c1", "asked", "customer", "carl", "it is brocken")).await;
    anna.event(&message("c1", "answered", "human", "anna", "we pay 236")).await;
    let change = |id: &str, kind: &str, target: &str, role: &str, sender: &str| {
        json!({"id": id, "conversation": "c1", "kind": kind, "target": target, "text": "changed",
            "sender": {"id": sender, "role": role}})
    };
    carl.event(&change("e1", "edit", "answered", "customer", "carl")).await.problem(403);
    carl.event(&change("e2", "retract", "answered", "customer", "carl")).await.problem(403);
    anna.event(&change("e3", "edit", "asked", "human", "anna")).await.problem(403);
    let unknown =
        carl.event(&change("e4", "edit", "nothing", "customer", "carl")).await.problem(400);
    assert_eq!((&unknown["field"], &unknown["value"]), (&json!("target"), &json!("nothing")));
    // A target in another conversation is unknown here.
    anna.event(&message("c2", "elsewhere", "human", "anna", "x")).await;
    anna.event(&change("e5", "edit", "elsewhere", "human", "anna")).await.problem(400);
    assert_eq!(carl.event(&change("e6", "edit", "asked", "customer", "carl")).await.status, 200);
    assert_eq!(anna.event(&change("e7", "edit", "answered", "human", "anna")).await.status, 200);
    assert_eq!(
        anna.event(&change("e8", "retract", "asked", "human", "anna")).await.status,
        200,
        "moderation"
    );
    let admin = server.http_as(&data, "boss", &[Admin]);
    let rows =
        admin.sql("select id, text, original_text, retracted from messages where conversation = 'c1' order by 1").await;
    let expected = json!([
        {"id": "answered", "text": "changed", "original_text": "we pay 236", "retracted": false},
        {"id": "asked", "text": "changed", "original_text": "it is brocken", "retracted": true},
    ]);
    assert_eq!(rows.json(), expected);
}

/// By the words of a refusal a customer could find out the ids of private notes.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_told_from_no_other_id() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let anna = server.http_as(&data, "anna", &[Human]);
    let mut note = message("c", "note", "human", "anna", "he is right");
    note["visibility"] = json!("private");
    let tag = json!({"id": "tag", "conversation": "c", "kind": "tag", "category": "refund",
        "sender": {"id": "anna", "role": "human"}});
    assert_eq!(carl.event(&message("c", "m", "customer", "carl", "broken")).await.status, 200);
    for event in [note, tag] {
        assert_eq!(anna.event(&event).await.status, 200, "{event}");
    }
    for kind in ["edit", "retract"] {
        let refusal = async |target: &str| {
            let change = json!({"id": format!("{kind}-{target}"), "conversation": "c", "kind": kind,
                "target": target, "text": "x", "sender": {"id": "carl", "role": "customer"}});
            let problem = carl.event(&change).await.problem(400);
            problem.to_string().replace(target, "absent")
        };
        let absent = refusal("absent").await;
        for hidden in ["note", "tag"] {
            assert_eq!(refusal(hidden).await, absent, "{kind} {hidden}");
        }
    }
}

/// An agent's program answered in public under the id of the note that it had in view: the customer's socket and
/// the bank's bundle had that id.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_public_answers_what_customers_do_not_hear() {
    let data = Data::committing_often();
    let server = Server::start(&data);
    let carl = server.http_as(&data, "carl", &[Customer]);
    let anna = server.http_as(&data, "anna", &[Human]);
    let bot = server.http_as(&data, "bot", &[Bot]);
    let note = |id: &str, answered: &str| {
        let mut note = message("c", id, "human", "anna", "he is right");
        note["visibility"] = json!("private");
        if !answered.is_empty() {
            note["reply_to"] = json!(answered);
        }
        note
    };
    let tag = json!({"id": "tag", "conversation": "c", "kind": "tag", "category": "refund",
        "sender": {"id": "anna", "role": "human"}});
    let answer = |id: &str, role: &str, sender: &str, answered: &str| {
        let mut answer = message("c", id, role, sender, "as said");
        answer["reply_to"] = json!(answered);
        answer
    };
    assert_eq!(carl.event(&message("c", "m", "customer", "carl", "broken")).await.status, 200);
    for event in [note("n", ""), tag] {
        assert_eq!(anna.event(&event).await.status, 200, "{event}");
    }
    // What lies in the lookup's memory, and what is read back from the log.
    for committed in [false, true] {
        server.http_as(&data, "boss", &[Admin]).caught_up(committed).await;
        let id = |what: &str| format!("{what}-{committed}");
        for hidden in ["n", "tag"] {
            for (by, role, sender) in [(&anna, "human", "anna"), (&bot, "bot", "bot")] {
                let refused = by.event(&answer(&id("x"), role, sender, hidden)).await.problem(400);
                assert_eq!(refused["field"], "reply_to", "{refused}");
            }
            // To a customer a note's id is as good as any other.
            let guess = answer(&id(&format!("guess-{hidden}")), "customer", "carl", hidden);
            assert_eq!(carl.event(&guess).await.status, 200);
        }
        for answered in ["m", "not-there"] {
            let answer = answer(&id(&format!("to-{answered}")), "human", "anna", answered);
            assert_eq!(anna.event(&answer).await.status, 200, "{answer}");
        }
        assert_eq!(anna.event(&note(&id("n2"), "n")).await.status, 200, "among themselves");
    }
    // Within one request, where neither is kept before the other comes.
    let both = [note("n3", ""), answer("y", "human", "anna", "n3")];
    let answers = anna.post("/v1/events", NDJSON, lines(&both)).await.lines();
    assert!(answers[0]["seq"].is_u64(), "{answers:?}");
    assert_eq!(answers[1]["field"], "reply_to", "{answers:?}");
}

/// Two shops share a machine, an agent's name, a conversation's id, even a message's id. At no
/// route does one see a word of the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_sees_only_itself() {
    let data = Data::committing_often();
    let mut server = Server::start(&data);
    for shop in ["red", "blue"] {
        let anna = server.http(&data.token(shop, "anna", &[Human]));
        let mut events: Vec<Value> = (0..5)
            .map(|number| {
                message("c1", &format!("m{number}"), "human", "anna", &format!("{shop} secret"))
            })
            .collect();
        events.push(message(
            &format!("only-{shop}"),
            "m0",
            "human",
            "anna",
            &format!("{shop} secret"),
        ));
        events.push(json!({"id": "t", "conversation": "c1", "kind": "tag", "category": format!("{shop}-tag"),
            "sender": {"id": "anna", "role": "human"}}));
        anna.events(&events).await;
    }
    for committed in [false, true] {
        let red = server.http(&data.token("red", "boss", &[Admin]));
        red.caught_up(committed).await;
        let records = red.records().await;
        assert_eq!(records.len(), 7);
        assert!(records.iter().all(|record| record["shop"] == "red"));
        let seqs: Vec<u64> = records
            .iter()
            .filter(|r| r["event"]["conversation"] == "c1")
            .map(|r| r["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6], "seqs are a shop's own");
        assert_eq!(red.found("secret").await, 6);
        assert_eq!(red.found("blue").await, 0);
        assert_eq!(red.get("/v1/conversations/c1").await.json().as_array().unwrap().len(), 6);
        red.get("/v1/conversations/only-blue").await.problem(404);
        for table in tables() {
            let rows = red.sql(&format!("select * from {table}")).await.text();
            assert!(!rows.contains("blue"), "{table}: {rows}");
        }
        assert_eq!(red.number("select count(*) from events").await, 7);
        assert_eq!(red.number("select count(*) from events where shop = 'blue' or true").await, 7);
        assert_eq!(
            red.number(
                "with blue as (select * from events) select count(*) from blue where shop <> 'red'"
            )
            .await,
            0
        );
        for table in ["events", "messages", "conversations"] {
            let export = red.get(&format!("/v1/export/{table}?format=jsonl")).await;
            assert_eq!(export.status, 200);
            assert!(export.text().contains("red") && !export.text().contains("blue"), "{table}");
        }
    }
    server.assert_alive();
}

/// A consumer follows the stream from where it left off and sees what comes, once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_records_follows() {
    use futures::StreamExt;
    let data = Data::new();
    let server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let event = |number: u64| message("c1", &format!("m{number}"), "human", "anna", "text");
    human.events(&(0..10).map(event).collect::<Vec<_>>()).await;
    let url = format!("{}/v1/events?from=4&follow=true", server.url);
    let token = data.token(SHOP, "boss", &[Admin]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(url).bearer_auth(token).send().await.unwrap();
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    let mut sent = 10;
    while text.lines().count() < 26 || !text.ends_with('\n') {
        if text.lines().count() as u64 == sent - 4 && sent < 30 {
            human.events(&(sent..sent + 5).map(event).collect::<Vec<_>>()).await;
            sent += 5;
        }
        let chunk = tokio::time::timeout(super::support::PATIENCE, stream.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let offsets: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, (4..30).collect::<Vec<_>>());
}
