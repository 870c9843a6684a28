//! Records for tests: an event as JSON becomes a record at an offset.

use super::{Canonical, Event, Micros, Offset, Origin, Place, Record, Secret, Seq};

/// A live record of shop `s` at `offset`, received that many seconds after the epoch; `event` is its JSON.
pub(crate) fn record(offset: u64, event: &str) -> Record {
    let place = Place {
        offset: Offset(offset),
        seq: Seq(u32::try_from(offset + 1).unwrap()),
        prev: offset.checked_sub(1).map(Offset),
        received_at: Micros(i64::try_from(offset).unwrap() * 1_000_000),
    };
    record_at(place, "s", Origin::Live, event)
}

/// A record of `shop` at a place of its own.
pub(crate) fn record_at(place: Place, shop: &str, origin: Origin, event: &str) -> Record {
    let event = Event::parse(event.as_bytes()).unwrap();
    let canonical = Canonical::of(shop, origin, &event);
    Record::new(place, shop.to_string(), origin, event, &canonical, &Secret([7; 32]))
}
