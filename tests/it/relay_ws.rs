//! The relay's WebSocket: several devices, resume without gap or repeat, who hears what, and bad
//! behaviour.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use verbatim::access::TokenRole::{Admin, Bot, Customer, Human};
use verbatim::server::SEND_TIME_MAX;

use super::socket::{Received, Socket};
use super::support::{Data, SHOP, Server, message};

fn seq(frame: &Value) -> u64 {
    frame["record"]["seq"].as_u64().unwrap_or_else(|| panic!("no event: {frame}"))
}

/// A customer writes on the phone while the tablet lies open: both show the message, and the
/// answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_device_of_a_customer_hears_everything() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = data.token(SHOP, "carl", &[Customer]);
    let mut phone = Socket::open(&server, &carl).await;
    phone.send_event(message("c1", "m1", "customer", "carl", "it is broken")).await;
    let ack = phone.expect("ack").await;
    assert_eq!(
        (&ack["conversation"], &ack["id"], &ack["seq"]),
        (&json!("c1"), &json!("m1"), &json!(1))
    );
    let mut tablet = Socket::open(&server, &carl).await;
    for device in [&mut phone, &mut tablet] {
        device.subscribe("c1", 0).await;
        let frame = device.expect("event").await;
        assert_eq!(frame["record"]["event"]["text"], "it is broken");
        assert_eq!(
            frame["record"]["leaf"], ack["leaf"],
            "the event is the one that was acknowledged"
        );
    }
    let mut anna = Socket::open(&server, &data.token(SHOP, "anna", &[Human])).await;
    anna.send_event(message("c1", "m2", "human", "anna", "I am sorry")).await;
    anna.expect("ack").await;
    for device in [&mut phone, &mut tablet] {
        let frame = device.expect("event").await;
        assert_eq!((seq(&frame), &frame["record"]["event"]["text"]), (2, &json!("I am sorry")));
    }
    // After unsubscribing, a device hears no more of it: the next thing heard is its own pong, and
    // another's event.
    tablet.send(json!({"type": "unsubscribe", "conversation": "c1"})).await;
    tablet.send(json!({"type": "ping"})).await;
    tablet.expect("pong").await;
    phone.send_event(message("c1", "m3", "customer", "carl", "thanks")).await;
    let (one, two) = (phone.frame().await, phone.frame().await);
    let mut kinds = [one["type"].as_str().unwrap(), two["type"].as_str().unwrap()];
    kinds.sort_unstable();
    assert_eq!(kinds, ["ack", "event"]);
    tablet.send_event(message("c2", "n1", "customer", "carl", "another matter")).await;
    assert_eq!(tablet.expect("ack").await["id"], "n1");
}

/// A chat is left. Without an answer a browser calls that a broken line, 1006, after which clients connect again.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_is_answered() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let mut phone = Socket::open(&server, &data.token(SHOP, "carl", &[Customer])).await;
    phone.send_event(message("c1", "m1", "customer", "carl", "never mind")).await;
    phone.expect("ack").await;
    let frame = CloseFrame { code: 1000.into(), reason: "done".into() };
    phone.try_send(Message::Close(Some(frame))).await.unwrap();
    let answer = phone.receive().await;
    assert!(matches!(answer, Received::Closed(Some(1000))), "{answer:?}");
    server.assert_alive();
}

/// A phone in a tunnel. It comes back with its last seq and hears what it missed, once, then what
/// comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_away_resumes_without_gap_or_repeat() {
    let data = Data::new();
    let server = Server::start(&data);
    let human = server.http_as(&data, "anna", &[Human]);
    let events = |range: std::ops::Range<u64>| -> Vec<Value> {
        range.map(|number| message("c1", &format!("m{number}"), "human", "anna", "text")).collect()
    };
    human.events(&events(0..600)).await;
    let token = data.token(SHOP, "bert", &[Human]);
    let mut heard = Vec::new();
    // Away and back at several places while more comes in, also across a page of the resume (256
    // records).
    for (round, until) in [(0, 3), (1, 300), (2, 601), (3, 640)] {
        let mut device = Socket::open(&server, &token).await;
        device.subscribe("c1", heard.last().copied().unwrap_or(0)).await;
        human.events(&events(600 + round * 20..620 + round * 20)).await;
        while heard.last().copied().unwrap_or(0) < until {
            heard.push(seq(&device.expect("event").await));
        }
    }
    let mut device = Socket::open(&server, &token).await;
    device.subscribe("c1", heard.last().copied().unwrap()).await;
    while heard.last() != Some(&680) {
        heard.push(seq(&device.expect("event").await));
    }
    assert_eq!(heard, (1..=680).collect::<Vec<_>>());
    // A seq beyond the end: nothing is owed until it is passed.
    let mut ahead = Socket::open(&server, &token).await;
    ahead.subscribe("c1", 681).await;
    ahead.send(json!({"type": "ping"})).await;
    ahead.expect("pong").await;
    human.events(&events(680..682)).await;
    assert_eq!(seq(&ahead.expect("event").await), 682);
}

/// A customer guesses conversation ids. It receives nothing, and does not learn whether such a
/// thing exists.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_hears_nothing() {
    let data = Data::new();
    let server = Server::start(&data);
    server
        .http_as(&data, "carl", &[Customer])
        .event(&message("c1", "m1", "customer", "carl", "secret"))
        .await;
    let mut eve = Socket::open(&server, &data.token(SHOP, "eve", &[Customer])).await;
    let mut answers = Vec::new();
    for conversation in ["c1", "no-such"] {
        eve.subscribe(conversation, 0).await;
        let problem = eve.expect("error").await["problem"].clone();
        assert_eq!(problem["status"], 403);
        answers.push(problem["detail"].as_str().unwrap().replace(conversation, "X"));
    }
    assert_eq!(answers[0], answers[1], "the same answer whether it exists or not");
    eve.send_event(message("c1", "m2", "customer", "eve", "let me in")).await;
    assert_eq!(eve.expect("error").await["problem"]["status"], 403);
    // Another shop's customer of the same name is another person.
    let mut other = Socket::open(&server, &data.token("other", "carl", &[Customer])).await;
    other.subscribe("c1", 0).await;
    assert_eq!(other.expect("error").await["problem"]["status"], 403);
    // An agent of another shop may subscribe to what does not exist there yet, and hears only its
    // own shop.
    let mut agent = Socket::open(&server, &data.token("other", "anna", &[Human])).await;
    agent.subscribe("c1", 0).await;
    agent.send_event(message("c1", "n1", "human", "anna", "of the other shop")).await;
    let frames = [agent.frame().await, agent.frame().await];
    let event = frames.iter().find(|frame| frame["type"] == "event").unwrap();
    assert_eq!((seq(event), &event["record"]["shop"]), (1, &json!("other")));
}

/// Agents talk about a customer in private notes. The customer's devices never get one, live or on
/// resume, nor does a bot that answers the customer; the agents' do.
#[tokio::test(flavor = "multi_thread")]
async fn private_notes_stay_with_the_shop() {
    let data = Data::new();
    let server = Server::start(&data);
    let carl = data.token(SHOP, "carl", &[Customer]);
    let mut phone = Socket::open(&server, &carl).await;
    phone.send_event(message("c1", "m1", "customer", "carl", "hello")).await;
    phone.expect("ack").await;
    phone.subscribe("c1", 0).await;
    assert_eq!(seq(&phone.expect("event").await), 1);
    let mut agent = Socket::open(&server, &data.token(SHOP, "bert", &[Human])).await;
    agent.subscribe("c1", 1).await;
    let mut bot = Socket::open(&server, &data.token(SHOP, "bot", &[Bot])).await;
    bot.subscribe("c1", 1).await;
    let mut note = message("c1", "m2", "human", "anna", "he always complains");
    note["visibility"] = json!("private");
    let anna = server.http_as(&data, "anna", &[Human]);
    anna.events(&[note, message("c1", "m3", "human", "anna", "hello Carl")]).await;
    assert_eq!(seq(&phone.expect("event").await), 3, "live: the note was passed over");
    assert_eq!(seq(&bot.expect("event").await), 3, "it might repeat it to the customer");
    assert_eq!(seq(&agent.expect("event").await), 2);
    assert_eq!(seq(&agent.expect("event").await), 3);
    let mut tablet = Socket::open(&server, &carl).await;
    tablet.subscribe("c1", 0).await;
    assert_eq!(seq(&tablet.expect("event").await), 1);
    assert_eq!(seq(&tablet.expect("event").await), 3, "on resume: the note was passed over");
}

/// Answers to notes were taken once, so there are some. Here the note came after what names it, which nobody can
/// refuse.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_hears_of_no_note_that_was_answered() {
    let data = Data::new();
    let server = Server::start(&data);
    let anna = server.http_as(&data, "anna", &[Human]);
    let answer = |id: &str, role: &str, sender: &str, answered: &str| {
        let mut answer = message("c1", id, role, sender, "as said");
        answer["reply_to"] = json!(answered);
        answer
    };
    let mut note = message("c1", "note", "human", "anna", "he always complains");
    note["visibility"] = json!("private");
    let carl = server.http_as(&data, "carl", &[Customer]);
    assert_eq!(carl.event(&message("c1", "m1", "customer", "carl", "hello")).await.status, 200);
    let of_shop = [("m2", "note"), ("m3", "m1"), ("m4", "not-there")];
    anna.events(&of_shop.map(|(id, answered)| answer(id, "human", "anna", answered))).await;
    anna.events(&[note]).await;
    let guess = answer("m5", "customer", "carl", "note");
    assert_eq!(carl.event(&guess).await.status, 200);
    let answered = async |token: &str, after: u64| {
        let mut socket = Socket::open(&server, token).await;
        socket.subscribe("c1", after).await;
        let mut answered = Vec::new();
        while answered.len() < 5 - after as usize {
            let event = socket.expect("event").await["record"]["event"].clone();
            let id = event["id"].as_str().unwrap().to_string();
            if id != "note" {
                answered.push((id, event["reply_to"].as_str().map(str::to_string)));
            }
        }
        let named: Vec<(String, String)> =
            answered.into_iter().filter_map(|(id, answered)| Some((id, answered?))).collect();
        named
    };
    let said = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(id, answered)| (id.to_string(), answered.to_string())).collect()
    };
    let (phone, agent) =
        (data.token(SHOP, "carl", &[Customer]), data.token(SHOP, "bert", &[Human]));
    let to_phone = answered(&phone, 0).await;
    assert_eq!(to_phone, said(&[("m3", "m1"), ("m4", "not-there"), ("m5", "note")]));
    // What is answered came before what is asked for.
    assert_eq!(answered(&phone, 2).await, to_phone);
    let to_agent = answered(&agent, 0).await;
    assert_eq!(to_agent[0], ("m2".to_string(), "note".to_string()));
    assert_eq!(to_agent[1..], to_phone[..]);
}

/// A broken client. Each bad frame is answered with what is wrong, and the connection stays.
#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_answered_and_the_connection_stays() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let mut socket = Socket::open(&server, &data.token(SHOP, "anna", &[Human])).await;
    let bad = [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        "{\"type\":5}",
        r#"{"type":"shout"}"#,
        r#"{"type":"send"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","conversation":"c","after_seq":-1}"#,
        r#"{"type":"subscribe","conversation":"c","after_seq":4294967296}"#,
        r#"{"type":"ping","extra":1}"#,
        r#"{"type":"send","event":5}"#,
        r#"{"type":"send","event":{"id":"m1"}}"#,
        r#"{"type":"unsubscribe","conversation":"c","event":{}}"#,
    ];
    for frame in bad {
        socket.send_text(frame).await;
        let problem = socket.expect("error").await["problem"].clone();
        assert_eq!(problem["status"], 400, "{frame}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].is_string(), "{frame}: {problem}");
        }
    }
    socket.try_send(Message::binary(vec![0, 159, 146, 150])).await.unwrap();
    assert_eq!(socket.expect("error").await["problem"]["status"], 400);
    // What is wrong with an event is said with its id, the field and the rule.
    socket
        .send_event(
            json!({"id": "m7", "conversation": "c1", "kind": "message", "sender": {"id": "anna", "role": "human"}}),
        )
        .await;
    let problem = socket.expect("error").await["problem"].clone();
    assert_eq!((&problem["id"], &problem["field"]), (&json!("m7"), &json!("text")));
    socket.send_event(message("c1", "m7", "human", "anna", "now with text")).await;
    assert_eq!(socket.expect("ack").await["id"], "m7");
    server.assert_alive();
}

/// Somebody sends 17 MB in one frame. That connection ends; nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_frame_too_large_ends_only_its_own_connection() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let token = data.token(SHOP, "anna", &[Human]);
    let mut other = Socket::open(&server, &token).await;
    for bytes in [64 * 1024 + 1, 17 * 1024 * 1024] {
        let mut socket = Socket::open(&server, &token).await;
        // The server may close while the frame is still being sent.
        let _ = socket.try_send(Message::text("x".repeat(bytes))).await;
        assert!(matches!(socket.receive().await, Received::Closed(_)), "{bytes} bytes");
    }
    // The largest event that fits is taken.
    other.send_event(message("c1", "m1", "human", "anna", &"x".repeat(32 * 1024))).await;
    assert_eq!(other.expect("ack").await["seq"], 1);
    server.assert_alive();
}

/// A page of another site opens a WebSocket with the visitor's cookie. The browser names the page's
/// origin, and the relay refuses.
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_bad_tokens_get_no_connection() {
    let data = Data::new();
    let server = Server::start(&data);
    let token = data.token(SHOP, "anna", &[Admin]);
    let own = server.url.clone();
    let host = own.strip_prefix("http://").unwrap();
    let status = async |token: &str, origin: &str| {
        let headers: &[(&'static str, &str)] = &[("origin", origin)];
        match Socket::try_open(&own, token, if origin.is_empty() { &[] } else { headers }).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(status(&token, "").await, 101);
    assert_eq!(status(&token, &own).await, 101);
    for origin in [
        "https://evil.example",
        "null",
        &format!("http://{host}.evil.example"),
        "http://127.0.0.1:1",
        "file://",
    ] {
        assert_eq!(status(&token, origin).await, 403, "{origin}");
    }
    assert_eq!(status("", "").await, 401);
    assert_eq!(status("x.y.z", "").await, 401);
    assert_eq!(status(&Data::new().token(SHOP, "anna", &[Admin]), "").await, 401);
    assert_eq!(status(&data.expired_token(Admin), "").await, 401);
}

/// A phone on a bad line stops reading. It is cut off, everyone else goes on, and once it comes
/// back it misses nothing. (The code that says "come back" reaches it only where its line still
/// takes a frame.)
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_cut_off_and_resumes() {
    let data = Data::new();
    let mut server = Server::start(&data);
    let token = data.token(SHOP, "bert", &[Human]);
    let mut slow = Socket::open_narrow(&server, &token).await;
    slow.subscribe("c1", 0).await;
    let human = server.http_as(&data, "anna", &[Human]);
    human.events(&[message("c1", "m0", "human", "anna", "first")]).await;
    assert_eq!(seq(&slow.expect("event").await), 1);
    // From here it does not read. 18 MB are more than the sockets' buffers hold.
    let text = "x".repeat(30_000);
    let total = 601;
    for batch in 0..12 {
        let events: Vec<Value> = (0..50)
            .map(|number| {
                message("c1", &format!("m{}", 1 + batch * 50 + number), "human", "anna", &text)
            })
            .collect();
        human.events(&events).await;
    }
    let mut prompt = Socket::open(&server, &token).await;
    prompt.subscribe("c2", 0).await;
    human.events(&[message("c2", "n1", "human", "anna", "for the others")]).await;
    assert_eq!(
        seq(&prompt.expect("event").await),
        1,
        "the others hear what comes while one is stuck"
    );

    // No wait for something to happen: not reading for this long is what happens.
    tokio::time::sleep(SEND_TIME_MAX + Duration::from_secs(2)).await;
    let mut heard = vec![1];
    let code = loop {
        match slow.receive().await {
            Received::Frame(frame) => heard.push(seq(&frame)),
            Received::Closed(code) => break code,
        }
    };
    assert!(matches!(code, Some(1013) | None), "{code:?}");
    assert!(heard.len() < total, "a reader this slow must have been cut off");
    while heard.len() < total {
        let mut again = Socket::open(&server, &token).await;
        again.subscribe("c1", *heard.last().unwrap()).await;
        while let Some(last) = heard.last().copied().filter(|last| *last < total as u64) {
            match again.receive().await {
                Received::Frame(frame) => heard.push(seq(&frame)),
                Received::Closed(code) => {
                    assert!(matches!(code, Some(1013) | None), "{code:?} after {last}");
                    break;
                }
            }
        }
    }
    assert_eq!(heard, (1..=total as u64).collect::<Vec<_>>());
    server.assert_alive();
}

/// Eight agents and bots write into one conversation at once. There is one order, the same for
/// everyone, and no seq is given twice or left out.
#[tokio::test(flavor = "multi_thread")]
async fn many_senders_get_one_order() {
    const SENDERS: u64 = 8;
    const EACH: u64 = 50;
    let data = Data::new();
    let server = Server::start(&data);
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let mut listener = Socket::open(&server, &data.token(SHOP, "listener", &[Human])).await;
        listener.subscribe("c1", 0).await;
        // Its pong comes after its subscription.
        listener.send(json!({"type": "ping"})).await;
        listener.expect("pong").await;
        listeners.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.len() < (SENDERS * EACH) as usize {
                let frame = listener.expect("event").await;
                let record = &frame["record"];
                heard.push((
                    record["seq"].as_u64().unwrap(),
                    record["offset"].as_u64().unwrap(),
                    record["event"]["id"].as_str().unwrap().to_string(),
                ));
            }
            heard
        }));
    }
    let senders = (0..SENDERS).map(|sender| {
        let name = format!("agent-{sender}");
        let token = data.token(SHOP, &name, &[Human]);
        let url = server.url.clone();
        tokio::spawn(async move {
            let mut socket = Socket::try_open(&url, &token, &[]).await.unwrap();
            let mut acks = Vec::new();
            for number in 0..EACH {
                socket
                    .send_event(message("c1", &format!("{name}-{number}"), "human", &name, "text"))
                    .await;
                let ack = socket.expect("ack").await;
                acks.push((ack["id"].as_str().unwrap().to_string(), ack["seq"].as_u64().unwrap()));
            }
            acks
        })
    });
    let mut acked = BTreeMap::new();
    for sender in senders.collect::<Vec<_>>() {
        let acks = sender.await.unwrap();
        assert!(acks.is_sorted_by_key(|(_, seq)| *seq), "one sender's messages keep their order");
        acked.extend(acks);
    }
    let mut orders = Vec::new();
    for listener in listeners {
        orders.push(listener.await.unwrap());
    }
    assert_eq!(orders[0], orders[1], "everyone hears the same order");
    let seqs: Vec<u64> = orders[0].iter().map(|(seq, ..)| *seq).collect();
    assert_eq!(seqs, (1..=SENDERS * EACH).collect::<Vec<_>>());
    assert!(orders[0].is_sorted_by_key(|(_, offset, _)| *offset));
    for (seq, _, id) in &orders[0] {
        assert_eq!(acked[id], *seq, "{id}: the ack names the place that everyone sees");
    }
}

/// A conversation id can be guessed. Who writes first to one that the shop began does not take it
/// over, and who uses an id before the shop does hears nothing that is meant for its customer.
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_says_whose_a_conversation_is() {
    let data = Data::new();
    let server = Server::start(&data);
    let anna = server.http_as(&data, "anna", &[Human]);
    let (carl, eve) =
        (server.http_as(&data, "carl", &[Customer]), server.http_as(&data, "eve", &[Customer]));
    let open = |conversation: &str, id: &str, customer: Option<&str>| {
        let mut event = json!({"id": id, "conversation": conversation, "kind": "open",
            "sender": {"id": "anna", "role": "human"}});
        if let Some(customer) = customer {
            event["customer"] = json!(customer);
        }
        event
    };
    assert_eq!(anna.event(&open("c1", "o1", None)).await.status, 200);
    assert_eq!(eve.event(&message("c1", "e1", "customer", "eve", "mine?")).await.status, 403);
    assert_eq!(carl.event(&message("c1", "k1", "customer", "carl", "mine?")).await.status, 403);
    let mut join = open("c1", "j1", Some("carl"));
    join["kind"] = json!("join");
    assert_eq!(anna.event(&join).await.status, 200);
    assert_eq!(carl.event(&message("c1", "k2", "customer", "carl", "mine")).await.status, 200);
    assert_eq!(eve.event(&message("c1", "k2", "customer", "eve", "mine?")).await.status, 403);

    assert_eq!(eve.event(&message("c2", "e1", "customer", "eve", "first")).await.status, 200);
    let problem = anna.event(&open("c2", "o1", Some("carl"))).await.problem(400);
    assert_eq!(
        (problem["field"].as_str(), problem["value"].as_str()),
        (Some("customer"), Some("carl"))
    );
    assert_eq!(anna.event(&open("c2", "o2", Some("eve"))).await.status, 200);
}

/// The log's offset counts the messages of every shop, and how the shop passes a conversation around
/// is its own: a customer is told neither, by whatever way.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_hears_what_was_said_and_no_offset() {
    let data = Data::new();
    let server = Server::start(&data);
    let (anna, carl) =
        (server.http_as(&data, "anna", &[Human]), server.http_as(&data, "carl", &[Customer]));
    let ack = carl.event(&message("c1", "m1", "customer", "carl", "broken")).await.json();
    assert!(ack["offset"].is_null() && ack["seq"] == 1 && ack["leaf"].is_string(), "{ack}");
    let line = message("c1", "m2", "customer", "carl", "very").to_string();
    let acks = carl.post("/v1/events", "application/x-ndjson", line).await.lines();
    assert!(acks[0]["offset"].is_null() && acks[0]["seq"] == 2, "{acks:?}");
    let of_shop = |kind: &str, id: &str| {
        let mut event = json!({"id": id, "conversation": "c1", "kind": kind,
            "sender": {"id": "anna", "role": "human"}});
        match kind {
            "tag" => event["category"] = json!("angry customer"),
            "assign" => event["assignee"] = json!("bert"),
            _ => {}
        }
        event
    };
    for (number, kind) in
        ["tag", "assign", "handoff", "pause", "resume", "queue"].iter().enumerate()
    {
        let ack = anna.event(&of_shop(kind, &format!("s{number}"))).await;
        assert_eq!(ack.status, 200, "{kind}: {}", ack.text());
        assert!(ack.json()["offset"].is_u64(), "the shop's side sees it");
    }
    anna.event(&message("c1", "m3", "human", "anna", "sorry")).await;
    let mut phone = Socket::open(&server, &data.token(SHOP, "carl", &[Customer])).await;
    phone.subscribe("c1", 0).await;
    for text in ["broken", "very", "sorry"] {
        let frame = phone.expect("event").await;
        assert_eq!(frame["record"]["event"]["text"], text, "{frame}");
        assert!(frame["record"]["offset"].is_null() && frame["record"]["seq"].is_u64(), "{frame}");
    }
    phone.send_event(message("c1", "m4", "customer", "carl", "thanks")).await;
    // The ack and the phone's own message come in either order.
    for _ in 0..2 {
        let frame = phone.frame().await;
        let told = if frame["type"] == "ack" { &frame } else { &frame["record"] };
        assert!(told["offset"].is_null() && told["seq"].is_u64(), "{frame}");
    }
}

/// A name of 64 KiB was kept three times for each of a thousand subscriptions; and an error that names
/// an id alone may be about either of two conversations.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_bounded_and_errors_name_the_conversation() {
    let data = Data::new();
    let server = Server::start(&data);
    let mut anna = Socket::open(&server, &data.token(SHOP, "anna", &[Human])).await;
    anna.subscribe(&"x".repeat(200), 0).await;
    let problem = anna.expect("error").await["problem"].take();
    assert_eq!((&problem["field"], &problem["status"]), (&json!("conversation"), &json!(400)));
    let mut wrong = message("c7", "m1", "human", "anna", "hello");
    wrong["rating"] = json!(9);
    anna.send_event(wrong).await;
    let error = anna.expect("error").await;
    assert_eq!((&error["conversation"], &error["problem"]["id"]), (&json!("c7"), &json!("m1")));
    // The same conversation again takes no further place.
    for _ in 0..1_001 {
        anna.subscribe("c1", 0).await;
    }
    anna.send(json!({"type": "ping"})).await;
    anna.expect("pong").await;
}

/// A join that lets nobody in was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_join_than_are_remembered() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = server.http_as(&data, "boss", &[Admin]);
    let join = |number: usize| {
        json!({"id": format!("j{number}"), "conversation": "c1", "kind": "join",
            "customer": format!("carl{number}"), "sender": {"id": "anna", "role": "human"}})
    };
    for number in 0..32 {
        assert_eq!(boss.event(&join(number)).await.status, 200, "{number}");
    }
    let problem = boss.event(&join(32)).await.problem(400);
    assert_eq!((&problem["field"], &problem["value"]), (&json!("customer"), &json!("carl32")));
    let mut again = join(3);
    again["id"] = json!("again");
    assert_eq!(boss.event(&again).await.status, 200);
    for (number, status) in [(31, 200), (32, 403)] {
        let name = format!("carl{number}");
        let carl = server.http_as(&data, &name, &[Customer]);
        let said = message("c1", &format!("m{number}"), "customer", &name, "hello");
        assert_eq!(carl.event(&said).await.status, status);
    }
}

/// A conversation is written as it is read, in parts: no record is missing or doubled where they meet.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_conversation_comes_whole() {
    let data = Data::new();
    let server = Server::start(&data);
    let boss = server.http_as(&data, "boss", &[Admin]);
    for (conversation, count, text) in
        [("short", 1_300, "x".to_string()), ("long", 60, "y".repeat(30_000))]
    {
        let events: Vec<Value> = (0..count)
            .map(|number| message(conversation, &format!("m{number}"), "human", "anna", &text))
            .collect();
        boss.events(&events).await;
        let answer = boss.get(&format!("/v1/conversations/{conversation}")).await;
        let seqs: Vec<u64> = answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, (1..=count).collect::<Vec<u64>>(), "{conversation}");
    }
}
