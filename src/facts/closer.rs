//! The record that settled a row: after it, nothing changes in that row. Often it is one of another
//! conversation, by which the log's clock passed a deadline.

use crate::model::{Micros, Offset, Record};

/// Where that record stands in the log. Rows are written into the partition of the UTC day on which
/// it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closer {
    pub offset: Offset,
    pub received_at: Micros,
}

impl Closer {
    pub(crate) fn of(record: &Record) -> Closer {
        Closer { offset: record.offset, received_at: record.received_at }
    }

    /// The two halves as a row holds them, NULL while it is open.
    pub(crate) fn at(offset: Option<Offset>, received_at: Option<Micros>) -> Option<Closer> {
        let (offset, received_at) = offset.zip(received_at)?;
        Some(Closer { offset, received_at })
    }
}
