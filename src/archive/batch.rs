//! Records as the rows of a commit: one batch for each UTC day.

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
    ],
    bloom: &["conversation", "order"],
};

/// One batch for each UTC day that anything occurred on, its rows by (shop, conversation, offset).
pub fn events_by_day<'a>(
    records: impl Iterator<Item = &'a Record>,
) -> Result<Vec<(NaiveDate, RecordBatch)>, ArchiveError> {
    let mut days: BTreeMap<NaiveDate, Vec<&Record>> = BTreeMap::new();
    for record in records {
        days.entry(record.occurred_at().day()).or_default().push(record);
    }
    let batch = |(day, mut records): (NaiveDate, Vec<&'a Record>)| {
        records.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Ok((day, stored_events_batch(&records)?))
    };
    days.into_iter().map(batch).collect()
}

/// The values of [`EVENTS_OPTIONS`]'s sort columns.
fn sort_key(record: &Record) -> (&str, &str, Offset) {
    (&record.shop, &record.event.conversation, record.offset)
}
