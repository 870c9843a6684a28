//! Which hits come first, and how pages go on.

use serde_json::json;

use super::super::{HitOrder, SearchAnswer, SearchQuery, run};
use super::answers::scene;
use super::{page_after, snapshot_of};
use crate::index::testing::{message, open, record};
use crate::log::{Store, batch};
use crate::model::Record;

fn shown(answer: &SearchAnswer) -> String {
    let conversations = answer.conversations.iter().map(|found| {
        let offsets: Vec<String> = found.hits.iter().map(|hit| hit.offset.to_string()).collect();
        let more = if found.more > 0 { format!("+{}", found.more) } else { String::new() };
        format!("{}:{}{more}", found.conversation, offsets.join(","))
    });
    conversations.collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn limits_and_order_change_what_is_shown_and_never_the_total() {
    let cases = [
        (HitOrder::Newest, 10, 10, "c3:10 c2:3,8 c1:1,2,6"),
        (HitOrder::Newest, 2, 1, "c3:10 c2:3+1"),
        (HitOrder::Newest, 3, 2, "c3:10 c2:3,8 c1:1,2+1"),
        (HitOrder::Oldest, 10, 10, "c1:1,2,6 c2:3,8 c3:10"),
        (HitOrder::Oldest, 1, 2, "c1:1,2+1"),
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
            let answer = run(&snapshot, &query).expect("answers");
            assert_eq!(
                (shown(&answer).as_str(), answer.total),
                (expected, 6),
                "tail from {tail_from}"
            );
        }
    }
}

/// Messages come in while somebody reads page after page: none is missed, none is seen twice, and
/// none of the new ones moves the others.
#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_comes_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, reader) = open(dir.path()).expect("opens");
    let mut next_offset = 0;
    let mut more = |count: u64| -> Vec<Record> {
        let records = (0..count).map(|number| {
            message(next_offset + number, &format!("c{}", (next_offset + number) % 7), "hi")
        });
        let records = records.collect();
        next_offset += count;
        records
    };
    store.apply(batch(more(20))).await.expect("applies");
    store.commit().await.expect("commits");
    let query = SearchQuery {
        limit_conversations: 2,
        hits_per_conversation: 2,
        ..SearchQuery::new("shop", "hi")
    };
    let mut answer = run(&reader.snapshot().unwrap(), &query).expect("answers");
    let mut pages = vec![shown(&answer)];
    while let Some(next) = answer.next {
        store.apply(batch(more(5))).await.expect("applies");
        if pages.len() == 2 {
            store.commit().await.expect("commits");
        }
        answer = page_after(&reader.snapshot().unwrap(), &query, next);
        assert_eq!((answer.total, answer.complete_to.0), (20, 20));
        pages.push(shown(&answer));
    }
    assert_eq!(
        pages,
        ["c5:5,12+1 c4:4,11+1", "c3:3,10+1 c2:2,9+1", "c1:1,8+1 c0:0,7+1", "c6:6,13"]
    );
    assert_eq!(run(&reader.snapshot().unwrap(), &query).expect("answers").total, 35);
}

/// A status is of the same offset as the page: what came later is told with the next question.
#[tokio::test]
async fn a_later_page_knows_no_more_than_the_first() {
    let records = vec![message(0, "c", "hi"), message(1, "d", "hi")];
    let (_dir, snapshot) = snapshot_of(records, 1).await;
    let query = SearchQuery { limit_conversations: 1, ..SearchQuery::new("shop", "hi") };
    let next = run(&snapshot, &query).expect("answers").next.expect("a next page");
    let retract = json!({"conversation": "c", "kind": "retract", "target": "m0",
        "sender": {"id": "u1", "role": "customer"}});
    let later = snapshot.with_log_tail(batch(vec![record(2, "shop", retract)])).expect("follows");
    let page = page_after(&later, &query, next);
    assert_eq!((shown(&page).as_str(), page.conversations[0].hits[0].retracted_at), ("c:0", None));
    let now = run(&later, &SearchQuery { limit_conversations: 9, ..query }).expect("answers");
    assert!(now.conversations[1].hits[0].retracted_at.is_some());
}
