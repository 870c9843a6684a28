//! Who looked at what is recorded, whoever it was and whatever came of it, and only an administrator
//! reads it.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use strum::VariantArray;
use verbatim::access::TokenRole::{self, Admin, Analyst, Customer, Dispute, Human, Importer};
use verbatim::server::{Asks, ROUTES, Route};

use super::socket::Socket;
use super::support::{Answer, Data, Http, SHOP, Server, message};

/// How long a record may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Accesses that `parameters` choose, newest first, once they are as many as `count`.
async fn accesses(admin: &Http, parameters: &str, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let page = admin.get(&format!("/v1/access?{parameters}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let accesses = page.json()["accesses"].as_array().unwrap().clone();
        if accesses.len() >= count {
            assert_eq!(accesses.len(), count, "{accesses:?}");
            return accesses;
        }
        assert!(since.elapsed() < PATIENCE, "{parameters}: {accesses:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What of an access is compared: names that are not there are null.
fn said(access: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| access[*name].clone()).collect()
}

/// In what people say, where another shop asks.
const CANARY: &str = "CANARY-7g3z";

/// The address of a route, about chat that is there.
fn address(route: &Route) -> String {
    let file = hex::encode(Sha256::digest("bytes"));
    let id = match route.path {
        "/orders/{id}" => "FL1",
        "/customers/{id}" => "carl",
        "/agents/{id}" => "anna",
        "/conversations/{id}" => "c1",
        _ => "m1",
    };
    let path = route.path.replace("{conversation}", "c1").replace("{id}", id);
    let path = path.replace("{sha256}", &file).replace("{table}", "messages");
    let path = path.replace("{page}", "waits").replace("{file}", "waiting_by_day.svg");
    path.replace("{name}", "summary").replace("{*path}", "0/000")
}

fn is_page(route: &Route) -> bool {
    !route.path.starts_with("/v1/") && route.path != "/metrics"
}

/// Asks so that nothing but who asks is right.
async fn asked_badly(http: &Http, route: &Route) -> Answer {
    let address = format!("{}?limit=x&from=yesterday&nope=%zz", address(route));
    let request = http.request(route.method.clone(), &address);
    let request = request.header("verbatim-case", "x".repeat(200));
    http.send(match route.method.as_str() {
        "GET" => request,
        _ => request.header(CONTENT_TYPE, "application/json").body("{bad"),
    })
    .await
}

/// Asks what the route is there for.
async fn asked_well(http: &Http, route: &Route) -> Answer {
    let query = match route.path {
        "/v1/search" | "/search" => "?words=refund",
        "/v1/conversations" => "?order=FL1",
        "/v1/export/{table}" => "?format=jsonl",
        "/v1/consistency" => "?from=0",
        "/v1/proof" => "?offset=0",
        "/conversations/{id}" => "?print=internal",
        "/evidence" if route.method == "GET" => "?conversation=c1",
        _ => "",
    };
    let (media_type, body) = match route.path {
        "/v1/sql" => ("text/plain", "select * from messages".to_string()),
        "/v1/evidence" => (
            "application/json",
            json!({"conversations": ["c1"], "case": "1", "reason": "r"}).to_string(),
        ),
        "/v1/evidence/pack" => {
            let bundle = json!({"conversations": ["c1"], "case": "1", "reason": "r"});
            ("application/json", json!({"bundle": bundle}).to_string())
        }
        "/v1/erasures" => (
            "application/json",
            json!({"conversation": "c1", "ground": "r", "dry_run": true}).to_string(),
        ),
        "/v1/holds" | "/v1/holds/release" => {
            ("application/json", json!({"conversation": "c1", "case": "1"}).to_string())
        }
        "/evidence" | "/case" => {
            let form = "application/x-www-form-urlencoded";
            (form, "conversation=c1&case=1&reason=r".to_string())
        }
        // Of this only that it is refused: a shop would see its own.
        _ => ("application/json", json!({"conversation": "c1"}).to_string()),
    };
    let request = http.request(route.method.clone(), &format!("{}{query}", address(route)));
    http.send(match route.method.as_str() {
        "GET" => request,
        _ => request.header(CONTENT_TYPE, media_type).body(body),
    })
    .await
}

async fn with_chat(data: &Data) -> (Server, Http) {
    let server = Server::start(data);
    let admin = server.http_as(data, "boss", &[Admin]);
    let file = hex::encode(Sha256::digest("bytes"));
    assert_eq!(admin.put(&format!("/v1/attachments/{file}"), "bytes").await.status, 201);
    let mut with_file = message("c1", "m1", "customer", "carl", "where is my refund");
    with_file["attachments"] =
        json!([{"sha256": file, "name": "a.png", "media_type": "image/png", "bytes": 5}]);
    admin.events(&[with_file, message("c1", "m2", "human", "anna", "on its way")]).await;
    (server, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_to_chat_is_recorded_with_who_what_and_how_much() {
    let data = Data::new();
    std::fs::create_dir_all(data.path().join("queries")).unwrap();
    let own =
        "-- title: Own\n-- answers: What was said?\nselect text from messages order by text\n";
    std::fs::write(data.path().join("queries/own.sql"), own).unwrap();
    let (server, admin) = with_chat(&data).await;
    let analyst = server.http_as(&data, "ann", &[Analyst]);
    let file = hex::encode(Sha256::digest("bytes"));
    let attachment = format!("/v1/conversations/c1/events/m1/attachments/{file}");
    for path in [
        "/v1/search?words=refund&order=FL1",
        "/v1/search?words=refund",
        "/v1/conversations/c1",
        "/v1/conversations/nope",
        "/v1/export/messages?format=csv",
        "/v1/reports/own",
        "/v1/reports/summary",
        "/v1/events",
        &attachment,
    ] {
        let request = analyst.request(reqwest::Method::GET, path);
        let request =
            request.header("verbatim-case", "D-17").header("verbatim-reason", "%E9%80%80");
        let answer = analyst.send(request).await;
        assert!([200, 404].contains(&answer.status), "{path}: {}", answer.text());
    }
    analyst.sql("select text from messages").await;
    let mut socket = Socket::open(&server, &data.token(SHOP, "ann", &[Analyst])).await;
    socket.subscribe("c1", 0).await;

    let all = accesses(&admin, "person=ann", 10).await;
    let names = ["action", "via", "rows", "conversation", "outcome"];
    let seen: Vec<Value> = all.iter().rev().map(|access| said(access, &names)).collect();
    let expected = [
        json!(["search", "api", 0, null, "allowed"]),
        json!(["search", "api", 1, null, "allowed"]),
        json!(["view", "api", 2, "c1", "allowed"]),
        json!(["view", "api", 0, "nope", "allowed"]),
        json!(["export", "api", 2, null, "allowed"]),
        json!(["report", "api", 2, null, "allowed"]),
        json!(["stream", "api", 2, null, "allowed"]),
        json!(["attachment", "api", 5, "c1", "allowed"]),
        json!(["sql", "api", 2, null, "allowed"]),
        json!(["view", "socket", null, "c1", "allowed"]),
    ];
    assert_eq!(seen, expected, "a report of figures is no access to chat");
    let first = all.last().unwrap();
    assert_eq!(said(first, &["case", "reason", "order"]), json!(["D-17", "退", "FL1"]));
    assert!(first["query"].as_str().unwrap().contains("refund"), "{first}");
    assert_eq!(first["roles"], json!(["analyst"]));
    assert_eq!(accesses(&admin, "case=D-17&action=view", 2).await.len(), 2);
    assert_eq!(accesses(&admin, "case=D-18", 0).await.len(), 0);
    // Pages are doors like any other.
    for page in ["/conversations/c1", "/search?words=refund"] {
        assert_eq!(analyst.get(page).await.status, 200, "{page}");
    }
    let viewed = accesses(&admin, "person=ann&action=view&conversation=c1", 3).await;
    assert_eq!(said(&viewed[0], &["via", "rows"]), json!(["page", 2]));
    let searched = accesses(&admin, "person=ann&action=search", 3).await;
    assert_eq!(
        said(&searched[0], &["via", "rows", "query"]),
        json!(["page", 1, r#"{"words":"refund"}"#])
    );
    // To read of it is an access too.
    assert!(!accesses(&admin, "action=trail&person=boss&limit=1", 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_by_way_of_an_error_is_recorded() {
    let data = Data::new();
    let (_server, admin) = with_chat(&data).await;
    let leaks = "select cast('LEAK' || text as bigint) from messages";
    let answer = admin.sql(leaks).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("LEAK"), "{}", answer.text());
    assert_eq!(admin.sql("select nothing from messages").await.status, 400);
    // What read nothing is not: whoever mistypes fills no log.
    let [access] = &accesses(&admin, "action=sql", 1).await[..] else { panic!("one") };
    assert_eq!(said(access, &["outcome", "query"]), json!(["broke_off", leaks]));
}

/// A command for a mistyped shop was recorded in the trail of that name, which made a shop of it: every later command
/// wanted to be told which.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_shop_does_not_become_one() {
    let data = Data::new();
    let server = Server::start(&data);
    let shop = "demo";
    let admin = server.http(&data.token(shop, "boss", &[Admin]));
    admin.events(&[message("c1", "m1", "customer", "cust-1", "hi")]).await;
    admin.caught_up(true).await;
    for command in [&["report", "waiting_by_day"][..], &["sql", "select count(*) from events"]] {
        let _ = data.run([command, &["--shop", "other"]].concat());
    }
    data.succeeds(["sql", "select count(*) from events", "--shop", shop]);
    accesses(&admin, "action=sql", 1).await;
    // What was asked before would be there by now.
    admin.caught_up(true).await;
    assert_eq!(data.succeeds(["sql", "select 1 as one", "--format", "csv"]), "one\n1\n");
}

/// Refusals told nobody that somebody had tried.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_is_recorded_too_and_cannot_fill_the_log() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let customer = server.http_as(&data, "carl", &[Customer]);
    for number in 0..50 {
        customer.get(&format!("/v1/search?words=try-{number}")).await.problem(403);
    }
    server.http(&data.expired_token(Dispute)).get("/v1/conversations/c1").await.problem(401);
    server.http_as(&data, "ann", &[Analyst]).get("/v1/access").await.problem(403);
    server.http_as(&data, "hugh", &[Human]).get("/search?words=x").await;
    server.http("e.y.J").get("/v1/search?words=x").await.problem(401);
    // Of another shop: nothing of it comes here.
    server.http(&data.token("other", "eve", &[Customer])).get("/v1/search?words=y").await;

    let refused = accesses(&admin, "outcome=refused", 4).await;
    let names = ["sub", "action", "via", "query", "rows"];
    let seen: Vec<Value> = refused.iter().rev().map(|access| said(access, &names)).collect();
    let expected = [
        json!(["carl", "search", "api", "/v1/search?words=try-0", null]),
        json!(["anna", "view", "api", "/v1/conversations/c1", null]),
        json!(["ann", "trail", "api", "/v1/access", null]),
        json!(["hugh", "search", "page", "/search?words=x", null]),
    ];
    assert_eq!(seen, expected);
    let other = server.http(&data.token("other", "boss", &[Admin]));
    assert_eq!(accesses(&other, "outcome=refused", 1).await[0]["sub"], "eve");
    // At the end the others of the minute are summed up.
    assert_eq!(server.stop(), 0);
    let lines =
        data.succeeds(["access", "--outcome", "refused", "--format", "json", "--shop", SHOP]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sums: Vec<&Value> = lines.iter().filter(|access| !access["times"].is_null()).collect();
    assert_eq!(sums.len(), 1, "{lines:?}");
    assert_eq!(said(sums[0], &["sub", "times"]), json!(["carl", 49]));
}

/// A mistake in what was asked was answered before it was seen who asked, and so nobody was told.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_right_of_a_route_is_refused_before_it_reads_and_is_recorded() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let mut expected = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let (Asks::Right(action) | Asks::RightUnlessPublic(action)) = route.asks else { continue };
        let may = |role: &TokenRole| *role == Admin || action.roles().contains(role);
        for role in TokenRole::VARIANTS.iter().filter(|role| !may(role)) {
            let sub = format!("{role:?}-{number}");
            let asker = admin.with_token(&data.token(SHOP, &sub, &[*role]));
            let answer = asked_badly(&asker, route).await;
            if is_page(route) {
                let text = answer.text();
                assert_eq!(answer.status, 403, "{role:?} {}: {text}", route.path);
                assert!(text.contains("Not with this token"), "{role:?} {}: {text}", route.path);
                assert_eq!(answer.header("x-frame-options"), "DENY", "as every page");
            } else {
                answer.problem(403);
            }
            if let Some((action, via)) = route.recorded {
                expected.push(json!([sub, action.as_str(), via.as_str(), "refused"]).to_string());
            }
        }
    }
    let refused = accesses(&admin, "outcome=refused&limit=1000", expected.len()).await;
    let names = ["sub", "action", "via", "outcome"];
    let mut seen: Vec<String> =
        refused.iter().map(|access| said(access, &names).to_string()).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    assert!(seen.len() > 100, "{}", seen.len());
    assert!(!server.stderr().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_those_for_anybody_wants_a_token() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let (nobody, expired) = (admin.without_token(), admin.with_token(&data.expired_token(Admin)));
    for http in [nobody.showing_redirects(), expired.showing_redirects()] {
        for route in ROUTES {
            let answer = asked_badly(&http, route).await;
            if route.asks == Asks::Nothing {
                assert!(![401, 403].contains(&answer.status), "{}: {answer:?}", route.path);
            } else if is_page(route) {
                assert_eq!(answer.status, 303, "{}: {answer:?}", route.path);
                assert!(answer.header("location").starts_with("/login"), "{answer:?}");
            } else {
                answer.problem(401);
            }
        }
    }
    assert!(!server.stderr().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_shows_another_shop_what_was_said() {
    let data = Data::committing_often();
    let (server, admin) = with_chat(&data).await;
    let mut event = message("c1", "m3", "customer", "carl", &format!("my refund {CANARY}"));
    event["order"] = json!("FL1");
    event["sender"]["name"] = json!(CANARY);
    admin.events(&[event]).await;
    admin.caught_up(true).await;
    let shows = |answer: &Answer| {
        let headers: String = answer.headers.values().map(|value| format!("{value:?}")).collect();
        String::from_utf8_lossy(&answer.body).contains(CANARY) || headers.contains(CANARY)
    };
    for role in TokenRole::VARIANTS {
        let eve = admin.with_token(&data.token("other", "eve", &[*role]));
        for route in ROUTES {
            for answer in [asked_well(&eve, route).await, asked_badly(&eve, route).await] {
                assert!(!shows(&answer), "{role:?} {} {}: {answer:?}", route.method, route.path);
            }
        }
    }
    // The control: these questions do show it to whoever may see it.
    let mut shown = Vec::new();
    for route in ROUTES {
        if shows(&asked_well(&admin, route).await) {
            shown.push(route.path);
        }
    }
    for path in [
        "/v1/events",
        "/v1/conversations/{conversation}",
        "/v1/search",
        "/v1/sql",
        "/v1/export/{table}",
        "/search",
        "/conversations/{id}",
        "/orders/{id}",
        "/customers/{id}",
    ] {
        assert!(shown.contains(&path), "{path} is not in {shown:?}");
    }
    assert!(!server.stderr().contains("panicked"));
}

/// Each address beyond 4 KiB was a record of its own.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_hammers_with_long_addresses_makes_a_record_and_a_sum() {
    const TIMES: usize = 150;
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let customer = server.http_as(&data, "carl", &[Customer]);
    for number in 0..TIMES {
        let address = format!("/v1/search?words={}{number}", "x".repeat(6_000));
        customer.get(&address).await.problem(403);
    }
    let refused = accesses(&admin, "outcome=refused", 1).await;
    let query = refused[0]["query"].as_str().unwrap();
    assert!(query.starts_with("/v1/search?words=xxx") && query.len() == 512, "{query}");
    assert_eq!(refused[0]["query_bytes"], 6_018);
    assert_eq!(server.stop(), 0);
    let lines =
        data.succeeds(["access", "--outcome", "refused", "--format", "json", "--shop", SHOP]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let times: Vec<Option<u64>> = lines.iter().map(|access| access["times"].as_u64()).collect();
    assert_eq!(times, [Some(TIMES as u64 - 1), None], "{lines:?}");
}

/// What is printed is handed over, and holds decide what is kept: none of it was recorded.
#[tokio::test(flavor = "multi_thread")]
async fn prints_holds_and_their_lists_are_recorded() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let dan = server.http_as(&data, "dan", &[Dispute]);
    let hold = json!({"conversation": "c1", "case": "D-17", "reason": "chargeback"});
    let erase = json!({"conversation": "c1", "ground": "asked", "dry_run": false});
    let json_of = "application/json";
    for page in ["/conversations/c1?print=1", "/conversations/c1?print=internal"] {
        assert_eq!(dan.get(page).await.status, 200, "{page}");
    }
    assert_eq!(dan.post("/v1/holds", json_of, hold.to_string()).await.status, 200);
    let asked = admin.post("/v1/erasures", json_of, erase.to_string()).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let id = asked.json()["id"].as_str().unwrap().to_string();
    for list in ["/v1/holds", "/v1/erasures", &format!("/v1/erasures/{id}")] {
        let answer = dan.get(list).await;
        assert_eq!(answer.status, 200, "{list}: {}", answer.text());
    }
    assert_eq!(dan.get("/conversations/@rules").await.status, 403);
    let release = json!({"case": "D-17"});
    assert_eq!(dan.post("/v1/holds/release", json_of, release.to_string()).await.status, 200);

    let all = accesses(&admin, "person=dan", 8).await;
    let names = ["action", "via", "conversation", "case", "query", "rows", "outcome"];
    let seen: Vec<Value> = all.iter().rev().map(|access| said(access, &names)).collect();
    let expected = [
        json!(["print", "page", "c1", null, "for the other side", 2, "allowed"]),
        json!(["print", "page", "c1", null, "internal", 2, "allowed"]),
        json!(["hold", "api", "c1", "D-17", "chargeback", 1, "allowed"]),
        json!(["keeping", "api", null, null, "holds", 1, "allowed"]),
        json!(["keeping", "api", null, null, "erasures", 1, "allowed"]),
        json!(["keeping", "api", null, null, id, 1, "allowed"]),
        json!(["view", "page", null, null, "/conversations/@rules", null, "refused"]),
        json!(["release", "api", null, "D-17", null, 1, "allowed"]),
    ];
    assert_eq!(seen, expected);
}

/// Whoever may read all looks at one; whoever serves customers listens all day; a customer listens to
/// their own, and tries another's.
#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_views_of_whoever_reads_without_taking_part() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    for (sub, role) in [
        ("ann", Analyst),
        ("dan", Dispute),
        ("boss", Admin),
        ("anna", Human),
        ("imp", Importer),
        ("carl", Customer),
    ] {
        let mut socket = Socket::open(&server, &data.token(SHOP, sub, &[role])).await;
        socket.subscribe("c1", 0).await;
        socket.expect("event").await;
    }
    let mut eve = Socket::open(&server, &data.token(SHOP, "eve", &[Customer])).await;
    eve.subscribe("c1", 0).await;
    assert_eq!(eve.expect("error").await["problem"]["status"], 403);
    let views = accesses(&admin, "action=view", 4).await;
    let names = ["sub", "via", "conversation", "outcome"];
    let seen: Vec<Value> = views.iter().rev().map(|access| said(access, &names)).collect();
    let expected = [
        json!(["ann", "socket", "c1", "allowed"]),
        json!(["dan", "socket", "c1", "allowed"]),
        json!(["boss", "socket", "c1", "allowed"]),
        json!(["eve", "socket", "c1", "refused"]),
    ];
    assert_eq!(seen, expected);
}

/// A human, a bot or an importer read all that was ever said in a chat, and nothing told.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_by_socket_what_is_no_live_chat_any_more_is_recorded() {
    let data = Data::new();
    let (server, admin) = with_chat(&data).await;
    let mut old = message("c9", "m1", "customer", "carl", "long ago");
    old["sent_at"] = json!("2020-01-01T00:00:00Z");
    let imported = "/v1/events?origin=imported";
    assert_eq!(admin.post(imported, "application/json", old.to_string()).await.status, 200);
    for (sub, role, conversation) in
        [("carl", Customer, "c9"), ("anna", Human, "c1"), ("anna", Human, "c9")]
    {
        let mut socket = Socket::open(&server, &data.token(SHOP, sub, &[role])).await;
        socket.subscribe(conversation, 0).await;
        socket.expect("event").await;
    }
    let views = accesses(&admin, "action=view", 1).await;
    let names = ["sub", "via", "conversation", "outcome"];
    assert_eq!(said(&views[0], &names), json!(["anna", "socket", "c9", "allowed"]));
}

/// What was asked may be as personal as what was found: no role but an administrator's reads it, and no
/// question over the chat shows it.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_door_shows_what_was_asked() {
    const SECRET: &str = "zebra-7f3a";
    let data = Data::committing_often();
    let (server, admin) = with_chat(&data).await;
    let analyst = server.http_as(&data, "ann", &[Analyst, Dispute, Human]);
    let count = "select count(*) from events";
    for is_committed in [false, true] {
        let words = format!("{SECRET}-{is_committed}");
        assert_eq!(analyst.found(&words).await, 0);
        let since = Instant::now();
        while !admin.get("/v1/access?action=search").await.text().contains(&words) {
            assert!(since.elapsed() < PATIENCE, "{words} is not recorded");
        }
        if is_committed {
            admin.caught_up(true).await;
        }
        analyst.get("/conversations/@access").await;
        for path in [
            "/v1/events",
            "/v1/export/events?format=csv",
            "/v1/export/events?format=jsonl",
            "/v1/export/strays?format=csv",
            "/v1/search?words=zebra",
            "/v1/search?words=&kind=access",
            "/v1/search?words=&conversation=@access",
            "/v1/conversations/@access",
            "/conversations/@access",
            "/v1/status",
            "/v1/rules",
            "/?from=2020-01-01",
        ] {
            let answer = analyst.get(path).await;
            let told = format!("{:?} {}", answer.headers, answer.text());
            assert!(!told.contains(SECRET), "{path}: {told}");
        }
        analyst.get("/v1/conversations/@access").await.problem(403);
        for statement in [
            "select * from events",
            "select * from events where kind = 'access'",
            "select * from events where conversation = '@access'",
            "select data, sender_id from events where data like '%7f3a%' or conversation <> 'c1'",
            "select * from strays",
            "select * from conversations where conversation = '@access'",
            "select conversation, count(*) from events group by 1",
        ] {
            for asker in [&analyst, &admin] {
                let told = asker.sql(statement).await.text();
                assert!(!told.contains(SECRET) && !told.contains("@access"), "{statement}: {told}");
            }
        }
        assert_eq!(admin.number(count).await, 2, "the chat alone is counted");
        let metrics = admin.get("/metrics").await.text();
        assert!(!metrics.contains(SECRET), "{metrics}");
    }
    let mut socket = Socket::open(&server, &data.token(SHOP, "ann", &[Analyst])).await;
    socket.subscribe("@access", 0).await;
    socket.subscribe("c1", 0).await;
    for _ in 0..2 {
        let frame = socket.frame().await.to_string();
        assert!(!frame.contains(SECRET) && frame.contains("c1"), "{frame}");
    }
    // The control: the administrator reads the records themselves.
    let records = admin.get("/v1/conversations/@access").await;
    assert!(records.text().contains(SECRET));
    // An administrator cannot write there.
    let forged = json!({"id": "f", "conversation": "@access", "kind": "access", "data": {},
        "sender": {"id": "verbatim", "role": "system"}});
    admin.event(&forged).await.problem(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let data = Data::committing_often();
    let (server, admin) = with_chat(&data).await;
    let analyst = server.http_as(&data, "ann", &[Analyst]);
    for number in 0..25 {
        analyst.found(&format!("word-{number}")).await;
    }
    accesses(&admin, "action=search", 25).await;
    admin.caught_up(true).await;
    for number in 25..40 {
        analyst.found(&format!("word-{number}")).await;
    }
    accesses(&admin, "action=search", 40).await;
    let (mut words, mut before) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/v1/access?action=search&limit=7{before}")).await.json();
        for access in page["accesses"].as_array().unwrap() {
            let query: Value = serde_json::from_str(access["query"].as_str().unwrap()).unwrap();
            words.push(query["words"].as_str().unwrap().to_string());
        }
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let expected: Vec<String> = (0..40).rev().map(|number| format!("\"word-{number}\"")).collect();
    assert_eq!(words, expected);
    for (bad, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("from=-1d&to=-2d", "to"),
        ("from=x", "from"),
    ] {
        let problem = admin.get(&format!("/v1/access?{bad}")).await.problem(400);
        assert_eq!(problem["field"], field, "{problem}");
    }
    admin.get("/v1/access?nope=1").await.problem(400);
    let none = accesses(&admin, "action=search&to=2020-01-01", 0).await;
    assert_eq!(none.len(), 0);
    assert_eq!(accesses(&admin, "action=search&from=-1d", 40).await.len(), 40);
}

/// A stop must not forget what was done in its last moment.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_written_at_a_stop_and_read_in_place() {
    let data = Data::new();
    let (server, _) = with_chat(&data).await;
    assert_eq!(server.http_as(&data, "dan", &[Dispute]).found("refund").await, 1);
    assert_eq!(server.stop(), 0);
    let text = data.succeeds(["access", "--shop", SHOP, "--person", "dan"]);
    assert!(
        text.contains(" dan (dispute) search allowed by api, 1 rows") && text.contains("refund"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
    let none = data.run(["access", "--shop", SHOP, "--person", "eve"]);
    none.assert_code(1);
}

/// While the log takes nothing, people still search; it is said that the record of it waits.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_for_now_waits_and_is_told() {
    let data = Data::new();
    let (server, _) = with_chat(&data).await;
    assert_eq!(server.stop(), 0);
    data.set("disk_reserve_mib = 1000000000\n");
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    assert_eq!(admin.found("refund").await, 1);
    let waits = |status: &Value| {
        status["log"]["trouble"].to_string().contains("accesses wait to be recorded")
    };
    let status = admin.status_once(waits).await;
    assert_eq!(status["trail"], json!({"waiting": 1, "unrecorded": 0}));
    let metrics = admin.get("/metrics").await.text();
    assert!(metrics.contains("verbatim_accesses_waiting 1\n"), "{metrics}");
    server.terminate();
    let (_, said) = server.ended();
    assert!(said.contains("accesses could not be recorded before the end"), "{said}");
}
