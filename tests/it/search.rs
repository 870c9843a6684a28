//! What a clerk does: from the words of a dispute to the sentence, what became of it, and the proof that
//! something was not said.

use serde_json::{Value, json};

use super::support::{Data, Server, lines};

/// A shop's dispute: a promise, a corrected sum, an insult taken back, a note.
fn dispute() -> Vec<Value> {
    let (customer, agent) = (
        json!({"id": "u-jia", "role": "customer", "name": "佳怡"}),
        json!({"id": "agent-min", "role": "human", "name": "赵敏"}),
    );
    let event = |number: usize, kind: &str, sender: &Value, more: Value| {
        let mut event = json!({"id": format!("m{number}"), "conversation": "c-1", "kind": kind, "sender": sender,
            "sent_at": format!("2026-01-05T18:{number:02}:20Z")});
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    vec![
        event(1, "message", &customer, json!({"text": "什么时候退款", "order": "FL2025122688213"})),
        event(2, "message", &agent, json!({"text": "我这边给您承诺：1月9日之前退款428元"})),
        event(3, "message", &agent, json!({"text": "退款236元"})),
        event(4, "edit", &agent, json!({"target": "m3", "text": "退款263元"})),
        event(5, "message", &customer, json!({"text": "退款，骗子"})),
        event(6, "retract", &customer, json!({"target": "m5"})),
        event(
            7,
            "message",
            &agent,
            json!({"text": "应该退款，别告诉客户", "visibility": "private"}),
        ),
    ]
}

fn imported() -> Data {
    let data = Data::new();
    let file = data.file("dispute.ndjson", lines(&dispute()));
    data.succeeds(["import", file.to_str().unwrap(), "--shop", "demo"]);
    data
}

/// "The customer says we promised 428 yuan by 9 January." The promise was the sixth hit of five shown,
/// two words were one phrase, the day was another one in the terminal, and the shop had to be typed.
#[test]
fn the_promise_is_found_with_its_day_and_what_became_of_the_rest() {
    let data = imported();
    for is_served in [false, true] {
        let server = is_served.then(|| Server::start(&data));
        let found = data.succeeds(["search", "428 1月9日", "--zone", "Asia/Shanghai"]);
        assert!(found.contains("* 2026-01-06 02:02:20 +08:00 赵敏"), "{found}");
        assert!(found.contains("1 message found in shop demo"), "{found}");
        let all = data.succeeds(["search", "退款", "--zone", "Asia/Shanghai"]);
        for said in [
            "[later edited, 02:04:20 +08:00, now: 退款263元]: «退款»236元",
            "[edit]",
            "[retracted 02:06:20 +08:00]: «退款»，骗子",
            "[private]",
        ] {
            assert!(all.contains(said), "{said}: {all}");
        }
        // No message says the number.
        let order = data.run(["search", "88213"]);
        order.assert_code(1);
        let said = "Order FL2025122688213: 1 conversation, last named 2026-01-05";
        assert!(order.stdout.contains(said), "{order}");
        drop(server);
    }
}

/// What is not shown is counted, and the rest is had by what is printed.
#[test]
fn every_hit_is_had_page_by_page() {
    let data = imported();
    let json = |arguments: &[&str]| -> Value {
        let asked = [&["search", "退款", "--format", "json", "--hits", "2"], arguments].concat();
        serde_json::from_str(&data.succeeds(asked)).unwrap()
    };
    let first = json(&[]);
    let found = &first["conversations"][0];
    assert_eq!((&first["total"], &found["more"]), (&json!(6), &json!(4)));
    let mut ids: Vec<String> = Vec::new();
    let mut page = first;
    loop {
        let found = page["conversations"][0].clone();
        let hits = found["hits"].as_array().unwrap();
        ids.extend(hits.iter().map(|hit| hit["id"].as_str().unwrap().to_string()));
        let Some(next) = found["next"].as_str() else { break };
        page = json(&["--conversation", "c-1", "--page-after", next]);
    }
    assert_eq!(ids, ["m1", "m2", "m3", "m4", "m5", "m7"]);
}

/// "We searched and found nothing" is quoted: it says what was looked at.
#[test]
fn nothing_found_is_a_sentence_to_quote() {
    let data = imported();
    let ran = data.run(["search", "428 骗子", "--order", "FL2025*"]);
    ran.assert_code(1);
    for said in [
        "None of 6 messages in 1 conversation of shop demo (order FL2025*), received until",
        "matches 428 骗子",
        "Word by word: 428: 1 message, 骗子: 1 message; none is as asked.",
        "pictures",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    let ran = data.run(["search", "428", "--shop", "Demo"]);
    ran.assert_code(2);
    ran.assert_stderr_has("there are `demo`");
}

/// A number with a slip in it, spaces around it, or in small letters; a field that is none; characters of
/// the other script: each gave "none of 0 messages", or nothing.
#[test]
fn what_was_mistyped_is_no_negative() {
    let data = imported();
    let miss = |arguments: &[&str], said: &[&str]| {
        let ran = data.run([&["search"], arguments].concat());
        ran.assert_code(1);
        for said in said {
            assert!(ran.stdout.contains(said), "{said}: {ran}");
        }
        ran.stdout
    };
    let said =
        miss(&["428", "--order", "FL999"], &["No conversation of shop demo names order FL999."]);
    assert!(!said.contains("None of"), "{said}");
    let in_order =
        "None of 6 messages in 1 conversation of shop demo (order fl2025122688213), received";
    miss(&["十倍", "--order", " fl2025122688213 "], &[in_order]);
    miss(&["foo:bar 428"], &["`foo:` is no field; taken as text."]);
    miss(&["承諾"], &["1 message does, whatever the case", "More loosely: --mode variants"]);
    miss(&["十倍"], &["Nor does any, whatever the case"]);
    assert!(data.succeeds(["search", "承諾", "--mode", "variants"]).contains("1 message found"));
    let shown = data.succeeds(["show", "--order", "fl2025122688213 ", "--shop", "demo"]);
    assert!(shown.contains("什么时候退款") && shown.contains("FL2025122688213"), "{shown}");
}

/// "10 messages found", of which four were why the conversation is held.
#[test]
fn a_hold_is_no_message() {
    let data = imported();
    let hold = [
        "hold",
        "add",
        "--order",
        "FL2025122688213",
        "--case",
        "H-1",
        "--reason",
        "428 bank",
        "--shop",
        "demo",
    ];
    let about = |data: &Data| {
        let last = "SELECT last_at, messages FROM conversations";
        (data.succeeds(["search", "428"]), data.succeeds(["sql", last, "--shop", "demo"]))
    };
    let before = about(&data);
    assert!(before.0.contains("1 message found"), "{}", before.0);
    data.succeeds(hold);
    let (found, figures) = about(&data);
    assert!(found.contains("1 message found") && !found.contains("bank"), "{found}");
    assert_eq!(figures, before.1);
    let held = data.succeeds(["search", "kind:hold 428"]);
    assert!(held.contains("[hold] [private]: «428» bank"), "{held}");
}
