//! Old transcripts come in once, whole, and are found: by SQL, by search, in place and through a
//! server alike.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::support::{
    CHATS, Data, Server, counts, csv, real_chats, sample, sample_events, transcripts,
};

/// A file imported twice must add nothing, and what an import reports must be what is there.
#[test]
fn a_file_imported_twice_adds_nothing() {
    let Some(files) = real_chats(CHATS) else { return };
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
    let Some(files) = real_chats(CHATS) else { return };
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

/// What another system exports, made for these tests.
fn exported(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

/// Imports it twice: all of it the first time, nothing the second. What came in, a line for each record:
/// kind, role, `private` where it is, text.
#[track_caller]
fn imported(name: &str, options: &[&str]) -> (Data, Vec<String>) {
    let data = Data::new();
    let path = exported(name);
    let arguments = [&["import", path.to_str().unwrap()], options].concat();
    let first = counts(&data.succeeds(&arguments));
    assert_eq!((&first["acked"], &first["duplicates"]), (&first["events"], &json!(0)), "{first}");
    let again = counts(&data.succeeds(&arguments));
    assert_eq!((&again["acked"], &again["duplicates"]), (&json!(0), &first["events"]), "{again}");
    let rows = data.rows(
        "select kind, sender_role, visibility, coalesce(text, '-') as text, origin from events order by conversation, \"offset\"",
    );
    let line = |row: &Value| {
        let word = |name: &str| row[name].as_str().unwrap().to_string();
        assert_eq!(word("origin"), "imported");
        let private = if word("visibility") == "private" { " private" } else { "" };
        format!("{} {}{private} {}", word("kind"), word("sender_role"), word("text"))
    };
    let lines = rows.iter().map(line).collect();
    (data, lines)
}

/// How many files are kept of what was sent.
fn files_kept(data: &Data) -> usize {
    let mut folders = vec![data.path().join("attachments")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                count += 1;
            }
        }
    }
    count
}

#[test]
fn zendesk_tickets_come_in_with_their_history() {
    let (data, lines) = imported("zendesk.jsonl", &[]);
    assert_eq!(
        lines,
        [
            "open system -",
            "message customer 杯子碎了 / it broke",
            "message human private Ask the store",
            "message human We refund 20",
            "assign human -",
            "tag human -",
            "resolve human -",
            "rate customer quick",
        ]
    );
    let rows = data.rows("select assignee, category, rating from events where kind in ('assign', 'tag', 'rate') order by \"offset\"");
    assert_eq!((&rows[0]["assignee"], &rows[1]["category"]), (&json!("35"), &json!("refund")));
    assert_eq!(rows[2]["rating"], 5);
}

#[test]
fn zendesk_chats_come_in_with_their_history() {
    let (_, lines) = imported("zendesk_chat.json", &[]);
    assert_eq!(
        lines,
        [
            "open system -",
            "message customer 杯子碎了",
            "message bot Hello",
            "message human A picture, please",
            "rate customer -",
            "tag system -",
            "open system -",
            "message customer Anybody there?",
        ]
    );
}

#[test]
fn intercom_conversations_come_in_with_their_parts() {
    let (_, lines) = imported("intercom.jsonl", &[]);
    assert_eq!(
        lines,
        [
            "open system -",
            "message customer It broke",
            "assign bot -",
            "tag human -",
            "message human private ask the store",
            "message human We refund",
            "message customer ",
            "retract human -",
            "resolve human -",
            "rate_request system -",
            "rate customer fine",
        ]
    );
}

#[test]
fn chatwoot_conversations_come_in_with_their_messages() {
    let (_, lines) = imported("chatwoot.json", &[]);
    assert_eq!(
        lines,
        [
            "open system -",
            "message customer It broke",
            "message human 我们退款",
            "message human private ask the store",
            "message customer ",
            "retract human -",
            "message bot Please rate",
            "rate_request system -",
            "rate customer quick",
            "assign system -",
            "tag system -",
        ]
    );
}

#[test]
fn slack_channels_come_in_with_their_files() {
    let (data, lines) = imported("slack", &["--agent", "@shop.example"]);
    assert_eq!(
        lines,
        [
            "message customer It broke",
            "message human We refund 20",
            "edit human We refund 20",
            "message customer never mind",
            "retract customer -",
        ]
    );
    assert_eq!(files_kept(&data), 1);
}

#[test]
fn mattermost_channels_come_in_with_their_files() {
    let (data, lines) = imported("mattermost", &["--agent", "@shop.example"]);
    assert_eq!(
        lines,
        [
            "message customer It broke",
            "message human We refund",
            "edit human We refund",
            "message customer Thanks",
        ]
    );
    assert_eq!(files_kept(&data), 1);
}

#[test]
fn whatsapp_chats_come_in_with_their_files() {
    let options = ["--agent", "Shop", "--zone", "Asia/Shanghai"];
    let (data, lines) = imported("whatsapp", &options);
    assert_eq!(
        lines,
        [
            "message system \u{200e}Messages and calls are end-to-end encrypted.",
            "message customer It broke\nand it is wet",
            "message human We refund",
            "edit human We refund",
            "message customer -",
            "message customer ",
            "retract customer -",
        ]
    );
    assert_eq!(files_kept(&data), 1);
}

#[test]
fn rsmf_comes_in_with_its_files() {
    let (data, lines) = imported("rsmf", &["--agent", "agent@shop.example"]);
    assert_eq!(
        lines,
        [
            "open system -",
            "message customer It broke",
            "edit customer It broke!",
            "message human We refund",
            "retract human -",
        ]
    );
    assert_eq!(files_kept(&data), 1);
}

/// Days of one matter and of another, as RSMF cuts them, of events without ids: messages were lost, one came into
/// the other matter, and all was said to be well.
#[test]
fn what_has_no_id_is_neither_lost_nor_taken_for_another() {
    let data = Data::new();
    let event = |by: &str, at: &str, text: &str| json!({"participant": by, "conversation": "k1", "body": text, "timestamp": at});
    let slice = |name: &str, collection: Option<&str>, events: Vec<Value>| {
        let manifest = json!({
            "version": "2.0.0", "eventcollectionid": collection, "events": events,
            "participants": [{"id": "p1", "display": "Shop"}, {"id": "p2", "display": "Visitor 1"}],
            "conversations": [{"id": "k1", "platform": "sms", "participants": ["p1", "p2"]}],
        });
        let folder = data.beside(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("rsmf_manifest.json"), manifest.to_string()).unwrap();
        folder
    };
    let import = |folders: &[PathBuf]| {
        let mut arguments: Vec<&Path> = ["import", "--agent", "Shop"].map(Path::new).to_vec();
        arguments.extend(folders.iter().map(PathBuf::as_path));
        data.run(arguments)
    };
    let days = [
        slice(
            "day-1",
            Some("m-1"),
            vec![
                event("p2", "2026-01-03T10:00:00Z", "It broke"),
                event("p1", "2026-01-03T10:01:00Z", "A picture, please"),
            ],
        ),
        slice(
            "day-2",
            Some("m-1"),
            vec![
                event("p2", "2026-01-04T10:00:00Z", "Here it is"),
                event("p1", "2026-01-04T10:01:00Z", "We refund"),
            ],
        ),
        slice(
            "other",
            Some("m-2"),
            vec![
                event("p2", "2026-01-03T10:00:00Z", "Where is it?"),
                event("p1", "2026-01-03T10:01:00Z", "On its way"),
                event("p2", "2026-01-03T10:02:00Z", "Thanks"),
            ],
        ),
    ];
    for acked in [7, 0] {
        let ran = import(&days);
        ran.assert_code(0);
        let counted = counts(&ran.stdout);
        assert_eq!((&counted["messages"], &counted["rejected"]), (&json!(7), &json!(0)));
        assert!(acked > 0 || counted["acked"] == 0, "{counted}");
        let kept = "select conversation, count(*) as n from messages group by 1 order by 1";
        let kept = data.rows(kept);
        let expected = [("rsmf-m-1~k1", 4), ("rsmf-m-2~k1", 3)];
        let expected =
            expected.map(|(conversation, n)| json!({"conversation": conversation, "n": n}));
        assert_eq!(kept, expected);
    }
    // Where nothing says which files belong together, an id means nothing beyond its own.
    let mut said = event("p2", "2026-01-03T10:00:00Z", "It broke");
    said["id"] = json!("e1");
    let first = slice("first", None, vec![said.clone()]);
    said["body"] = json!("Where is it?");
    let other = slice("second", None, vec![said]);
    import(&[first]).assert_code(0);
    let ran = import(&[other]);
    ran.assert_code(1);
    ran.assert_stderr_has("`e1` of conversation `rsmf-k1` was used before with another body");
    assert_eq!(counts(&ran.stdout)["rejected"], 1);
}

/// A chat cut within a minute: what stood second there stands first, and must not be taken for what stood first.
#[test]
fn a_message_in_the_place_of_another_is_refused() {
    let data = Data::new();
    let import = |lines: &[&str]| {
        let line = |text: &&str| format!("2026/1/3, 14:13 - {text}\n");
        let chat: String = lines.iter().map(line).collect();
        let file = data.file("chat.txt", chat);
        let options = ["import", "--agent", "Shop", "--zone", "UTC"].map(Path::new);
        data.run(options.into_iter().chain([file.as_path()]))
    };
    import(&["Shop: Hello", "Ann: one", "Ann: two"]).assert_code(0);
    import(&["Shop: Hello", "Ann: one", "Ann: This message was deleted"]).assert_code(0);
    let ran = import(&["Shop: Hello", "Ann: three"]);
    ran.assert_code(1);
    assert_eq!(counts(&ran.stdout)["rejected"], 1);
}

/// What a source does not say is asked for before anything of it is kept, and what it says that has no
/// place here is counted.
#[test]
fn what_a_source_does_not_say_is_asked_for_and_what_is_left_behind_is_said() {
    let data = Data::new();
    let import = |name: &str, options: &[&str]| {
        let path = exported(name);
        data.run([&["import", path.to_str().unwrap()], options].concat())
    };
    let ran = import("slack", &[]);
    ran.assert_code(2);
    ran.assert_stderr_has("--agent");
    ran.assert_stderr_has("agent, visitor");
    let ran = import("whatsapp", &["--agent", "Shop"]);
    ran.assert_code(2);
    ran.assert_stderr_has("--zone");
    let unknown = data.file("table.csv", "name,text\n1,2\n");
    let ran = data.run(["import", unknown.to_str().unwrap()]);
    ran.assert_code(2);
    ran.assert_stderr_has("verbatim, zendesk, zendesk-chat");
    assert!(!data.path().exists(), "nothing was begun");
    let ran = import("zendesk.jsonl", &[]);
    ran.assert_code(0);
    ran.assert_stderr_has("1 audit events of type `Notification`");
    ran.assert_stderr_has("1 files that the source names and does not hold");
}

/// A slip in a name of the shop's people made customers of them for good, and nothing was said.
#[test]
fn an_agent_who_is_nobody_is_named_before_anything_is_kept() {
    let data = Data::new();
    for (source, met) in [("zendesk.jsonl", "35"), ("mattermost", "@shop.example")] {
        let (path, rejected) = (exported(source), data.beside("rejected.jsonl"));
        let given =
            ["--agent", met, "--agent", "agnet 1", "--agent", "@shop.exmaple", "--rejected"];
        let paths = [Path::new("import"), &path];
        let paths = paths.into_iter().chain(given.map(Path::new)).chain([rejected.as_path()]);
        let ran = data.run(paths);
        ran.assert_code(2);
        ran.assert_stderr_has("as --agent says: `agnet 1`, `@shop.exmaple`;");
        assert!(!data.path().exists() && !rejected.exists(), "nothing was begun: {ran}");
    }
    // Several sources have them together.
    let both = [exported("zendesk.jsonl"), exported("slack")];
    let both = both.each_ref().map(|path| path.to_str().unwrap());
    data.succeeds(["import", both[0], both[1], "--agent", "35", "--agent", "@shop.example"]);
    // Of a pipe it is known at its end.
    let piped = Data::new();
    let mut command = super::command::command();
    command.args(["import", "-", "--agent", "agnet 1", "--data"]).arg(piped.path());
    command.stdin(std::fs::File::open(exported("zendesk.jsonl")).unwrap());
    let ran = super::command::ran(command);
    ran.assert_code(1);
    ran.assert_stderr_has("`agnet 1`");
    assert_eq!(counts(&ran.stdout)["acked"], 8);
}

/// What is refused is mended in a file of its own, and imported again.
#[test]
fn what_is_refused_is_mended_and_imported_again() {
    let data = Data::new();
    let line = |id: &str, kind: &str| {
        format!(
            "{{\"id\":\"{id}\", \"conversation\":\"c\",\"kind\":\"{kind}\",\"sender\":{{\"id\":\"anna\",\"role\":\"human\"}},\"text\":\"x\"}}\n"
        )
    };
    let lines = [line("m1", "message"), line("m2", "shout"), line("m3", "message")].concat();
    let file = data.file("chat.jsonl", lines);
    let rejected = data.beside("rejected.jsonl");
    let import = |file: &Path| {
        let files = [file, Path::new("--rejected"), &rejected];
        data.run([Path::new("import")].into_iter().chain(files))
    };
    import(&file).assert_code(1);
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), line("m2", "shout"));
    std::fs::write(&rejected, line("m2", "message")).unwrap();
    let mended = import(&rejected);
    mended.assert_code(0);
    assert_eq!(counts(&mended.stdout)["acked"], 1);
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), "");
    // Another body under a known id: the very line.
    let other = line("m1", "message").replace("\"x\"", "\"y\"");
    import(&data.file("other.jsonl", &other)).assert_code(1);
    assert_eq!(std::fs::read_to_string(&rejected).unwrap(), other);
}

/// A pipe, packed or not, is a file like any other.
#[test]
fn standard_input_is_read() {
    let data = Data::new();
    let mut command = super::command::command();
    command.args(["import", "-", "--data"]).arg(data.path());
    let file = std::fs::File::open(exported("chatwoot.json")).unwrap();
    command.stdin(file);
    let ran = super::command::ran(command);
    ran.assert_code(0);
    assert_eq!(counts(&ran.stdout)["acked"], 11);
}

/// What was deleted after the first import is taken back by the second: the words stay, and say so.
#[test]
fn a_later_export_adds_what_is_new() {
    let data = Data::new();
    let before = std::fs::read_to_string(exported("chatwoot.json")).unwrap();
    let import = |text: &str| {
        let file = data.file("chatwoot.json", text);
        let ran = data.run([Path::new("import"), &file]);
        ran.assert_code(0);
        (counts(&ran.stdout), ran.stderr)
    };
    import(&before);
    let deleted = before.replace(
        "\"content_attributes\": {\"in_reply_to\": 101}",
        "\"content_attributes\": {\"deleted\": true}",
    );
    assert_ne!(deleted, before);
    let (counted, said) = import(&deleted);
    assert_eq!((&counted["acked"], &counted["rejected"]), (&json!(1), &json!(0)));
    assert!(said.contains("what was kept first stands: 1"), "{said}");
    let rows = data.rows("select text from events where id = 'message-102'");
    assert_eq!(rows[0]["text"], "我们退款");
    assert_eq!(
        data.number(
            "select count(*) from events where target = 'message-102' and kind = 'retract'"
        ),
        1
    );
}

/// The lines of our own that the page shows are taken as they stand, an edit and a retraction among them.
#[test]
fn the_lines_on_the_page_come_in() {
    let page = include_str!("../../docs/import.md");
    let mut edited = 0;
    for (number, block) in page.split("```json\n").skip(1).enumerate() {
        let (lines, _) = block.split_once("```").unwrap();
        let data = Data::new();
        let file = data.file(&format!("{number}.jsonl"), lines);
        let taken = counts(&data.succeeds([Path::new("import"), &file]));
        assert_eq!((&taken["acked"], &taken["rejected"]), (&taken["events"], &json!(0)), "{lines}");
        edited += data.number("select count(*) as n from messages where edits > 0 or retracted");
    }
    assert_eq!(edited, 2);
}
