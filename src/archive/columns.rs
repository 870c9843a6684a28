//! The one table of columns of `events`: name, and how it is read from a record. What a column
//! means is said by the field it comes from, in [`crate::model::fields`]. Arrow schema and batches
//! are made from it.

use std::borrow::Borrow;
use std::sync::{Arc, LazyLock};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use super::{ArchiveError, attachments};
use crate::model::Record;
use crate::model::fields::meaning_of;
use crate::table::columns::Read::{
    Count, Flag, Hash, MaybeBytes, MaybeNested, MaybeSmall, MaybeText, MaybeTime, Text, Time,
};
use crate::table::columns::{Column, Read, batch, schema};

/// The column of the field `name`.
const fn column(name: &'static str, read: Read<Record>) -> Column<Record> {
    part_of(name, name, read)
}

/// A column that holds a part of `field`.
const fn part_of(field: &'static str, name: &'static str, read: Read<Record>) -> Column<Record> {
    Column { name, read, meaning: meaning_of(field) }
}

/// Every column of `events` as questions see it, in order, but for the partition column.
#[rustfmt::skip]
pub const EVENT_COLUMNS: &[Column<Record>] = &[
    column("offset", Count(|record| record.offset.signed())),
    column("seq", Count(|record| record.seq.0.into())),
    column("received_at", Time(|record| record.received_at)),
    column("occurred_at", Time(Record::occurred_at)),
    column("origin", Text(|record| record.origin.as_str())),
    column("leaf", Hash(|record| &record.leaf.0)),
    column("shop", Text(|record| &record.shop)),
    column("conversation", Text(|record| &record.event.conversation)),
    column("id", Text(|record| &record.event.id)),
    column("kind", Text(|record| record.event.kind.as_str())),
    part_of("sender", "sender_id", Text(|record| &record.event.sender.id)),
    part_of("sender", "sender_role", Text(|record| record.event.sender.role.as_str())),
    part_of("sender", "sender_name", MaybeText(|record| record.event.sender.name.as_deref())),
    part_of("by", "by_sub", MaybeText(|record| record.by.as_ref().map(|by| by.sub.as_str()))),
    part_of("by", "by_role", MaybeText(|record| record.by.as_ref().map(|by| by.role.as_str()))),
    column("customer", MaybeText(|record| record.event.customer.as_deref())),
    column("sent_at", MaybeText(|record| record.event.sent_at.as_deref())),
    column("text", MaybeText(|record| record.event.text.as_deref())),
    column("attachments", MaybeNested { data_type: attachments::data_type, array: attachments::array }),
    column("reply_to", MaybeText(|record| record.event.reply_to.as_deref())),
    column("target", MaybeText(|record| record.event.target.as_deref())),
    column("order", MaybeText(|record| record.event.order.as_deref())),
    column("channel", MaybeText(|record| record.event.channel.as_deref())),
    column("language", MaybeText(|record| record.event.language.as_deref())),
    column("visibility", Text(|record| record.event.visibility.as_str())),
    column("automatic", Flag(|record| record.event.automatic)),
    column("assignee", MaybeText(|record| record.event.assignee.as_deref())),
    column("category", MaybeText(|record| record.event.category.as_deref())),
    column("rating", MaybeSmall(|record| record.event.rating.map(i32::from))),
    column("data", MaybeText(|record| record.event.data.as_deref().map(|data| data.get()))),
    part_of("erased", "erased_at", MaybeTime(|record| record.erased.as_ref().map(|erased| erased.at))),
    part_of("erased", "erased_ground", MaybeText(|record| record.erased.as_ref().map(|erased| erased.ground.as_str()))),
];

/// In the files and in no answer: what a record is made from again, and its leaf recomputed.
const SALT_COLUMN: Column<Record> = Column {
    name: "salt",
    read: MaybeBytes(|record| record.salt.as_ref().map(|salt| salt.0.as_slice())),
    meaning: "16 random bytes that salt the record's commitments; NULL once it is erased",
};

/// In the files and in no answer: what the leaf of an erased record is made of.
const COMMITMENTS_COLUMN: Column<Record> = Column {
    name: "commitments",
    read: MaybeBytes(|record| {
        record.erased.as_ref().map(|erased| erased.commitments.0.as_flattened())
    }),
    meaning: "the three commitments of an erased record, 32 bytes each: sender, body, meta; else NULL",
};

/// The columns of the files of `events`.
static STORED_COLUMNS: LazyLock<Vec<Column<Record>>> = LazyLock::new(|| {
    EVENT_COLUMNS.iter().cloned().chain([SALT_COLUMN, COMMITMENTS_COLUMN]).collect()
});

/// Arrow schema of `events` as questions see it, without the partition column.
pub fn events_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema(EVENT_COLUMNS));
    SCHEMA.clone()
}

/// `records` as one batch of [`events_schema`], in their order.
pub fn events_batch<R: Borrow<Record>>(records: &[R]) -> Result<RecordBatch, ArchiveError> {
    Ok(batch(events_schema(), EVENT_COLUMNS, records)?)
}

/// Of `records`, in their order, the columns at these places of [`events_schema`].
pub fn some_columns_of_events<R: Borrow<Record>>(
    places: &[usize],
    records: &[R],
) -> Result<RecordBatch, ArchiveError> {
    let schema = Arc::new(events_schema().project(places)?);
    let columns = places.iter().map(|place| EVENT_COLUMNS[*place].array(records)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

/// Arrow schema of the files of `events`: with the salt.
pub fn stored_events_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| schema(&STORED_COLUMNS));
    SCHEMA.clone()
}

/// `records` as one batch of [`stored_events_schema`], in their order.
pub fn stored_events_batch<R: Borrow<Record>>(records: &[R]) -> Result<RecordBatch, ArchiveError> {
    Ok(batch(stored_events_schema(), &STORED_COLUMNS, records)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fields;

    /// Other tools read these files for years: a column may be added, and none may change.
    #[test]
    fn the_columns_of_events_stand() {
        let schema = stored_events_schema();
        let columns = schema.fields().iter().map(|field| {
            let nullable = if field.is_nullable() { "?" } else { "" };
            format!("{} {}{nullable}", field.name(), field.data_type())
        });
        let expected = [
            "offset Int64",
            "seq Int64",
            "received_at Timestamp(µs, \"UTC\")",
            "occurred_at Timestamp(µs, \"UTC\")",
            "origin Utf8",
            "leaf Utf8",
            "shop Utf8",
            "conversation Utf8",
            "id Utf8",
            "kind Utf8",
            "sender_id Utf8",
            "sender_role Utf8",
            "sender_name Utf8?",
            "by_sub Utf8?",
            "by_role Utf8?",
            "customer Utf8?",
            "sent_at Utf8?",
            "text Utf8?",
            "attachments List(Struct(\"sha256\": Utf8, \"name\": Utf8, \"media_type\": Utf8, \
             \"bytes\": Int64), field: 'element')?",
            "reply_to Utf8?",
            "target Utf8?",
            "order Utf8?",
            "channel Utf8?",
            "language Utf8?",
            "visibility Utf8",
            "automatic Boolean",
            "assignee Utf8?",
            "category Utf8?",
            "rating Int32?",
            "data Utf8?",
            "erased_at Timestamp(µs, \"UTC\")?",
            "erased_ground Utf8?",
            "salt Binary?",
            "commitments Binary?",
        ];
        assert_eq!(columns.collect::<Vec<String>>(), expected);
    }

    /// The relay takes what the table of fields names; what has no column would be missing from
    /// every answer.
    #[test]
    fn every_field_has_its_columns() {
        let of_fields = fields::columns().map(|column| (column.name, column.nullable));
        let of_events = EVENT_COLUMNS.iter().map(|column| (column.name, column.is_nullable()));
        assert_eq!(of_events.collect::<Vec<_>>(), of_fields.collect::<Vec<_>>());
    }
}
