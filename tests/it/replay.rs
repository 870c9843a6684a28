//! `serve` and `verbatim replay` together: real chats as live chat, as fast as the relay takes
//! them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use verbatim::access::TokenRole::{Admin, Human};

use super::socket::{Received, Socket};
use super::support::{
    CHATS, Data, SHOP, Server, counts, real_chats, sample, sample_events, transcripts,
};

/// What a listener heard: each conversation's texts in order, and how often it had to come back.
#[derive(Default)]
struct Listened {
    texts: BTreeMap<String, Vec<Option<String>>>,
    cut_off: usize,
}

/// Subscribes to all conversations and hears them to their ends, resuming each time it is cut off.
async fn listen(
    url: String,
    token: String,
    expected: BTreeMap<String, usize>,
    ready: tokio::sync::oneshot::Sender<()>,
) -> Listened {
    let mut listened = Listened::default();
    let mut ready = Some(ready);
    let total: usize = expected.values().sum();
    let heard_of = |listened: &Listened| listened.texts.values().map(Vec::len).sum::<usize>();
    loop {
        let mut socket = Socket::try_open(&url, &token, &[]).await.unwrap();
        let mut cut_off_early = false;
        for conversation in expected.keys() {
            let after = listened.texts.get(conversation).map_or(0, Vec::len);
            let frame = serde_json::json!({"type": "subscribe", "conversation": conversation, "after_seq": after});
            cut_off_early |= socket
                .try_send(tokio_tungstenite::tungstenite::Message::text(frame.to_string()))
                .await
                .is_err();
        }
        if !cut_off_early && ready.is_some() {
            socket.send(serde_json::json!({"type": "ping"})).await;
            socket.expect("pong").await;
            let _ = ready.take().unwrap().send(());
        }
        while heard_of(&listened) < total {
            match socket.receive().await {
                Received::Frame(frame) => {
                    assert_eq!(frame["type"], "event", "{frame}");
                    let event = &frame["record"]["event"];
                    let texts = listened
                        .texts
                        .entry(event["conversation"].as_str().unwrap().to_string())
                        .or_default();
                    texts.push(event["text"].as_str().map(str::to_string));
                    assert_eq!(frame["record"]["seq"], texts.len(), "once and in order: {frame}");
                }
                Received::Closed(code) => {
                    assert!(matches!(code, Some(1013) | None), "{code:?}");
                    listened.cut_off += 1;
                    break;
                }
            }
        }
        if heard_of(&listened) == total {
            return listened;
        }
    }
}

async fn replay(data: &Data, files: &[&str], expected: BTreeMap<String, Vec<Option<String>>>) {
    let mut server = Server::start(data);
    let total: usize = expected.values().map(Vec::len).sum();
    let sizes = expected.iter().map(|(name, texts)| (name.clone(), texts.len())).collect();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let token = data.token(SHOP, "listener", &[Human]);
    let listener = tokio::spawn(listen(server.url.clone(), token, sizes, ready));
    is_ready.await.unwrap();
    let out = tokio::task::block_in_place(|| {
        data.succeeds([&["replay", "--speed", "0"], files].concat())
    });
    assert_eq!(counts(&out)["acked"], total);
    let listened = listener.await.unwrap();
    println!(
        "a listener to {} conversations heard {total} events, cut off {} times",
        expected.len(),
        listened.cut_off
    );
    assert_eq!(
        listened.cut_off, 0,
        "a listener that reads is never cut off, however much comes at once"
    );
    assert_eq!(listened.texts, expected);

    let admin = server.http_as(data, "boss", &[Admin]);
    assert_eq!(admin.number("select count(*) from events").await, total as i64);
    for phrase in ["你好", "Hello", "zzqx"] {
        let folded = phrase.to_lowercase();
        let texts = expected.values().flatten().flatten();
        let scanned = texts.filter(|text| text.to_lowercase().contains(&folded)).count();
        assert_eq!(admin.found(phrase).await, scanned as u64, "{phrase}");
    }
    // Sent twice, kept once.
    let again = tokio::task::block_in_place(|| {
        data.succeeds([&["replay", "--speed", "0"], files].concat())
    });
    assert_eq!(counts(&again)["duplicates"], total);
    assert_eq!(admin.number("select count(*) from events").await, total as i64);
    server.assert_alive();
}

/// Real chats, live. Whoever listens hears every message once and in order, and afterwards search
/// and SQL have them all.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_every_message_once_and_in_order() {
    let Some(files) = real_chats(CHATS) else { return };
    let chats = transcripts(&files);
    let texts = |chat: &Value| {
        chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["text"].as_str().map(str::to_string))
            .collect()
    };
    let expected: BTreeMap<String, Vec<Option<String>>> = chats
        .iter()
        .map(|chat| (chat["conversation_id"].as_str().unwrap().to_string(), texts(chat)))
        .collect();
    let files: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    replay(&Data::new(), &files, expected).await;
}

/// The same with events instead of transcripts, which the crate itself holds.
#[tokio::test(flavor = "multi_thread")]
async fn the_live_sample_is_heard_and_found() {
    let mut expected: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for event in sample_events("live.ndjson") {
        let conversation = event["conversation"].as_str().unwrap().to_string();
        assert!(ids.insert((conversation.clone(), event["id"].clone().to_string())));
        expected.entry(conversation).or_default().push(event["text"].as_str().map(str::to_string));
    }
    replay(&Data::new(), &[sample("live.ndjson").to_str().unwrap()], expected).await;
}
