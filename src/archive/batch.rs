//! Records as rows of the `events` table: the columns of [`fields::events_schema`], filled by name.
//!
//! The table of fields says which columns there are; this file says where each gets its values. A column of the table
//! that nothing here fills is an error, never a column of nulls.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, Int64Builder, ListBuilder, RecordBatch,
    StringArray, StringBuilder, StructBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;

use super::ArchiveError;
use crate::model::{Attachment, LeafHash, Micros, Offset, Record, fields};
use crate::table::TableOptions;

/// How the `events` table is laid out.
pub const EVENTS_OPTIONS: TableOptions = TableOptions {
    sort: &["shop", "conversation", "offset"],
    hashes: &["leaf"],
    unique: &["id", "sent_at", "text", "reply_to", "target", "data"],
    bloom: &["conversation", "order"],
};

/// `records` as one batch, in their order.
pub fn events_batch<R: Borrow<Record>>(records: &[R]) -> Result<RecordBatch, ArchiveError> {
    let schema = fields::events_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| fill(field.name(), records))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

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
        Ok((day, events_batch(&records)?))
    };
    days.into_iter().map(batch).collect()
}

/// The values of [`EVENTS_OPTIONS`]'s sort columns.
fn sort_key(record: &Record) -> (&str, &str, Offset) {
    (&record.shop, &record.event.conversation, record.offset)
}

/// The values of one column.
pub(crate) fn fill<R: Borrow<Record>>(
    column: &str,
    records: &[R],
) -> Result<ArrayRef, ArchiveError> {
    Ok(match column {
        "offset" => ints(records, |record| record.offset.0),
        "seq" => ints(records, |record| u64::from(record.seq.0)),
        "received_at" => times(records, |record| record.received_at),
        "occurred_at" => times(records, Record::occurred_at),
        "origin" => words(records, |record| record.origin.as_str()),
        "leaf" => hashes(records, |record| &record.leaf),
        "shop" => words(records, |record| &record.shop),
        "conversation" => words(records, |record| &record.event.conversation),
        "id" => words(records, |record| &record.event.id),
        "kind" => words(records, |record| record.event.kind.as_str()),
        "sender_id" => words(records, |record| &record.event.sender.id),
        "sender_role" => words(records, |record| record.event.sender.role.as_str()),
        "sender_name" => texts(records, |record| record.event.sender.name.as_deref()),
        "sent_at" => texts(records, |record| record.event.sent_at.as_deref()),
        "text" => texts(records, |record| record.event.text.as_deref()),
        "attachments" => attachments(records),
        "reply_to" => texts(records, |record| record.event.reply_to.as_deref()),
        "target" => texts(records, |record| record.event.target.as_deref()),
        "order" => texts(records, |record| record.event.order.as_deref()),
        "channel" => texts(records, |record| record.event.channel.as_deref()),
        "language" => texts(records, |record| record.event.language.as_deref()),
        "visibility" => words(records, |record| record.event.visibility.as_str()),
        "automatic" => Arc::new(BooleanArray::from_iter(
            each(records).map(|record| Some(record.event.automatic)),
        )),
        "assignee" => texts(records, |record| record.event.assignee.as_deref()),
        "category" => texts(records, |record| record.event.category.as_deref()),
        "rating" => Arc::new(Int32Array::from_iter(
            each(records).map(|record| record.event.rating.map(i32::from)),
        )),
        "data" => texts(records, |record| record.event.data.as_ref().map(|data| data.get())),
        _ => return Err(ArchiveError::UnknownColumn { column: column.to_string() }),
    })
}

fn each<R: Borrow<Record>>(records: &[R]) -> impl Iterator<Item = &Record> {
    records.iter().map(|record| record.borrow())
}

fn ints<R: Borrow<Record>>(records: &[R], value: impl Fn(&Record) -> u64) -> ArrayRef {
    // Offsets and seqs count records: none comes near 2^63.
    let ints = each(records).map(|record| i64::try_from(value(record)).unwrap_or(i64::MAX));
    Arc::new(Int64Array::from_iter_values(ints))
}

fn times<R: Borrow<Record>>(records: &[R], value: impl Fn(&Record) -> Micros) -> ArrayRef {
    let times = each(records).map(|record| value(record).0);
    Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn words<R: Borrow<Record>>(records: &[R], value: impl Fn(&Record) -> &str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(each(records).map(value)))
}

fn texts<R: Borrow<Record>>(records: &[R], value: impl Fn(&Record) -> Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from_iter(each(records).map(value)))
}

fn hashes<R: Borrow<Record>>(records: &[R], value: impl Fn(&Record) -> &LeafHash) -> ArrayRef {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut column = StringBuilder::with_capacity(records.len(), records.len() * 64);
    let mut digits = String::with_capacity(64);
    for record in each(records) {
        digits.clear();
        for byte in value(record).0 {
            digits.push(char::from(DIGITS[usize::from(byte >> 4)]));
            digits.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        column.append_value(&digits);
    }
    Arc::new(column.finish())
}

/// A list for each record; null when it has no attachments, as the client left the field out.
fn attachments<R: Borrow<Record>>(records: &[R]) -> ArrayRef {
    let item = Field::new("element", DataType::Struct(fields::attachment_fields()), true);
    let values = StructBuilder::from_fields(fields::attachment_fields(), 0);
    let mut column = ListBuilder::new(values).with_field(Arc::new(item));
    for record in each(records) {
        for attachment in &record.event.attachments {
            append_attachment(column.values(), attachment);
        }
        column.append(!record.event.attachments.is_empty());
    }
    Arc::new(column.finish())
}

fn append_attachment(values: &mut StructBuilder, attachment: &Attachment) {
    for (index, text) in
        [&attachment.sha256, &attachment.name, &attachment.media_type].into_iter().enumerate()
    {
        if let Some(builder) = values.field_builder::<StringBuilder>(index) {
            builder.append_value(text);
        }
    }
    if let Some(builder) = values.field_builder::<Int64Builder>(3) {
        // Event::check refuses longer files.
        builder.append_value(i64::try_from(attachment.bytes).unwrap_or(i64::MAX));
    }
    values.append(true);
}
