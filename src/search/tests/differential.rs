//! Search finds what a scan finds, and says of each hit what a scan says.

use std::collections::BTreeSet;

use super::super::{Hit, HitOrder, Mode, SearchQuery};
use super::brute_force::{self, Asked};
use super::{all_hits, random};
use crate::index::IndexSnapshot;
use crate::index::testing::open;
use crate::log::{Store, batch};
use crate::model::testing::Dice;
use crate::model::{Kind, Micros, Offset, Record};

const MODES: [Mode; 3] = [Mode::Exact, Mode::Folded, Mode::Variants];

/// Puts `count` questions by chance, and returns how many had hits.
fn check(dice: &mut Dice, snapshot: &IndexSnapshot, records: &[Record], count: usize) -> usize {
    let of_shop: Vec<&Record> = records.iter().filter(|record| record.shop == "shop").collect();
    let mut with_hits = 0;
    for number in 0..count {
        let depth = dice.roll(4);
        let asked = random::asked(dice, records, depth);
        let words = random::typed(dice, &asked);
        let read = SearchQuery::read("shop", words.as_str(), chrono_tz::UTC, Micros(0));
        let read = read.unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let order = if number % 2 == 0 { HitOrder::Newest } else { HitOrder::Oldest };
        let pages = *dice.pick(&[(100, 100), (3, 2), (1, 1), (7, 100)]);
        for mode in MODES {
            let query = SearchQuery { mode, order, ..read.clone() };
            if query.check().is_err() {
                // An accent alone: in that mode it is nothing to look for.
                assert_eq!(mode, Mode::Variants, "{words:?}");
                continue;
            }
            let found = all_hits(snapshot, &query, pages);
            compare(&of_shop, &asked, &query, &found);
            with_hits += usize::from(!found.is_empty());
        }
    }
    with_hits
}

fn compare(records: &[&Record], asked: &Asked, query: &SearchQuery, found: &[Hit]) {
    let expected = brute_force::hits(records, asked, query.mode);
    let offsets: BTreeSet<Offset> = expected.iter().map(|record| record.offset).collect();
    let found_offsets: BTreeSet<Offset> = found.iter().map(|hit| hit.offset).collect();
    assert_eq!(found_offsets, offsets, "{:?} {:?}", query.words, query.mode);
    // A few of each: to follow every edit in every record takes its time.
    for hit in found.iter().take(3) {
        let record = expected.iter().find(|record| record.offset == hit.offset).expect("a hit");
        check_hit(records, record, hit);
    }
}

/// A hit shows its record, and what became of it.
fn check_hit(records: &[&Record], record: &Record, hit: &Hit) {
    let event = &record.event;
    assert_eq!(hit.text, event.text.clone().unwrap_or_default());
    assert_eq!((&hit.id, hit.seq), (&event.id, record.seq));
    assert_eq!((hit.occurred_at, hit.received_at), (record.occurred_at(), record.received_at));
    assert_eq!((&hit.sender_id, &hit.sender_name), (&event.sender.id, &event.sender.name));
    assert_eq!(
        (hit.kind, hit.visibility, hit.origin),
        (event.kind, event.visibility, record.origin)
    );
    assert_eq!((&hit.order, hit.attachments), (&event.order, event.attachments.len()));
    for (from, to) in &hit.spans {
        assert!(hit.text.get(*from..*to).is_some_and(|span| !span.is_empty()), "{hit:?}");
    }
    let changes = brute_force::changes(records, record);
    let retraction = changes.iter().find(|change| change.event.kind == Kind::Retract);
    assert_eq!(hit.retracted_at, retraction.map(|change| change.occurred_at()), "{hit:?}");
    let edits = changes.iter().filter(|change| change.event.kind == Kind::Edit);
    let later = edits.max_by_key(|edit| edit.offset).filter(|edit| edit.offset > record.offset);
    let said = hit.superseded_by.as_ref().map(|later| (later.offset, later.text.clone()));
    let expected = later.map(|edit| (edit.offset, edit.event.text.clone().unwrap_or_default()));
    assert_eq!(said, expected, "{hit:?}");
}

#[tokio::test]
async fn search_equals_brute_force() {
    let dice = &mut Dice::new(2026);
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, reader) = open(dir.path()).expect("opens");
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..5 {
        for _ in 0..3 {
            let from = records.len() as u64;
            let more = random::records(dice, from, from + 60);
            store.apply(batch(more.clone())).await.expect("applies");
            records.extend(more);
            check(dice, &reader.snapshot().unwrap(), &records, 20);
        }
        store.commit().await.expect("commits");
        check(dice, &reader.snapshot().unwrap(), &records, 20);
    }
    let tail = random::records(dice, 900, 1_000);
    store.apply(batch(tail.clone())).await.expect("applies");
    records.extend(tail.clone());
    let with_hits = check(dice, &reader.snapshot().unwrap(), &records, 500);
    assert!(with_hits > 700, "{with_hits} of 1,500");
    drop((store, reader));

    let (mut store, reader) = open(dir.path()).expect("opens again");
    assert_eq!(reader.snapshot().unwrap().cursor(), Offset(900));
    check(dice, &reader.snapshot().unwrap(), &records[..900], 60);
    store.apply(batch(tail)).await.expect("applies again");
    store.commit().await.expect("commits");
    check(dice, &reader.snapshot().unwrap(), &records, 60);
}

/// The control: the comparison above would notice a single record missing from the index.
#[tokio::test]
async fn a_lost_record_would_be_noticed() {
    let dice = &mut Dice::new(11);
    let mut records = random::records(dice, 0, 200);
    records[99] = crate::index::testing::message(99, "c1", "退款 refund");
    let (_dir, snapshot) = super::snapshot_of(records.clone(), 150).await;
    let query = SearchQuery::new("shop", "退款 refund");
    let found = super::offsets(&snapshot, &query);
    assert!(found.contains(&99));
    records[99] = crate::index::testing::message(99, "c1", "退款");
    let (_dir, snapshot) = super::snapshot_of(records.clone(), 150).await;
    assert_ne!(super::offsets(&snapshot, &query), found);
}
