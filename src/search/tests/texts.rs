//! Texts that once were hard to find.

use super::super::{Mode, SearchQuery};
use super::{offsets, snapshot_of};
use crate::index::fold;
use crate::index::testing::message;
use crate::model::Record;
use crate::model::testing::Dice;

/// What a scan finds, as is or folded.
fn scanned(records: &[Record], query: &SearchQuery) -> Vec<u64> {
    let contains = |text: &str| match query.mode {
        Mode::Exact => text.contains(&query.words),
        _ => fold(text).contains(&fold(&query.words)),
    };
    let texts = records.iter().filter(|record| record.event.text.as_deref().is_some_and(contains));
    texts.map(|record| record.offset.0).collect()
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
                let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
                assert_eq!(found, [0, 1, 2, 3, 4], "{way:?}");
                let query = SearchQuery { mode: Mode::Exact, ..query };
                let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
                assert_eq!(found, scanned(&records, &query), "{way:?}");
            }
        }
    }
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
        let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
        assert_eq!(found, scanned(&records, &query), "{words}");
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
        let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
        assert_eq!(found, scanned(&records, &query), "{}", query.words);
    }
}

/// What a clerk types is seldom what was typed: accents are left out, Taiwan writes 記錄, and a comma
/// stands where none is remembered.
#[tokio::test]
async fn variants_are_found_where_they_are_asked_for() {
    let texts =
        ["聊天記錄", "聊天记录", "聊，天 记。录", "Sofía", "Sofia", "聊天🙂记录", "聊天x记录"];
    let records: Vec<Record> =
        (0..).zip(texts).map(|(offset, text)| message(offset, "c", text)).collect();
    for tail_from in [0, 4, 7] {
        let (_dir, snapshot) = snapshot_of(records.clone(), tail_from).await;
        let check = |words: &str, mode: Mode, expected: &[u64]| {
            let query = SearchQuery { mode, ..SearchQuery::new("shop", words) };
            let found: Vec<u64> = offsets(&snapshot, &query).into_iter().collect();
            assert_eq!(found, expected, "{words} {mode:?}");
        };
        for words in ["聊天记录", "聊天記錄", "聊天、记录。"] {
            check(words, Mode::Variants, &[0, 1, 2]);
        }
        check("聊天记录", Mode::Folded, &[1]);
        check("sofia", Mode::Folded, &[4]);
        check("sofia", Mode::Variants, &[3, 4]);
        check("SOFÍA", Mode::Variants, &[3, 4]);
        check("录", Mode::Variants, &[0, 1, 2, 5, 6]);
    }
}
