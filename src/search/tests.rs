use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::question::{Bounds, Deadline};
use super::run::run_within;
use super::{Filters, HitOrder, SearchAnswer, SearchError, SearchQuery, run};
use crate::index::testing::{message, open, record};
use crate::index::{IndexSnapshot, fold};
use crate::log::{Store, batch};
use crate::model::testing::Dice;
use crate::model::{ErrorKind, Kind, Kinded, Micros, Offset, Record, Role};

/// Every hit of `query`: needs no more than 100 conversations with 100 hits each.
fn all_hits(snapshot: &IndexSnapshot, query: &SearchQuery, bounds: Bounds) -> BTreeSet<u64> {
    let query =
        SearchQuery { limit_conversations: 100, hits_per_conversation: 100, ..query.clone() };
    let answer = run_within(snapshot, &query, bounds, Deadline::default()).expect("answers");
    assert_eq!(answer.complete_to, snapshot.applied());
    let hits = answer.conversations.iter().flat_map(|conversation| &conversation.hits);
    let found: BTreeSet<u64> = hits.map(|hit| hit.offset.0).collect();
    assert_eq!(found.len() as u64, answer.total, "{query:?}");
    found
}

/// The definition of a result.
fn brute_force(records: &[Record], query: &SearchQuery) -> BTreeSet<u64> {
    let contains = |text: &str| {
        if query.exact {
            text.contains(&query.text)
        } else {
            fold(text).contains(&fold(&query.text))
        }
    };
    let hits = records.iter().filter(|record| {
        record.shop == query.shop && record.event.text.as_ref().is_some_and(|text| contains(text))
    });
    hits.map(|record| record.offset.0).collect()
}

const ALPHABET: &[&str] = &[
    "a",
    "b",
    "E",
    "e",
    "s",
    "ß",
    "ﬁ",
    "İ",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{323}",
    "ｅ",
    "Ａ",
    "1",
    "2",
    "１",
    "①",
    "_",
    "-",
    ".",
    "!",
    "！",
    "，",
    "…",
    "\\",
    "(",
    "[",
    "*",
    " ",
    " ",
    "  ",
    "\u{3000}",
    "\n",
    "\t",
    "\r\n",
    "退",
    "款",
    "重",
    "货",
    "々",
    "か",
    "が",
    "カ",
    "ｶ",
    "ﾞ",
    "ー",
    "가",
    "각",
    "ㄱ",
    "ㅏ",
    "ㅠ",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
    "🙂",
    "👩\u{200d}👧",
    "👍🏽",
    "❤\u{fe0f}",
    "🇩🇪",
    "م",
    "ر",
    "\u{64b}",
    "ไ",
    "ท",
    "\u{e35}",
    "क",
    "\u{93f}",
    "\u{94d}",
    "\u{200b}",
    "\u{202e}",
    "\u{ad}",
    "я",
    "Я",
    "σ",
    "ς",
    "ᾳ",
    "\u{345}",
    "gen",
    "refund",
    "Refund",
    "ok",
    "order",
    "不要",
    "退款",
];

fn random_text(dice: &mut Dice) -> String {
    (0..1 + dice.roll(12)).map(|_| *dice.pick(ALPHABET)).collect()
}

fn random_records(dice: &mut Dice, from: u64, to: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for offset in from..to {
        let shop = if dice.roll(5) == 0 { "other" } else { "shop" };
        let conversation = format!("c{}", dice.roll(40));
        let event = match dice.roll(8) {
            0 => {
                json!({"conversation": conversation, "kind": "join", "sender": {"id": "a", "role": "human"}})
            }
            1 => {
                json!({"conversation": conversation, "kind": "edit", "target": "m1", "text": random_text(dice),
                "sender": {"id": "u", "role": "customer"}})
            }
            _ => json!({"conversation": conversation, "kind": "message", "text": random_text(dice),
                "sender": {"id": "u", "role": "customer"}}),
        };
        records.push(record(offset, shop, event));
    }
    records
}

/// A piece of some text, at any characters; sometimes changed, so that it is in few texts or none.
fn random_query(dice: &mut Dice, records: &[Record]) -> SearchQuery {
    let mut words = String::new();
    while fold(&words).trim().is_empty() {
        words = match dice.roll(6) {
            0 => random_text(dice),
            _ => {
                let texts: Vec<&String> =
                    records.iter().filter_map(|record| record.event.text.as_ref()).collect();
                let chars: Vec<char> = dice.pick(&texts).chars().collect();
                let from = dice.roll(chars.len());
                let length = 1 + dice.roll((chars.len() - from).min(8));
                chars[from..from + length].iter().collect()
            }
        };
        if dice.roll(4) == 0 {
            words = words.to_uppercase();
        }
    }
    SearchQuery { exact: dice.roll(2) == 0, ..SearchQuery::new("shop", words) }
}

fn check_queries(
    dice: &mut Dice,
    snapshot: &IndexSnapshot,
    records: &[Record],
    count: usize,
) -> usize {
    let mut with_hits = 0;
    for number in 0..count {
        let query = random_query(dice, records);
        let bounds = match number % 2 {
            0 => Bounds::USUAL,
            _ => Bounds { ranked_max: 100, kept_max: 3 },
        };
        let expected = brute_force(records, &query);
        let found = all_hits(snapshot, &query, bounds);
        assert_eq!(found, expected, "{:?} exact {}", query.text, query.exact);
        with_hits += usize::from(!expected.is_empty());
    }
    with_hits
}

#[tokio::test]
async fn search_equals_brute_force() {
    let dice = &mut Dice::new(2026);
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, reader) = open(dir.path()).expect("opens");
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..5 {
        for _ in 0..4 {
            let from = records.len() as u64;
            let more = random_records(dice, from, from + 60);
            store.apply(batch(more.clone())).await.expect("applies");
            records.extend(more);
            assert!(check_queries(dice, &reader.snapshot().unwrap(), &records, 150) > 75);
        }
        store.commit().await.expect("commits");
        check_queries(dice, &reader.snapshot().unwrap(), &records, 150);
    }
    let tail = random_records(dice, 1_200, 1_300);
    store.apply(batch(tail.clone())).await.expect("applies");
    records.extend(tail.clone());
    assert!(check_queries(dice, &reader.snapshot().unwrap(), &records, 2_000) > 1_000);
    drop((store, reader));

    let (mut store, reader) = open(dir.path()).expect("opens again");
    assert_eq!(reader.snapshot().unwrap().cursor(), Offset(1_200));
    check_queries(dice, &reader.snapshot().unwrap(), &records[..1_200], 300);
    store.apply(batch(tail)).await.expect("applies again");
    check_queries(dice, &reader.snapshot().unwrap(), &records, 300);
    store.commit().await.expect("commits");
    check_queries(dice, &reader.snapshot().unwrap(), &records, 300);
}

/// One letter with two marks can be written in five ways, which fold to one; only terms without
/// marks are the same.
#[tokio::test]
async fn marks_are_found_in_any_order_and_composition() {
    let ways = [
        "e\u{301}\u{323}",
        "e\u{323}\u{301}",
        "\u{1eb9}\u{301}",
        "é\u{323}",
        "e\u{200d}\u{323}\u{301}",
    ];
    let records: Vec<Record> = (0..5)
        .map(|offset| message(offset, "c", &format!("x{}y", ways[offset as usize])))
        .collect();
    for tail_from in [0, 5] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        for way in ways {
            for words in [way.to_string(), format!("X{way}"), format!("{way}y")] {
                let query = SearchQuery::new("shop", words);
                assert_eq!(
                    all_hits(&snapshot, &query, Bounds::USUAL),
                    BTreeSet::from([0, 1, 2, 3, 4]),
                    "{way:?}"
                );
                let query = SearchQuery { exact: true, ..query };
                assert_eq!(
                    all_hits(&snapshot, &query, Bounds::USUAL),
                    brute_force(&records, &query),
                    "{way:?}"
                );
            }
        }
    }
}

/// The control: the comparison above would notice a single record missing from the index, or twice
/// in it.
#[tokio::test]
async fn a_lost_or_doubled_record_would_be_noticed() {
    let dice = &mut Dice::new(11);
    let mut records = random_records(dice, 0, 200);
    records[99] = message(99, "c1", "退款 refund");
    let (_dir, snapshot) = snapshot_of(records.clone(), 150).await;
    let query = SearchQuery::new("shop", "退款 refund");
    let found = all_hits(&snapshot, &query, Bounds::USUAL);
    assert_eq!(found, brute_force(&records, &query));
    let mut lost = records.clone();
    lost[99] = message(99, "c1", "退款");
    let (_dir, snapshot) = snapshot_of(lost, 150).await;
    assert_ne!(all_hits(&snapshot, &query, Bounds::USUAL), found);
    let doubled = snapshot_of(records[..150].to_vec(), 150).await.1;
    let doubled =
        doubled.with_log_tail(batch(vec![message(150, "c1", "退款 refund")])).expect("follows");
    assert_eq!(
        run(&doubled, &query).expect("answers").total,
        1 + found.range(..150).count() as u64
    );
}

/// An index of `records`, of which those from `tail_from` on are in the tail.
async fn snapshot_of(records: Vec<Record>, tail_from: u64) -> (tempfile::TempDir, IndexSnapshot) {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, reader) = open(dir.path()).expect("opens");
    let (committed, tail): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.offset.0 < tail_from);
    if !committed.is_empty() {
        store.apply(batch(committed)).await.expect("applies");
        store.commit().await.expect("commits");
    }
    if !tail.is_empty() {
        store.apply(batch(tail)).await.expect("applies");
    }
    let snapshot = reader.snapshot().unwrap();
    (dir, snapshot)
}

#[tokio::test]
async fn words_open_on_both_sides_are_complete() {
    // "e f" stands for every word that ends with e and every word that begins with f: 12,000 of
    // them, more than tantivy's own phrases of patterns allow by default.
    let text = |number: u64| -> String {
        (0..60_u64)
            .map(|word| format!("x{}e f{}y, ", number * 60 + word, number * 60 + word))
            .collect()
    };
    let records: Vec<Record> = (0..100).map(|offset| message(offset, "c", &text(offset))).collect();
    let (_dir, snapshot) = snapshot_of(records.clone(), 90).await;
    for words in ["e f", "7e f", "e f7", "E  F", "y, x", "x0e f0y, x1e f"] {
        let query = SearchQuery::new("shop", words);
        assert_eq!(
            all_hits(&snapshot, &query, Bounds::USUAL),
            brute_force(&records, &query),
            "{words}"
        );
    }
}

#[tokio::test]
async fn long_words_are_found_by_any_piece() {
    let dice = &mut Dice::new(7);
    let long = |dice: &mut Dice| -> String {
        (0..700).map(|_| *dice.pick(&["a", "b", "7", "é", "Я", "ß"])).collect()
    };
    let records: Vec<Record> =
        (0..20).map(|offset| message(offset, "c", &format!("no. {} end", long(dice)))).collect();
    let (_dir, snapshot) = snapshot_of(records.clone(), 15).await;
    for _ in 0..300 {
        let text: Vec<char> =
            records[dice.roll(20)].event.text.as_deref().unwrap_or_default().chars().collect();
        let from = dice.roll(text.len());
        let length = 1 + dice.roll((text.len() - from).min(200));
        let words: String = text[from..from + length].iter().collect();
        if words.trim().is_empty() {
            continue;
        }
        let query = SearchQuery::new("shop", words);
        assert_eq!(
            all_hits(&snapshot, &query, Bounds::USUAL),
            brute_force(&records, &query),
            "{}",
            query.text
        );
    }
}

fn scene() -> Vec<Record> {
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
    let none = Filters::default;
    let cases: Vec<(&str, Filters, &[u64])> = vec![
        ("refund", none(), &[1, 2, 3, 6, 8, 10]),
        ("refund", Filters { order: text("A1"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { order: text("A"), ..none() }, &[]),
        ("refund", Filters { conversation: text("c2"), ..none() }, &[3, 8]),
        ("refund", Filters { conversation: text("c2"), order: text("A1"), ..none() }, &[]),
        ("refund", Filters { customer: text("bob"), ..none() }, &[3, 8, 10]),
        ("refund", Filters { customer: text("max"), ..none() }, &[]),
        ("refund", Filters { agent: text("max"), ..none() }, &[1, 2, 3, 6, 8]),
        ("refund", Filters { agent: text("eve"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { category: text("late"), ..none() }, &[1, 2, 6]),
        ("refund", Filters { category: text("refund"), customer: text("bob"), ..none() }, &[3, 8]),
        ("refund", Filters { role: Some(Role::Bot), ..none() }, &[1]),
        ("refund", Filters { kind: Some(Kind::Edit), ..none() }, &[6]),
        ("refund", Filters { from: at(3), to: at(8), ..none() }, &[3, 6]),
        ("refund", Filters { from: at(8), ..none() }, &[8, 10]),
        ("", Filters { customer: text("ann"), role: Some(Role::Customer), ..none() }, &[2, 6]),
        ("", Filters { to: at(3), ..none() }, &[1, 2]),
    ];
    for tail_from in 0..=12 {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        for (words, filters, expected) in &cases {
            let query =
                SearchQuery { filters: filters.clone(), ..SearchQuery::new("shop", *words) };
            let found: Vec<u64> = all_hits(&snapshot, &query, Bounds::USUAL).into_iter().collect();
            assert_eq!(&found, expected, "{query:?}, tail from {tail_from}");
        }
    }
}

fn shown(answer: &SearchAnswer) -> String {
    let conversations = answer.conversations.iter().map(|conversation| {
        let offsets: Vec<String> =
            conversation.hits.iter().map(|hit| hit.offset.to_string()).collect();
        format!("{}:{}", conversation.conversation, offsets.join(","))
    });
    conversations.collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn limits_and_order_change_what_is_shown_and_never_the_total() {
    let cases = [
        (HitOrder::Newest, 10, 10, "c3:10 c2:8,3 c1:6,2,1"),
        (HitOrder::Newest, 2, 1, "c3:10 c2:8"),
        (HitOrder::Newest, 3, 2, "c3:10 c2:8,3 c1:6,2"),
        (HitOrder::Oldest, 10, 10, "c1:1,2,6 c2:3,8 c3:10"),
        (HitOrder::Oldest, 1, 2, "c1:1,2"),
    ];
    for tail_from in 0..=12 {
        let (_dir, snapshot) = snapshot_of(scene(), tail_from).await;
        for (order, limit_conversations, hits_per_conversation, expected) in cases {
            let query = SearchQuery {
                order,
                limit_conversations,
                hits_per_conversation,
                ..SearchQuery::new("shop", "refund")
            };
            for bounds in [Bounds::USUAL, Bounds { ranked_max: limit_conversations, kept_max: 0 }] {
                let answer =
                    run_within(&snapshot, &query, bounds, Deadline::default()).expect("answers");
                assert_eq!(
                    (shown(&answer).as_str(), answer.total),
                    (expected, 6),
                    "tail from {tail_from}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_the_documented_json() {
    let (_dir, snapshot) = snapshot_of(scene(), 12).await;
    let filters = Filters { kind: Some(Kind::Edit), ..Filters::default() };
    let query = SearchQuery { filters, ..SearchQuery::new("shop", "ＲＥＦＵＮＤ") };
    let answer = run(&snapshot, &query).expect("answers");
    assert_eq!(
        serde_json::to_value(&answer).expect("serializes"),
        json!({"complete_to": 12, "total": 1, "conversations": [{"conversation": "c1", "hits": [{
            "offset": 6, "id": "m6", "occurred_at": "2023-11-14T22:13:26.000000Z", "sender_id": "ann",
            "sender_role": "customer", "kind": "edit", "visibility": "public",
            "text": "I want my REFUND", "spans": [[10, 16]]}]}]})
    );
}

#[tokio::test]
async fn questions_that_cannot_be_answered_say_so() {
    let (_dir, snapshot) = snapshot_of(scene(), 6).await;
    let error = run(&snapshot, &SearchQuery::new("shop", "\u{200b}")).expect_err("nothing visible");
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let empty = run(&snapshot, &SearchQuery::new("nobody", "refund")).expect("answers");
    assert_eq!((empty.total, empty.conversations.len()), (0, 0));
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
    let answer = run_within(&snapshot, &query, Bounds::USUAL, deadline.clone()).unwrap();
    assert_eq!(answer.total, 2_000);
    drop(asker);
    let (late, _asker) = Deadline::within(Duration::ZERO);
    for deadline in [deadline, late] {
        let error = run_within(&snapshot, &query, Bounds::USUAL, deadline).unwrap_err();
        assert!(matches!(error, SearchError::TooLong(_)), "{error}");
    }
}
