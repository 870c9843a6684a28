//! What an answer holds, and which questions have none.

use std::time::Duration;

use serde_json::json;

use super::super::deadline::Deadline;
use super::super::find::find;
use super::super::language::Name;
use super::super::run::run_within;
use super::super::view::View;
use super::super::{Filters, Mode, SearchError, SearchQuery, Whose, run};
use super::{offsets, snapshot_of};
use crate::index::testing::{message, open, record};
use crate::log::{Store, batch};
use crate::model::{ErrorKind, Kind, Kinded, Micros, Record, Role};

/// Three conversations of one shop, and a word in another.
pub(super) fn scene() -> Vec<Record> {
    let event = |conversation: &str, kind: &str, sender: (&str, &str), more: serde_json::Value| {
        let mut event = json!({"conversation": conversation, "kind": kind,
            "sender": {"id": sender.0, "role": sender.1}});
        for (key, value) in more.as_object().expect("an object") {
            event[key] = value.clone();
        }
        event
    };
    let (ann, bob, max, bot) =
        (("ann", "customer"), ("bob", "customer"), ("max", "human"), ("bot", "bot"));
    let events = [
        event("c1", "open", ann, json!({"order": "A1"})),
        event("c1", "message", bot, json!({"text": "refund? hello", "automatic": true})),
        event("c1", "message", ann, json!({"text": "I want a refund"})),
        event("c2", "message", bob, json!({"text": "refund please", "order": "B2"})),
        event("c2", "tag", max, json!({"category": "refund"})),
        event("c1", "assign", ("desk", "system"), json!({"assignee": "eve"})),
        event("c1", "edit", ann, json!({"text": "I want my REFUND", "target": "m2"})),
        event("c1", "retract", ann, json!({"target": "m2"})),
        event(
            "c2",
            "message",
            max,
            json!({"text": "refund is on its way", "visibility": "private"}),
        ),
        event("c1", "tag", max, json!({"category": "late"})),
        event("c3", "message", bob, json!({"text": "no refund"})),
    ];
    let mut records: Vec<Record> = events
        .into_iter()
        .enumerate()
        .map(|(offset, event)| record(offset as u64, "shop", event))
        .collect();
    records.push(record(
        11,
        "other",
        json!({"conversation": "c1", "kind": "message", "order": "A1",
        "sender": {"id": "ann", "role": "customer"}, "text": "refund elsewhere"}),
    ));
    records
}

#[tokio::test]
async fn filters_choose_conversations_and_messages_across_index_and_tail() {
    let at = |offset: i64| Some(Micros(1_700_000_000_000_000 + offset * 1_000_000));
    let text = |text: &str| Some(text.to_string());
    let name = |name: &str| Some(Name::typed(name));
    let none = Filters::default;
    let cases: Vec<(&str, Filters, &[u64])> = vec![
        ("refund", none(), &[1, 2, 3, 6, 8, 10]),
        ("refund", Filters { order: name("A1"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { order: name("A"), ..none() }, &[]),
        ("refund", Filters { order: name("a1"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { order: name("A*"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { conversation: text("c2"), ..none() }, &[3, 8]),
        ("refund", Filters { conversation: text("c2"), order: name("A1"), ..none() }, &[]),
        ("refund", Filters { customer: name("bob"), ..none() }, &[3, 8, 10]),
        ("refund", Filters { customer: name("max"), ..none() }, &[]),
        ("refund", Filters { agent: name("max"), ..none() }, &[1, 2, 3, 6, 8]),
        ("refund", Filters { agent: name("eve"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { category: text("late"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { category: text("refund"), customer: name("bob"), ..none() }, &[3, 8]),
        ("refund", Filters { role: Some(Role::Bot), ..none() }, &[1]),
        ("refund", Filters { kind: Some(Kind::Edit), ..none() }, &[6]),
        ("refund", Filters { from: at(3), to: at(8), ..none() }, &[3, 6]),
        ("refund", Filters { from: at(8), ..none() }, &[8, 10]),
        ("", Filters { customer: name("ann"), role: Some(Role::Customer), ..none() }, &[2, 6]),
        ("", Filters { to: at(3), ..none() }, &[1, 2]),
    ];
    for tail_from in 0..=12 {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        for (words, filters, expected) in &cases {
            let query =
                SearchQuery { filters: filters.clone(), ..SearchQuery::new("shop", *words) };
            let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
            assert_eq!(&found, expected, "{query:?}, tail from {tail_from}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_the_documented_json() {
    let (_dir, snapshot) = snapshot_of(scene(), 12).await;
    let filters = Filters { kind: Some(Kind::Edit), ..Filters::default() };
    let query = SearchQuery { filters, ..SearchQuery::new("shop", "ＲＥＦＵＮＤ") };
    let answer = run(&snapshot, &query).expect("answers");
    let shown = serde_json::to_value(&answer).expect("serializes");
    assert_eq!(
        shown,
        json!({"shop": "shop", "query": "ＲＥＦＵＮＤ", "filters": ["kind edit"], "mode": "folded", "zone": "UTC",
            "complete_to": 12, "total": 1, "matches": [], "more_matches": 0,
            "conversations": [{"conversation": "c1", "more": 0, "hits": [{
            "offset": 6, "seq": 7, "id": "m6", "occurred_at": "2023-11-14T22:13:26.000000Z",
            "received_at": "2023-11-14T22:13:26.000000Z", "origin": "live", "sender_id": "ann",
            "sender_role": "customer", "kind": "edit", "visibility": "public", "automatic": false, "attachments": 0,
            "text": "I want my REFUND", "spans": [[10, 16]], "retracted_at": "2023-11-14T22:13:27.000000Z"}]}]})
    );
    let again: super::super::SearchAnswer =
        serde_json::from_value(serde_json::to_value(&answer).unwrap()).expect("is read again");
    assert_eq!(again, answer);
}

/// An order number beside words means the order, too, and the answer says so; alone, in quotes, not whole or
/// taken away it is text.
#[tokio::test]
async fn an_order_number_beside_words_is_an_order() {
    for tail_from in [0, 6, 12] {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        let check = |typed: &str, expected: &[u64], filters: &[&str]| {
            let query =
                SearchQuery::read("shop", typed, chrono_tz::UTC, Micros(0)).expect("is read");
            let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
            assert_eq!(found, expected, "{typed}");
            assert_eq!(run(&snapshot, &query).expect("answers").filters, filters, "{typed}");
        };
        check("a1 refund", &[1, 2, 6], &["order or text a1"]);
        check("refund B2 A1", &[], &["order or text B2", "order or text A1"]);
        check("(B2 please) OR (A1 hello)", &[1, 3], &["order or text B2", "order or text A1"]);
        check("A1", &[], &[]);
        check("\"A1\" refund", &[], &[]);
        check("A1* refund", &[], &[]);
        check("refund -A1", &[1, 2, 3, 6, 8, 10], &[]);
        check("refund 1", &[], &[]);
    }
}

/// A clerk quotes what was not found: it says what was looked at, under the filters, and what each word
/// alone would have found.
#[tokio::test]
async fn nothing_found_says_what_was_looked_at() {
    for tail_from in 0..=12 {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        let ask = |words: &str| {
            let query = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
            let answer = run(&snapshot, &query).expect("answers");
            let looked = answer.looked_at.clone().expect(words);
            let words: Vec<(String, u64)> =
                answer.words.iter().map(|word| (word.text.clone(), word.messages)).collect();
            let until = looked.received_until.map(|at| at.to_string());
            (looked.messages, looked.conversations, until.unwrap_or_default(), words)
        };
        let second = |second: u64| format!("2023-11-14T22:13:{}.000000Z", 20 + second);
        assert_eq!(ask("absent"), (6, 3, second(10), vec![]));
        let (please, late) = (("please".to_string(), 1), ("hello".to_string(), 1));
        assert_eq!(ask("please hello"), (6, 3, second(10), vec![please, late]));
        let (please, hello) = (("please".to_string(), 1), ("hello".to_string(), 0));
        assert_eq!(ask("please hello order:B2"), (2, 1, second(8), vec![please, hello]));
    }
}

/// "None of 8 messages", of which two were the erasures themselves; and of seven more nothing was said.
#[tokio::test]
async fn nothing_found_says_how_many_messages_were_erased() {
    let records: Vec<Record> = scene()
        .into_iter()
        .map(|record| match record.offset.0 {
            2 | 6 => record.erased_at(Micros(1), "asked by Ann"),
            _ => record,
        })
        .chain([record(
            12,
            "shop",
            json!({"conversation": "c1", "kind": "erase", "target": "m2", "text": "asked by Ann",
                "sender": {"id": "operator", "role": "human"}}),
        )])
        .collect();
    for tail_from in [0, 3, 7, 13] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let ask = |words: &str| {
            let query = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
            let answer = run(&snapshot, &query).expect("answers");
            let looked = answer.looked_at.clone().expect(words);
            let said = answer.negative(chrono_tz::UTC).expect("nothing was found").none;
            (looked.messages, looked.erased, said)
        };
        let (messages, erased, said) = ask("want");
        assert_eq!((messages, erased), (4, 2), "tail from {tail_from}");
        assert!(said.contains("; 2 more were erased and cannot be searched."), "{said}");
        let of = |words: &str| (ask(words).0, ask(words).1);
        assert_eq!(of("want order:A1"), (1, 2));
        assert_eq!(of("want kind:edit"), (0, 1));
        assert_eq!(of("want customer:bob"), (3, 0));
        assert!(!ask("want customer:bob").2.contains("erased"));
    }
}

/// Four of ten "messages" were the reasons of holds, and whoever typed them was among the agents.
#[tokio::test]
async fn what_is_about_keeping_is_no_message() {
    let keeping = |offset: u64, kind: &str, text: &str| {
        record(
            offset,
            "shop",
            json!({"conversation": "c1", "kind": kind, "text": text,
                "sender": {"id": "operator", "role": "human", "name": "Op"}}),
        )
    };
    let mut records = scene();
    records.extend([
        keeping(12, "hold", "bank dispute, refund"),
        keeping(13, "release", "refund done"),
        keeping(14, "erase", "refund law"),
    ]);
    for tail_from in [0, 12, 13, 15] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let read =
            |words: &str| SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).unwrap();
        let found =
            |words: &str| -> Vec<u64> { offsets(&snapshot, &read(words)).into_iter().collect() };
        assert_eq!(found("refund"), [1, 2, 3, 6, 8, 10], "tail from {tail_from}");
        assert_eq!(found("refund order:A1"), [1, 2, 6]);
        assert_eq!(found("refund NOT kind:message"), [6]);
        assert_eq!(found("order:A1 -refund"), [0; 0]);
        assert_eq!(found("kind:hold"), [12]);
        assert_eq!(found("refund kind:release"), [13]);
        assert_eq!(found("refund (kind:hold OR kind:erase)"), [12, 14]);
        assert_eq!(found("refund -kind:hold"), [1, 2, 3, 6, 8, 10]);
        assert_eq!(found("refund agent:operator"), [0; 0]);
        let answer = run(&snapshot, &read("operator")).expect("answers");
        assert_eq!((answer.matches.len(), answer.more_matches), (0, 0));
        assert_eq!(answer.looked_at.expect("nothing was found").messages, 6);
        let (query, deadline) = (SearchQuery::new("shop", ""), Deadline::default());
        let view = View::of(&snapshot, &query, deadline).expect("opens");
        assert!(find(&view, Whose::Agent, "operator").unwrap().conversations.is_empty());
    }
}

/// A number with a slip in it gave a negative to be quoted.
#[tokio::test]
async fn a_filter_that_chooses_nothing_is_said_in_the_place_of_a_negative() {
    for tail_from in [0, 6, 12] {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        let ask = |words: &str, filters: Filters| {
            let read = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
            run(&snapshot, &SearchQuery { filters, ..read }).expect("answers")
        };
        let said = |words: &str| {
            let answer = ask(words, Filters::default());
            assert_eq!(answer.negative(chrono_tz::UTC).is_none(), !answer.unknown.is_empty());
            answer.unknown_filters().unwrap_or_default()
        };
        let names = |what: &str| {
            format!("No conversation of shop shop names {what}. Complete to offset 12.")
        };
        assert_eq!(said("refund order:FL999"), names("order FL999"));
        assert_eq!(said("customer:nobody"), names("customer nobody"));
        assert_eq!(said("absent agent:ma*"), "");
        assert_eq!(said("refund agent:mx*"), names("agent mx*"));
        assert_eq!(said("absent (order:A9 OR order:A1)"), "");
        assert!(said("absent (order:A9 OR order:A8)").contains("order A9. No conversation"));
        assert!(said("refund conversation:c9").starts_with("There is no conversation c9 in shop"));
        assert!(said("refund category:odd").contains("is tagged odd."));
        assert_eq!(said("absent -order:FL999"), "");
        assert_eq!(said("absent order:A1"), "");
        let filters = Filters { order: Some(Name::typed("FL999")), ..Filters::default() };
        let answer = serde_json::to_value(ask("refund", filters)).expect("serializes");
        assert_eq!(answer["unknown"], json!([{"filter": "order", "value": "FL999"}]));
        assert_eq!(answer.get("looked_at"), None);
    }
}

/// A number was pasted with the spaces around it.
#[tokio::test]
async fn spaces_around_a_name_do_not_count() {
    for tail_from in [0, 6, 12] {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        let found = |filters: Filters| -> Vec<u64> {
            let query = SearchQuery { filters, ..SearchQuery::new("shop", "refund") };
            offsets(&snapshot, &query).into_iter().collect()
        };
        let (none, name) = (Filters::default(), |name: &str| Some(Name::typed(name)));
        let text = |text: &str| Some(text.to_string());
        assert_eq!(found(Filters { order: name(" a1 "), ..none.clone() }), [1, 2, 6]);
        assert_eq!(found(Filters { order: name("A* "), ..none.clone() }), [1, 2, 6]);
        assert_eq!(found(Filters { customer: name("bob "), ..none.clone() }), [3, 8, 10]);
        assert_eq!(found(Filters { conversation: text(" c2"), ..none.clone() }), [3, 8]);
        assert_eq!(found(Filters { category: text("late "), ..none }), [1, 2, 6]);
    }
}

#[tokio::test]
async fn what_is_no_field_is_said_to_be_text() {
    let (_dir, snapshot) = snapshot_of(scene(), 6).await;
    let said = |words: &str| {
        let query = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
        run(&snapshot, &query).expect("answers").no_fields().unwrap_or_default()
    };
    assert_eq!(said("foo:bar refund"), "`foo:` is no field; taken as text.");
    assert_eq!(
        said("refund OR -(foo:a foo:b) OR bar："),
        "`foo:`, `bar：` are no fields; taken as text."
    );
    for plain in ["refund \"foo:bar\"", "refund https://x", "12:30 refund", "order:A1 refund"] {
        assert_eq!(said(plain), "", "{plain}");
    }
}

/// 承諾 was not found, where 承诺 had been said.
#[tokio::test]
async fn nothing_found_says_what_a_looser_mode_finds() {
    let records =
        vec![message(0, "c", "我给您承诺"), message(1, "c", "Refund"), message(2, "c", "承诺")];
    for tail_from in [0, 1, 3] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let looser = |words: &str, mode: Mode| {
            let query = SearchQuery { mode, ..SearchQuery::new("shop", words) };
            let answer = run(&snapshot, &query).expect("answers");
            answer.looser.map(|looser| (looser.mode, looser.messages))
        };
        assert_eq!(looser("承諾", Mode::Folded), Some((Mode::Variants, 2)));
        assert_eq!(looser("refund", Mode::Exact), Some((Mode::Folded, 1)));
        assert_eq!(looser("承諾", Mode::Exact), Some((Mode::Variants, 2)));
        assert_eq!(looser("absent", Mode::Exact), Some((Mode::Variants, 0)));
        assert_eq!(looser("承諾", Mode::Variants), None);
        assert_eq!(looser("absent", Mode::Variants), None);
        assert_eq!(looser("\u{301}", Mode::Folded), None);
    }
}

/// The number in a mail was in small letters: search knew the order, and its page did not.
#[tokio::test]
async fn an_order_is_found_whatever_its_case() {
    let order = |offset: u64, conversation: &str, order: &str| {
        record(
            offset,
            "shop",
            json!({"conversation": conversation, "kind": "message", "text": "x", "order": order,
                "sender": {"id": "u", "role": "customer"}}),
        )
    };
    let records = vec![
        order(0, "c1", "FL1"),
        order(1, "c2", "FL1"),
        order(2, "c3", "x"),
        order(3, "c4", "X"),
    ];
    for tail_from in [0, 2, 4] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let (query, deadline) = (SearchQuery::new("shop", ""), Deadline::default());
        let view = View::of(&snapshot, &query, deadline).expect("opens");
        let found = |id: &str| {
            let found = find(&view, Whose::Order, id).expect("answers");
            (found.conversations.join(" "), found.written.join(" "))
        };
        let pair = |left: &str, right: &str| (left.to_string(), right.to_string());
        assert_eq!(found("FL1"), pair("c2 c1", ""));
        assert_eq!(found("fl1"), pair("c2 c1", "FL1"));
        assert_eq!(found(" ＦＬ1 "), pair("c2 c1", "FL1"));
        // Who is called exactly so is meant, and nobody else.
        assert_eq!(found("x"), pair("c3", ""));
        assert_eq!(found("ｘ"), pair("c4 c3", "X x"));
        assert_eq!(found("FL"), pair("", ""));
        assert!(find(&view, Whose::Order, " ").is_err());
    }
}

/// The order number in the box, in part; the customer by name: the block before the hits has them.
#[tokio::test]
async fn what_is_typed_is_looked_for_among_orders_customers_and_agents() {
    let event = |conversation: &str, sender: serde_json::Value, order: &str| json!({"conversation": conversation, "kind": "message", "sender": sender, "text": "hi", "order": order});
    let (ann, max) = (
        json!({"id": "u-ann", "role": "customer", "name": "佳怡"}),
        json!({"id": "agent-max", "role": "human", "name": "Max Li"}),
    );
    let records = vec![
        record(0, "shop", event("c1", ann.clone(), "FL2025122688213")),
        record(1, "shop", event("c2", max, "FL2025122688213")),
        record(2, "shop", event("c2", ann.clone(), "FL1")),
        record(3, "other", event("c9", ann, "FL2025122688213")),
    ];
    for tail_from in 0..=4 {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let ask = |words: &str| -> Vec<String> {
            let query = SearchQuery::read("shop", words, chrono_tz::UTC, Micros(0)).expect("reads");
            let answer = run(&snapshot, &query).expect("answers");
            let matches = answer.matches.into_iter();
            matches
                .map(|found| format!("{:?} {} {}", found.kind, found.id, found.conversations))
                .collect()
        };
        assert_eq!(ask("88213"), ["Order FL2025122688213 2"]);
        assert_eq!(ask("fl2025122688213"), ["Order FL2025122688213 2"]);
        assert_eq!(ask("FL1"), ["Order FL1 1"]);
        assert_eq!(ask("fl"), ["Order FL1 1", "Order FL2025122688213 2"]);
        assert_eq!(ask("佳"), ["Customer u-ann 2"]);
        assert_eq!(ask("hi 佳怡"), ["Customer u-ann 2"]);
        assert_eq!(ask("max li"), ["Agent agent-max 1"]);
        assert_eq!(ask("Max"), ["Agent agent-max 1"]);
        assert!(ask("hi").is_empty() && ask("1").is_empty() && ask("-88213").is_empty());
    }
}

#[tokio::test]
async fn questions_that_cannot_be_answered_say_so() {
    let (_dir, snapshot) = snapshot_of(scene(), 6).await;
    let error = run(&snapshot, &SearchQuery::new("shop", "\u{200b}")).expect_err("nothing visible");
    assert_eq!(error.kind(), ErrorKind::BadInput);
    // A mistyped shop has nothing, and so has a shop: which it is must be said.
    let error = run(&snapshot, &SearchQuery::new("Shop", "refund")).expect_err("no such shop");
    assert_eq!((error.kind(), error.to_string().contains("`Shop`")), (ErrorKind::NotFound, true));
}

/// Whoever asked has gone, or has waited long enough: the candidates are read no further.
#[tokio::test]
async fn a_search_ends_with_its_deadline_and_with_its_asker() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path()).unwrap();
    let records = (0..2_000).map(|number| message(number, "c", "needle in a haystack")).collect();
    store.apply(batch(records)).await.unwrap();
    store.commit().await.unwrap();
    let snapshot = reader.snapshot().unwrap();
    let query = SearchQuery::new("shop", "needle");
    let (deadline, asker) = Deadline::within(Duration::from_secs(60));
    let answer = run_within(&snapshot, &query, deadline.clone()).unwrap();
    assert_eq!(answer.total, 2_000);
    drop(asker);
    let (late, _asker) = Deadline::within(Duration::ZERO);
    for deadline in [deadline, late] {
        let error = run_within(&snapshot, &query, deadline).unwrap_err();
        assert!(matches!(error, SearchError::TooLong(_)), "{error}");
    }
}
