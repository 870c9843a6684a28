//! Records as the rows of a commit: batches of one UTC day of ingestion each.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::NaiveDate;

use super::{ArchiveError, stored_events_batch};
use crate::model::{Offset, Record};
use crate::table::{Encoding, TableOptions};

/// How the `events` table is laid out.
pub const EVENTS_OPTIONS: TableOptions = TableOptions {
    sort: &["shop", "conversation", "offset"],
    encodings: &[
        ("leaf", Encoding::RandomHex),
        ("salt", Encoding::Plain),
        ("id", Encoding::Plain),
        ("sent_at", Encoding::Plain),
        ("text", Encoding::Plain),
        ("reply_to", Encoding::Plain),
        ("target", Encoding::Plain),
        ("data", Encoding::Plain),
        ("commitments", Encoding::Plain),
    ],
    bloom: &["conversation", "order"],
};

/// Texts and data of one batch. Arrow counts the bytes of a column in 32 bits, and a commit of
/// 65,536 records of 64 KiB has twice as many.
const BATCH_BYTES: usize = 64 << 20;

/// Batches of the UTC days on which anything was received, rows by (shop, conversation, offset).
/// There is one for each day, more where the texts are many.
///
/// Not by the day of what happened: an import over ten years would add to 3,650 days at once.
pub fn events_by_day<'a>(
    records: impl Iterator<Item = &'a Record>,
) -> Result<Vec<(NaiveDate, RecordBatch)>, ArchiveError> {
    let mut days: BTreeMap<NaiveDate, Vec<&Record>> = BTreeMap::new();
    for record in records {
        days.entry(record.received_at.day()).or_default().push(record);
    }
    let mut batches = Vec::new();
    for (day, mut records) in days {
        records.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        let mut bytes = 0;
        let joins = |record: &&Record, _: &&Record| {
            bytes += long_bytes(record);
            let is_full = bytes > BATCH_BYTES;
            bytes = if is_full { 0 } else { bytes };
            !is_full
        };
        for records in records.chunk_by(joins) {
            batches.push((day, stored_events_batch(records)?));
        }
    }
    Ok(batches)
}

/// Bytes of what has no small bound.
fn long_bytes(record: &Record) -> usize {
    let text = record.event.text.as_ref().map_or(0, |text| text.len());
    text + record.event.data.as_ref().map_or(0, |data| data.get().len())
}

/// The values of [`EVENTS_OPTIONS`]'s sort columns.
fn sort_key(record: &Record) -> (&str, &str, Offset) {
    (&record.shop, &record.event.conversation, record.offset)
}
