//! Search against what a scan says, and what an answer holds.

mod answers;
mod brute_force;
mod differential;
mod documented;
mod pages;
mod random;
mod texts;

use std::collections::BTreeSet;

use super::{Cursor, Hit, SearchAnswer, SearchQuery, run};
use crate::index::IndexSnapshot;
use crate::index::testing::open;
use crate::log::{Store, batch};
use crate::model::{Offset, Record};

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

/// Every hit of `query`, by pages of these sizes, each hit once.
fn all_hits(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
    (conversations, hits): (usize, usize),
) -> Vec<Hit> {
    let query = SearchQuery {
        limit_conversations: conversations,
        hits_per_conversation: hits,
        ..query.clone()
    };
    let first = run(snapshot, &query).unwrap_or_else(|error| panic!("{}: {error}", query.words));
    assert_eq!(first.complete_to, snapshot.applied());
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    let mut page = first.clone();
    loop {
        for found in &page.conversations {
            assert!(seen.insert(found.conversation.clone()), "{} twice", found.conversation);
            all.extend(rest_of(snapshot, &query, found.conversation.clone(), &page));
        }
        let Some(next) = page.next else { break };
        page = page_after(snapshot, &query, next);
        assert_eq!((page.total, page.complete_to), (first.total, first.complete_to));
    }
    assert_eq!(all.len() as u64, first.total, "{query:?}");
    let offsets: BTreeSet<Offset> = all.iter().map(|hit| hit.offset).collect();
    assert_eq!(offsets.len(), all.len(), "{query:?}: a hit twice");
    all
}

/// All hits of one conversation of `page`, which come oldest first.
fn rest_of(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
    conversation: String,
    page: &SearchAnswer,
) -> Vec<Hit> {
    let mut found = page.conversations.iter().find(|found| found.conversation == conversation);
    let mut hits: Vec<Hit> = Vec::new();
    let mut later;
    while let Some(of_page) = found {
        hits.extend(of_page.hits.clone());
        assert_eq!(of_page.more > 0, of_page.next.is_some());
        let Some(next) = of_page.next else { break };
        let mut within = query.clone();
        within.filters.conversation = Some(conversation.clone());
        later = page_after(snapshot, &within, next);
        assert_eq!(later.conversations.len(), 1);
        found = later.conversations.first();
    }
    assert!(hits.is_sorted_by_key(|hit| (hit.occurred_at, hit.offset)), "{hits:?}");
    hits
}

fn page_after(snapshot: &IndexSnapshot, query: &SearchQuery, after: Cursor) -> SearchAnswer {
    run(snapshot, &SearchQuery { after: Some(after), ..query.clone() }).expect("answers")
}

/// The offsets of all hits.
fn offsets(snapshot: &IndexSnapshot, query: &SearchQuery) -> BTreeSet<u64> {
    all_hits(snapshot, query, (100, 100)).iter().map(|hit| hit.offset.0).collect()
}
