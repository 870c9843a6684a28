//! How much memory a record takes, about: what bounds of tails, commits and batches count.

use crate::model::Record;

/// Bytes of a record in memory: itself and what its strings hold. Each column of it is smaller.
pub fn bytes_of(record: &Record) -> usize {
    let beside_the_event = size_of::<Record>() - size_of_val(&record.event);
    let by = record.by.as_ref().map_or(0, |by| by.sub.len());
    let erased =
        record.erased.as_ref().map_or(0, |erased| size_of_val(&**erased) + erased.ground.len());
    beside_the_event + record.shop.len() + by + erased + record.event.bytes()
}
