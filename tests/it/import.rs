//! Old transcripts come in once, whole, and are found: by SQL, by search, in place and through a
//! server alike.

use std::path::Path;

use serde_json::{Value, json};

use super::support::{
    CHATS, Data, Server, counts, csv, sample, sample_events, shared_chats, transcripts,
};

/// A file imported twice must add nothing, and what an import reports must be what is there.
#[test]
fn a_file_imported_twice_adds_nothing() {
    let Some(files) = shared_chats(CHATS) else { return };
    let data = Data::new();
    let import = || {
        let files: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
        counts(&data.succeeds([&["import"], &files[..]].concat()))
    };
    let expected = |acked: u64, duplicates: u64| json!({"messages": 3716, "events": 3716, "acked": acked, "duplicates": duplicates, "rejected": 0});
    assert_eq!(import(), expected(3716, 0));
    assert_eq!(import(), expected(0, 3716));
    let count = data.succeeds(["sql", "select count(*) as n from messages", "--format", "csv"]);
    assert_eq!(csv(&count), [["n"], ["3716"]]);
}

/// Phrases and how many texts of the files contain each, by a plain scan. Folding is lower case for
/// these: none of them, and no text that could match them, has full-width letters (the exact mode
/// is compared too).
fn scan(texts: &[String], phrase: &str) -> (usize, usize) {
    let folded = phrase.to_lowercase();
    let exact = texts.iter().filter(|text| text.contains(phrase)).count();
    (exact, texts.iter().filter(|text| text.to_lowercase().contains(&folded)).count())
}

fn search(data: &Data, phrase: &str, more: &[&str]) -> (i32, Value) {
    // Spaces are part of it.
    let phrase = &format!("\"{phrase}\"");
    let ran = data.run([&["search", phrase, "--format", "json", "--limit", "5"], more].concat());
    assert!(ran.code < 2, "{ran}");
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

/// "We searched and found nothing" is evidence only if search finds everything a plain scan finds,
/// in any script, inside words, and whichever way it is asked.
#[test]
fn search_finds_what_a_plain_scan_finds_in_place_and_through_a_server() {
    let Some(files) = shared_chats(CHATS) else { return };
    let data = Data::new();
    let names: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    data.succeeds([&["import"], &names[..]].concat());
    let chats = transcripts(&files);
    let messages = chats.iter().flat_map(|chat| chat["messages"].as_array().unwrap());
    let texts: Vec<String> =
        messages.map(|message| message["text"].as_str().unwrap().to_string()).collect();
    assert_eq!(texts.len(), 3716);

    let phrases = [
        "can you help",
        "Hotel",
        "酒店",
        "你好",
        "e",
        "otel",
        "A. H",
        "4.5",
        "帮我推荐",
        "的",
        "zzqx",
    ];
    let in_place: Vec<Value> = phrases.iter().map(|phrase| search(&data, phrase, &[]).1).collect();
    let exactly = search(&data, "Hotel", &["--exact"]).1;
    assert_eq!(exactly["total"], scan(&texts, "Hotel").0);
    assert!(
        scan(&texts, "Hotel").0 < scan(&texts, "Hotel").1,
        "the two modes must differ for this to say anything"
    );
    for (phrase, answer) in phrases.iter().zip(&in_place) {
        assert_eq!(answer["total"], scan(&texts, phrase).1, "{phrase}");
        assert_eq!(answer["complete_to"], 3716, "{phrase}");
    }

    let mut server = Server::start(&data);
    for (phrase, expected) in phrases.iter().zip(&in_place) {
        let (code, answer) = search(&data, phrase, &[]);
        // Through the server, who looked is recorded: the log has grown.
        let hits = |answer: &Value| [&answer["total"], &answer["conversations"]].map(Value::clone);
        assert_eq!(
            hits(&answer),
            hits(expected),
            "{phrase}: through the server and in place differ"
        );
        assert_eq!(code, i32::from(answer["total"] == 0), "{phrase}");
    }
    server.assert_alive();
}

/// One question, three ways (a scan of the log's file, the index, the archive) and one answer; a
/// number that depends on which of them is asked is worth nothing in a dispute.
#[test]
fn sql_search_and_a_scan_of_the_log_agree_on_the_sample() {
    let data = Data::new();
    let sample_path = sample("history.ndjson");
    let counts = counts(&data.succeeds([Path::new("import"), &sample_path]));
    let events = sample_events("history.ndjson");
    assert_eq!(counts["events"], events.len());
    assert_eq!(counts["acked"], events.len());

    let (writer, log, _) = verbatim::log::open(&data.path().join("log")).unwrap();
    let records = log.range(verbatim::model::Offset(0), log.head()).unwrap();
    drop(writer);
    assert_eq!(records.len(), events.len());
    // Nothing is normalised on the way in: what the log holds is what the file says, invisible
    // characters included.
    for (record, event) in records.iter().zip(&events) {
        assert_eq!(record.event.text.as_deref(), event["text"].as_str());
    }

    for phrase in ["退款", "refund", "的", "a", "=", "<", "$201.00", "👍", "で", "。"] {
        let in_log = records
            .iter()
            .filter(|record| record.event.text.as_ref().is_some_and(|t| t.contains(phrase)));
        let in_log = in_log.count();
        let in_sql =
            data.number(&format!("select count(*) from events where strpos(text, '{phrase}') > 0"));
        let in_search = search(&data, phrase, &["--exact"]).1["total"].clone();
        assert_eq!(in_sql, in_log as i64, "{phrase}: SQL and the log");
        assert_eq!(in_search, in_log, "{phrase}: search and the log");
    }
    assert!(
        search(&data, "退款", &["--exact"]).1["total"].as_u64().unwrap() > 10,
        "the sample speaks of refunds"
    );
}

/// An import through a server goes in requests, and a request has a size. Large messages, a
/// thousand to a batch, must not make the import fail through a server where it works in place.
#[test]
fn large_messages_come_in_through_a_server_too() {
    let data = Data::new();
    let text = "x".repeat(30_000);
    let events: String = (0..400)
        .map(|number| {
            let event = json!({
                "id": format!("m{number}"), "conversation": "long", "kind": "message", "text": text,
                "sender": {"id": "anna", "role": "human"}, "sent_at": "2026-01-01T00:00:00Z",
            });
            format!("{event}\n")
        })
        .collect();
    let file = data.file("large.ndjson", events);
    let mut server = Server::start(&data);
    let ran = data.run([Path::new("import"), &file]);
    ran.assert_code(0);
    assert_eq!(counts(&ran.stdout)["acked"], 400);
    assert_eq!(data.number("select count(*) from messages"), 400);
    server.assert_alive();
}
