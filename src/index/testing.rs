//! Records and random texts for the tests of `index` and `search`.

use std::path::Path;

use super::{FullText, FullTextReader, IndexError};
use crate::model::{Canonical, Event, Micros, Offset, Origin, Place, Record, Secret, Seq};

/// The index in `dir`, open for writing, and what questions use.
pub(crate) fn open(dir: &Path) -> Result<(FullText, FullTextReader), IndexError> {
    let reader = FullTextReader::default();
    Ok((FullText::open_in(dir, &reader)?, reader))
}

/// A record of `shop` at `offset`, one second after the one before, from the JSON of an event without its id.
pub(crate) fn record(offset: u64, shop: &str, event: serde_json::Value) -> Record {
    let mut event = event;
    event["id"] = format!("m{offset}").into();
    let event = Event::parse(event.to_string().as_bytes()).expect("a valid event");
    let place = Place {
        offset: Offset(offset),
        seq: Seq(1),
        prev: None,
        received_at: Micros(1_700_000_000_000_000 + offset as i64 * 1_000_000),
    };
    let canonical = Canonical::of(shop, Origin::Live, &event);
    Record::new(place, shop.to_string(), Origin::Live, event, &canonical, &Secret([7; 32]))
}

/// A customer's message.
pub(crate) fn message(offset: u64, conversation: &str, text: &str) -> Record {
    let event = serde_json::json!({"conversation": conversation, "kind": "message",
        "sender": {"id": "u1", "role": "customer"}, "text": text});
    record(offset, "shop", event)
}

/// The same numbers on every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let number = self.roll(items.len());
        &items[number]
    }
}
