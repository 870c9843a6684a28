//! Many conversations at once: the log's clock, the shop's rules, and what they may not touch.

use serde_json::{Value, json};

use crate::facts::log_fold::LogFold;
use crate::facts::rows::{EpisodeRow, TurnRow};
use crate::facts::settled::{SettledOfShop, TableCursors};
use crate::facts::{EpisodeEnd, Outcome};
use crate::model::testing::{Position, record_at};
use crate::model::{Micros, Offset, Origin, Seq};

const HOUR: i64 = 3_600_000_000;

/// A log that is written line by line and folded at once.
#[derive(Default)]
struct Folded {
    fold: LogFold,
    next: Offset,
}

impl Folded {
    /// Appends a live event of `shop` at so many hours, and returns its offset.
    fn at(&mut self, hours: i64, shop: &str, conversation: &str, more: Value) -> Offset {
        let mut event = json!({
            "id": format!("e{}", self.next), "conversation": conversation, "kind": "message",
            "sender": {"id": "ann", "role": "customer"},
        });
        for (field, value) in more.as_object().expect("an object") {
            event[field] = value.clone();
        }
        if event["kind"] == "message" {
            event["text"] = json!("words");
        }
        let (offset, received_at) = (self.next, Micros(hours * HOUR));
        let position = Position { offset, seq: Seq(1), received_at };
        let record = record_at(position, shop, Origin::Live, event);
        self.fold.fold(&record, None, &TableCursors::default());
        self.next = offset.next();
        offset
    }

    fn says(&mut self, hours: i64, shop: &str, conversation: &str) -> Offset {
        self.at(hours, shop, conversation, json!({}))
    }

    fn sets_idle_hours(&mut self, hours: i64, shop: &str, idle: u32) -> Offset {
        let rules = json!({"kind": "rules", "data": {"idle_hours": idle}});
        self.at(hours, shop, "@rules", rules)
    }

    fn settled(&self, shop: &str) -> SettledOfShop {
        self.fold.settled.of_shop(shop)
    }

    fn episodes(&self, shop: &str) -> Vec<EpisodeRow> {
        self.settled(shop).episodes.iter().cloned().collect()
    }

    fn turns(&self, shop: &str) -> Vec<TurnRow> {
        self.settled(shop).turns.iter().cloned().collect()
    }
}

/// An idle chat once ended only when it spoke again.
#[test]
fn a_record_of_any_shop_closes_what_has_gone_idle() {
    let mut log = Folded::default();
    log.says(0, "anna", "left");
    log.says(1, "anna", "stays");
    log.says(24, "bert", "busy");
    assert!(log.episodes("anna").is_empty(), "not beyond the deadline");
    let closer = log.says(25, "bert", "busy");
    let closed = log.episodes("anna");
    assert_eq!(closed.len(), 1, "the other's deadline is this very moment: {closed:?}");
    assert_eq!(
        (closed[0].conversation.as_str(), closed[0].ended_by),
        ("left", Some(EpisodeEnd::Idle))
    );
    assert_eq!(
        (closed[0].closed_offset, closed[0].closed_at),
        (Some(closer), Some(Micros(25 * HOUR)))
    );
    assert_eq!(closed[0].ended_at, Some(Micros(24 * HOUR)));
    let turns = log.turns("anna");
    assert_eq!((turns[0].outcome, turns[0].closed_offset), (Outcome::Abandoned, Some(closer)));
    assert!(turns[0].nrt_ms.is_none() && turns[0].excluded.is_none(), "{turns:?}");
    assert!(log.episodes("bert").is_empty());
}

/// Deadlines need not come in the order of activities, and equal ones close in that order.
#[test]
fn what_is_due_is_closed_in_one_order() {
    let mut log = Folded::default();
    log.sets_idle_hours(0, "bert", 2);
    for conversation in ["z", "a", "m"] {
        log.says(1, "anna", conversation);
    }
    log.says(20, "bert", "late");
    log.says(23, "anna", "closer");
    assert_eq!(log.episodes("bert").len(), 1, "22 h come before 25 h");
    let closer = log.says(30, "bert", "closer");
    let closed = log.episodes("anna");
    let order: Vec<&str> = closed.iter().map(|row| row.conversation.as_str()).collect();
    assert_eq!(order, ["z", "a", "m"]);
    assert!(closed.iter().all(|row| row.closed_offset == Some(closer)));
}

#[test]
fn a_changed_rule_applies_to_what_happens_after_it() {
    let mut log = Folded::default();
    log.says(0, "anna", "before");
    log.sets_idle_hours(1, "anna", 2);
    log.says(2, "anna", "after");
    log.says(5, "bert", "clock");
    let closed = log.episodes("anna");
    assert_eq!(closed.len(), 1, "what was said before the change keeps its deadline: {closed:?}");
    assert_eq!((closed[0].conversation.as_str(), closed[0].rules_version), ("after", 1));
    log.sets_idle_hours(6, "anna", 48);
    log.says(25, "bert", "clock");
    let closed = log.episodes("anna");
    assert_eq!((closed[1].conversation.as_str(), closed[1].rules_version), ("before", 0));
    assert_eq!(log.turns("anna")[1].rules_version, 0);
    assert_eq!(log.fold.rules_of("anna").version, 2);
    assert_eq!(log.fold.rules_of("bert").version, 0, "each shop has its own");
}

#[test]
fn the_shops_administration_moves_the_clock_and_nothing_else() {
    let mut log = Folded::default();
    log.says(0, "anna", "left");
    let access = json!({"kind": "access", "data": {}, "sender": {"id": "v", "role": "system"}});
    let closer = log.at(30, "anna", "@access", access);
    assert_eq!(log.episodes("anna")[0].closed_offset, Some(closer));
    let settled = log.settled("anna");
    assert_eq!(settled.strays.iter().count() + settled.tags.iter().count(), 0);
    assert_eq!(log.fold.open.len(), 0);
}

/// A million conversations that were imported together go idle together: no record may hold up
/// everything for as long as it takes to close them all.
#[test]
fn what_one_record_closes_is_bounded_and_the_rest_follows() {
    let mut log = Folded::default();
    for conversation in 0..10_000 {
        log.says(0, "anna", &format!("c{conversation}"));
    }
    let first = log.says(25, "bert", "clock");
    assert_eq!(log.episodes("anna").len(), 8_192);
    // Its own record closes a conversation that is due, whether or not its turn has come.
    let own = log.says(25, "anna", "c9999");
    let closed = log.episodes("anna");
    assert_eq!(closed.len(), 10_000);
    assert_eq!(closed[8_191].closed_offset, Some(first));
    assert_eq!(closed[9_999].closed_offset, Some(own));
    assert_eq!(log.fold.open.len(), 2);
}
