//! Records for the tests of `index` and `search`.

use std::path::Path;

use super::{FullText, FullTextReader, IndexError};
use crate::model::testing::{position, record_at};
use crate::model::{Micros, Origin, Record};

/// The index in `dir`, open for writing, and what questions use.
pub(crate) fn open(dir: &Path) -> Result<(FullText, FullTextReader), IndexError> {
    let reader = FullTextReader::default();
    Ok((FullText::open_in(dir, &reader)?, reader))
}

/// A record of `shop` at `offset`, one second after the one before, from the JSON of an event
/// without its id.
pub(crate) fn record(offset: u64, shop: &str, event: serde_json::Value) -> Record {
    let mut event = event;
    event["id"] = format!("m{offset}").into();
    let received_at = Micros(1_700_000_000_000_000 + offset as i64 * 1_000_000);
    record_at(position(offset, received_at), shop, Origin::Live, event)
}

/// A customer's message.
pub(crate) fn message(offset: u64, conversation: &str, text: &str) -> Record {
    let event = serde_json::json!({"conversation": conversation, "kind": "message",
        "sender": {"id": "u1", "role": "customer"}, "text": text});
    record(offset, "shop", event)
}
