//! Whole transcripts as they are read and handed over: on pages, on paper, from the command line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use verbatim::access::TokenRole::{Admin, Dispute};

use super::support::{Data, Http, SHOP, Server, lines, message};

/// In every text that is the shop's own.
const OWN: &str = "SHOPS-OWN";

fn by(sender: &str, role: &str, mut event: Value) -> Value {
    event["sender"] = json!({"id": sender, "role": role});
    event
}

/// A chat with an edit, a retraction, a note that is read, and a tag.
fn chat(conversation: &str, order: &str) -> Vec<Value> {
    let mut note = message(conversation, "n1", "human", "anna", &format!("{OWN} note"));
    note["visibility"] = json!("private");
    let of = |mut event: Value| {
        event["conversation"] = json!(conversation);
        event
    };
    vec![
        by("carl", "customer", of(json!({"id": "o", "kind": "open", "order": order}))),
        message(conversation, "m1", "human", "anna", "we refund 236"),
        message(conversation, "m2", "customer", "carl", "I paid 263"),
        by(
            "anna",
            "human",
            of(json!({"id": "e1", "kind": "edit", "target": "m1", "text": "we refund 263"})),
        ),
        note,
        by("anna", "human", of(json!({"id": "r1", "kind": "read", "target": "n1"}))),
        by(
            "anna",
            "human",
            of(json!({"id": "t1", "kind": "tag", "category": format!("{OWN}-tag")})),
        ),
        message(conversation, "m3", "human", "anna", "I will ask"),
        message(conversation, "m4", "customer", "carl", "clowns"),
        by("carl", "customer", of(json!({"id": "x1", "kind": "retract", "target": "m4"}))),
    ]
}

async fn dan_of(data: &Data, server: &Server, conversations: &[(&str, &str)]) -> Http {
    let boss = server.http_as(data, "boss", &[Admin]);
    for (conversation, order) in conversations {
        boss.events(&chat(conversation, order)).await;
    }
    boss.caught_up(false).await;
    server.http_as(data, "dan", &[Dispute])
}

/// What was printed for the customer's bank had the shop's own notes in it: there they admitted the mistake.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_for_the_other_side_has_nothing_of_the_shops_own() {
    let data = Data::new();
    let server = Server::start(&data);
    let dan = dan_of(&data, &server, &[("c-1", "FL1")]).await;
    for address in
        ["/conversations/c-1?print=1", "/orders/FL1?print=1", "/conversations/c-1?print=x"]
    {
        let printed = dan.get(address).await;
        assert_eq!(printed.status, 200, "{}", printed.text());
        let html = printed.text();
        for own in [OWN, "n1", "offset", "seq "] {
            assert!(!html.contains(own), "{own} in {address}: {html}");
        }
        for said in ["we refund 236", "we refund 263", "I paid 263", "clowns", "FL1", "dan", "main"]
        {
            assert!(html.contains(said), "{said} not in {address}: {html}");
        }
        assert!(html.contains("UTC</td>") || html.contains("+00:00"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }
    let internal = dan.get("/conversations/c-1?print=internal").await.text();
    assert!(internal.contains(OWN) && internal.contains("INTERNAL"), "{internal}");
    // On the page itself the note is there, in what the style sheet does not print.
    let page = dan.get("/conversations/c-1").await.text();
    assert!(page.contains(r#"private internal""#) && page.contains(OWN), "{page}");
    let sheet = dan.get("/assets/style.css").await.text();
    assert!(sheet.contains(".internal { display: none !important; }"));
    // Receipts are whole: the other side holds them, too.
    let records = dan.get("/v1/conversations/c-1").await.json();
    let printed = dan.get("/conversations/c-1?print=1").await.text();
    for record in records.as_array().unwrap() {
        let event = &record["event"];
        let is_own = ["n1", "r1", "t1"].contains(&event["id"].as_str().unwrap());
        assert_eq!(printed.contains(record["leaf"].as_str().unwrap()), !is_own, "{event}");
    }
}

/// The link to a promise in a long chat opened the chat's beginning once the reader had signed in: a fragment does not
/// come back from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_record_scrolls_to_it_after_signing_in() {
    let data = Data::new();
    let server = Server::start(&data);
    let _dan = dan_of(&data, &server, &[("c-1", "FL1")]).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let client = client.build().unwrap();
    let location = |answer: reqwest::Response| {
        assert_eq!(answer.status(), 303);
        answer.headers()["location"].to_str().unwrap().to_string()
    };
    let url = |path: &str| format!("{}{path}", server.url);
    let asked = client.get(url("/conversations/c-1?at=2&words=paid")).send().await.unwrap();
    let login = location(asked);
    let next = url::Url::parse(&url(&login)).unwrap();
    let next = next.query_pairs().find(|(name, _)| name == "next").unwrap().1.to_string();
    let token = data.token(SHOP, "dan", &[Dispute]);
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &token)
        .append_pair("next", &next)
        .finish();
    let signed_in = client
        .post(url("/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let landed = location(signed_in);
    let cookie = format!("verbatim_token={token}");
    let placed = client.get(url(&landed)).bearer_auth(&token).header("cookie", cookie).send();
    let placed = location(placed.await.unwrap());
    assert_eq!(placed, "/conversations/c-1?words=paid&record=2#m-2");
    let page = client.get(url(&placed)).bearer_auth(&token).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(html.contains(r#"id="m-2""#) && html.contains("I <mark>paid</mark> 263"), "{html}");
}

/// The order filter of search showed five messages of two conversations, and none of one without words.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_shows_all_its_conversations_and_nothing_of_another_shop() {
    let data = Data::new();
    let server = Server::start(&data);
    let dan = dan_of(&data, &server, &[("c-1", "FL1"), ("c-2", "FL1"), ("c-3", "FL3")]).await;
    let boss = server.http_as(&data, "boss", &[Admin]);
    // It was opened, and nobody said a word.
    let silent = json!({"id": "o", "conversation": "c-4", "kind": "open", "order": "FL1"});
    assert_eq!(boss.event(&by("carl", "customer", silent)).await.status, 200);
    let other = server.http(&data.token("other", "eve", &[Admin]));
    other.events(&chat("c-9", "THEIRS")).await;
    boss.caught_up(false).await;

    let order = dan.get("/orders/FL1").await;
    assert_eq!(order.status, 200, "{}", order.text());
    let html = order.text();
    assert!(
        html.contains("<b>3</b> conversations") && html.contains("complete to offset"),
        "{html}"
    );
    let place = |name: &str| html.find(&format!(r#"href="/conversations/{name}""#));
    assert!(place("c-1") < place("c-2") && place("c-2") < place("c-4"), "{html}");
    assert!(place("c-1").is_some() && place("c-3").is_none() && place("c-9").is_none(), "{html}");
    for said in ["/customers/carl", "/agents/anna", "Last words", ">retracted<", "SHOPS-OWN-tag"] {
        assert!(html.contains(said), "{said} not in {html}");
    }
    for (address, count) in [("/customers/carl", "<b>4</b>"), ("/agents/anna", "<b>3</b>")] {
        let html = dan.get(address).await.text();
        assert!(html.contains(count), "{address}: {html}");
        assert!(html.find("/conversations/c-3") < html.find("/conversations/c-1"), "newest first");
    }
    let chronology = dan.get("/orders/FL1?view=chronology").await.text();
    for said in
        ["/conversations/c-1", "/conversations/c-2", "236</bdi> → <bdi>263", "SHOPS-OWN note"]
    {
        assert!(chronology.contains(said), "{said} not in {chronology}");
    }
    let listed = dan.get("/v1/conversations?order=FL1").await.json();
    assert_eq!(listed["conversations"], json!(["c-4", "c-2", "c-1"]));
    assert_eq!(listed.get("written"), None);
    // In a mail it stood in small letters.
    let again = dan.get("/v1/conversations?order=%20fl1").await.json();
    assert_eq!(
        (&again["conversations"], &again["written"]),
        (&listed["conversations"], &json!(["FL1"]))
    );
    let html = dan.get("/orders/fl1").await.text();
    assert!(html.contains("<b>3</b> conversations") && html.contains("<bdi>FL1</bdi>"), "{html}");

    // What another shop has is as unknown as what nobody has.
    let told = |text: String, id: &str| text.replace(id, "ID");
    for pages in ["orders", "customers", "agents"] {
        let theirs = dan.get(&format!("/{pages}/THEIRS")).await;
        let nobodys = dan.get(&format!("/{pages}/NOBODYS")).await;
        assert_eq!((theirs.status, nobodys.status), (404, 404), "{pages}");
        assert_eq!(told(theirs.text(), "THEIRS"), told(nobodys.text(), "NOBODYS"));
        let printed = dan.get(&format!("/{pages}/THEIRS?print=1")).await;
        assert_eq!(printed.status, 404);
    }
    assert_eq!(dan.get("/v1/conversations?order=THEIRS").await.json()["conversations"], json!([]));
    for (query, field) in [("", "order"), ("?order=", "order"), ("?order=a&agent=b", "agent")] {
        let problem = dan.get(&format!("/v1/conversations{query}")).await.problem(400);
        assert_eq!(problem["field"], field, "{problem}");
    }
    assert_eq!(dan.get("/conversations/@rules").await.status, 403);
}

/// Every form is made of the same records, and what is for the other side has nothing of the shop's own.
#[test]
fn show_hands_over_the_same_in_every_form() {
    let data = Data::new();
    data.set("zone = \"Asia/Shanghai\"\n");
    let mut events = chat("c-1", "FL1");
    events.extend(chat("c-2", "FL1"));
    for event in &mut events {
        event["sent_at"] = json!("2026-01-03T18:13:20Z");
    }
    data.succeeds(["import", data.file("chat.ndjson", lines(&events)).to_str().unwrap()]);
    let leaves = |conversation: &str| -> Vec<(String, String)> {
        let query = format!("select id, leaf from events where conversation = '{conversation}'");
        let rows = data.rows(&query);
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_string();
        rows.iter().map(|row| (text(row, "id"), text(row, "leaf"))).collect()
    };
    let own = ["n1", "r1", "t1"];
    let all = leaves("c-1");
    assert_eq!(all.len(), 10);
    let show = |arguments: &[&str]| data.succeeds([&["show"], arguments].concat());
    for (arguments, has_own) in [
        (vec!["c-1", "--format", "html"], false),
        (vec!["c-1", "--format", "md"], false),
        (vec!["c-1", "--format", "json", "--without-private"], false),
        (vec!["c-1", "--leaves", "--without-private"], false),
        (vec!["c-1", "--format", "html", "--with-private"], true),
        (vec!["c-1", "--format", "md", "--with-private"], true),
        (vec!["c-1", "--format", "json"], true),
        (vec!["c-1", "--leaves"], true),
    ] {
        let shown = show(&arguments);
        assert_eq!(shown.contains(OWN), has_own, "{arguments:?}: {shown}");
        for (id, leaf) in &all {
            let expected = usize::from(has_own || !own.contains(&id.as_str()));
            assert_eq!(
                shown.matches(leaf.as_str()).count(),
                expected,
                "{arguments:?} {id}: {shown}"
            );
        }
        for said in ["we refund 236", "we refund 263", "clowns"] {
            assert!(shown.contains(said), "{said} not in {arguments:?}: {shown}");
        }
    }
    let html = show(&["c-1", "--format", "html"]);
    assert!(html.starts_with("<!doctype html>"), "{html}");
    for active in ["<script", "<link", "http:", "https:", "url(", "<form", "src="] {
        assert!(!html.contains(active), "{active} in {html}");
    }
    assert!(
        html.contains("2026-01-04 02:13:20 +08:00") && html.contains("导入 imported"),
        "{html}"
    );
    let text = show(&["c-1", "--zone", "Europe/Paris"]);
    assert!(text.contains("2026-01-03 19:13:20 +01:00") && text.contains("[imported]"), "{text}");
    assert!(text.contains("read the message of"), "{text}");
    let order = show(&["--order", "FL1", "--format", "html"]);
    let both = leaves("c-2").into_iter().chain(all).filter(|(id, _)| !own.contains(&id.as_str()));
    for (id, leaf) in both {
        assert_eq!(order.matches(&leaf).count(), 1, "{id}");
    }
    assert!(order.find("c-1").unwrap() < order.find("c-2").unwrap());
    let unknown = data.run(["show", "--order", "FL9"]);
    unknown.assert_code(1);
    unknown.assert_stderr_has("FL9");
    data.run(["show"]).assert_code(2);
}

/// Sends a message with one file, and tells the file's hash.
async fn send_file(of: &Http, mut message: Value, name: &str, bytes: &[u8]) -> String {
    let sha256 = hex::encode(Sha256::digest(bytes));
    let put = of.put(&format!("/v1/attachments/{sha256}"), bytes.to_vec()).await;
    assert_eq!(put.status, 201, "{}", put.text());
    message["attachments"] = json!([{
        "sha256": sha256, "name": name, "media_type": "text/plain", "bytes": bytes.len()
    }]);
    assert_eq!(of.event(&message).await.status, 200);
    sha256
}

/// What a clerk mailed named the pictures, and whoever got the mail could not see them.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_mail_has_the_pictures_that_its_reader_may_see() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = server.http_as(&data, "boss", &[Admin]);
    let picture = |what: &str| [b"\x89PNG ", what.as_bytes()].concat();
    let said = |id: &str| message("c-1", id, "human", "boss", id);
    let (seen, taken_back, gone) = (picture("seen"), picture("taken back"), picture("gone"));
    let (of_note, animated) = (picture(OWN), b"GIF89a whatever its name".to_vec());
    send_file(&boss, said("m1"), "seen.png", &seen).await;
    let mut note = said("n1");
    note["visibility"] = json!("private");
    let note = send_file(&boss, note, &format!("{OWN}.png"), &of_note).await;
    send_file(&boss, said("m2"), "taken_back.png", &taken_back).await;
    let retract = json!({"id": "x2", "conversation": "c-1", "kind": "retract", "target": "m2"});
    assert_eq!(boss.event(&by("boss", "human", retract)).await.status, 200);
    send_file(&boss, said("m3"), "gone.png", &gone).await;
    send_file(&boss, said("m4"), "called.txt", &animated).await;
    let named = send_file(&boss, said("m5"), "called.png", b"no picture").await;
    let missing = send_file(&boss, said("m6"), "missing.png", &picture("missing")).await;
    let damaged = send_file(&boss, said("m7"), "damaged.png", &picture("damaged")).await;
    let erased = block_in_place(|| {
        data.run(["erase", "--message", "m3", "--conversation", "c-1", "--ground", "asked"])
    });
    erased.assert_code(0);
    let attachments = data.path().join("attachments");
    std::fs::remove_file(file_named(&attachments, &missing)).unwrap();
    std::fs::write(file_named(&attachments, &damaged), picture("of another")).unwrap();

    let address = |media_type: &str, bytes: &[u8]| {
        format!("<img src=\"data:image/{media_type};base64,{}\"", STANDARD.encode(bytes))
    };
    let check = |html: &str, has_notes: bool| {
        let pictures = [address("png", &seen), address("gif", &animated)];
        // A retracted message shows what it showed as text: all of it.
        for shown in pictures.iter().chain(&[address("png", &taken_back)]) {
            assert!(html.contains(shown), "{shown}");
        }
        assert_eq!(html.contains(&address("png", &of_note)), has_notes);
        assert_eq!((html.contains(&note), html.contains(OWN)), (has_notes, has_notes));
        assert_eq!(html.matches("<img").count(), 3 + usize::from(has_notes));
        assert!(!html.contains(&STANDARD.encode(&gone)) && !html.contains("gone.png"));
        for (name, sha256, why) in [
            ("missing.png", &missing, "; <b>文件不在此处 the file is not here</b>"),
            ("damaged.png", &damaged, "; <b>文件已损坏 the file is damaged"),
            ("called.png", &named, "</p>"),
        ] {
            let (_, of_file) = html.split_once(&format!("<bdi>{name}</bdi>")).unwrap();
            let (line, of_file) = of_file.split_once(" bytes)").unwrap();
            assert!(of_file.starts_with(why), "{line} {}", &of_file[..80]);
            assert!(html.contains(&format!("SHA-256 {sha256}")));
        }
    };
    let token = data.token(SHOP, "boss", &[Admin]);
    let of_server = ["--url", &server.url, "--token", &token];
    let show = ["show", "c-1", "--format", "html"];
    let run = |arguments: &[&str]| block_in_place(|| data.succeeds(arguments));
    check(&run(&[&show[..], &of_server].concat()), false);
    check(&run(&[&show[..], &of_server, &["--with-private"]].concat()), true);
    let page = boss.get("/conversations/c-1").await.text();
    assert_eq!(page.matches("<img").count(), 4, "{page}");
    assert_eq!(block_in_place(|| server.stop()), 0);
    check(&run(&show), false);
    check(&run(&[&show[..], &["--with-private"]].concat()), true);
}

/// A mail takes 25 MB.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_mail_stays_as_large_as_a_mail_may_be() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = server.http_as(&data, "boss", &[Admin]);
    let picture =
        |first: u8, bytes: usize| [&b"\x89PNG"[..], &[first], &vec![0; bytes - 5]].concat();
    let largest = 4 << 20;
    for (number, bytes) in [(1, largest + 1), (2, largest), (3, largest), (4, 16), (5, largest)] {
        let said = message("c-1", &format!("m{number}"), "human", "boss", "see");
        send_file(&boss, said, &format!("{number}.png"), &picture(number, bytes)).await;
    }
    assert_eq!(block_in_place(|| server.stop()), 0);
    let html = block_in_place(|| data.succeeds(["show", "c-1", "--format", "html"]));
    assert_eq!(html.matches("<img").count(), 3);
    for (number, is_shown, why) in [
        (1, false, "the picture is too large to be shown here"),
        (2, true, "</p>"),
        (3, true, "</p>"),
        (4, true, "</p>"),
        (5, false, "the picture is not shown: those before it fill this page"),
    ] {
        assert_eq!(html.contains(&format!("alt=\"图片 picture: {number}.png\"")), is_shown);
        let (_, line) = html.split_once(&format!("<bdi>{number}.png</bdi>")).unwrap();
        assert!(line.split_once('\n').unwrap().0.contains(why), "{number}");
    }
    assert!(html.len() < 25_000_000 / 4 * 3, "{}", html.len());
}

/// A picture whose bytes changed on the disk was served as if it were what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_said_and_not_served() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = server.http_as(&data, "boss", &[Admin]);
    let bytes = b"\x89PNG and the rest of it";
    let sha256 = hex::encode(Sha256::digest(bytes));
    let put = boss.put(&format!("/v1/attachments/{sha256}"), bytes.to_vec()).await;
    assert_eq!(put.status, 201);
    let mut sent = message("c-1", "m1", "human", "boss", "see");
    sent["attachments"] =
        json!([{"sha256": sha256, "name": "a.png", "media_type": "image/png", "bytes": 23}]);
    assert_eq!(boss.event(&sent).await.status, 200);
    let address = format!("/v1/conversations/c-1/events/m1/attachments/{sha256}");
    assert_eq!(boss.get(&address).await.body, bytes);
    let shown = |html: &str| html.contains(&format!(r#"<img src="{address}""#));
    assert!(shown(&boss.get("/conversations/c-1").await.text()));
    assert!(shown(&boss.get("/conversations/c-1?print=1").await.text()));

    let file = file_named(&data.path().join("attachments"), &sha256);
    std::fs::write(&file, b"\x89PNG and the rest of If").unwrap();
    let problem = boss.get(&address).await.problem(500);
    assert!(problem["detail"].as_str().unwrap().contains("damaged"), "{problem}");
    for page in ["/conversations/c-1", "/conversations/c-1?print=1"] {
        let html = boss.get(page).await.text();
        assert!(html.contains("damaged") && !shown(&html), "{html}");
    }
    std::fs::remove_file(&file).unwrap();
    boss.get(&address).await.problem(404);
    let html = boss.get("/conversations/c-1").await.text();
    assert!(html.contains("This file is not here") && !shown(&html), "{html}");
}

fn file_named(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("no file `{name}`");
}
