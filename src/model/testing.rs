//! Records for tests, and chances that fall alike on every run.

use std::fmt::Display;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::fields::FIELDS;
use super::{CanonicalEvent, Chain, Event, Kind, Micros, Offset, Origin, Record, Salt, Seq};

/// Where a record stands in the log and in its conversation, and when it was received.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) offset: Offset,
    pub(crate) seq: Seq,
    pub(crate) received_at: Micros,
}

/// A live record of shop `s` at `offset`, received that many seconds after the epoch; `event` is
/// its JSON.
pub(crate) fn record(offset: u64, event: impl Display) -> Record {
    let received_at = Micros(i64::try_from(offset).unwrap() * 1_000_000);
    record_at(position(offset, received_at), "s", Origin::Live, event)
}

/// A record of `shop` at a position of its own.
pub(crate) fn record_at(
    position: Position,
    shop: &str,
    origin: Origin,
    event: impl Display,
) -> Record {
    let event = Event::parse(event.to_string().as_bytes()).unwrap();
    let Position { offset, seq, received_at } = position;
    let chain = Chain { last_seq: Seq(seq.0 - 1), ..Chain::default() };
    let event = CanonicalEvent::salted(shop, origin, None, event, Salt([7; 16]));
    Record::new(offset, received_at, &chain, event)
}

/// `event`, a JSON object with any fields, without those that its kind does not know.
pub(crate) fn fitted(mut event: Value) -> Value {
    let kind: Kind = event["kind"].as_str().unwrap().parse().unwrap();
    let fields = event.as_object_mut().unwrap();
    for field in FIELDS.iter().filter(|field| !field.kinds.contains(kind)) {
        fields.remove(field.name);
    }
    if let Some(reserved) = kind.reserved_conversation() {
        fields.insert("conversation".to_string(), reserved.into());
        fields.insert("data".to_string(), json!({"idle_hours": 24}));
    }
    event
}

/// The position at `offset` where one conversation fills the log.
pub(crate) fn position(offset: u64, received_at: Micros) -> Position {
    Position { offset: Offset(offset), seq: Seq(u32::try_from(offset + 1).unwrap()), received_at }
}

/// Chances from a seed.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(StdRng::seed_from_u64(seed))
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0.random_range(0..sides)
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.roll(items.len())]
    }
}
