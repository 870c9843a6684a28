//! The column `attachments`: for each record a list of structs, NULL when it has none, as the
//! client left the field out.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow::datatypes::{DataType, Field, Fields};

use crate::model::{Attachment, Record};

pub(super) fn data_type() -> DataType {
    DataType::List(Arc::new(element()))
}

pub(super) fn array(records: &mut dyn Iterator<Item = &Record>) -> ArrayRef {
    let values = StructBuilder::from_fields(parts(), 0);
    let mut lists = ListBuilder::new(values).with_field(element());
    for record in records {
        for attachment in &record.event.attachments {
            append(lists.values(), attachment);
        }
        lists.append(!record.event.attachments.is_empty());
    }
    Arc::new(lists.finish())
}

/// Delta calls a list's items `element`, and its readers expect them and their parts nullable.
fn element() -> Field {
    Field::new("element", DataType::Struct(parts()), true)
}

fn parts() -> Fields {
    Fields::from(vec![
        Field::new("sha256", DataType::Utf8, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("media_type", DataType::Utf8, true),
        Field::new("bytes", DataType::Int64, true),
    ])
}

/// Appends one struct, its values in the order of [`parts`].
fn append(values: &mut StructBuilder, attachment: &Attachment) {
    let Attachment { sha256, name, media_type, bytes } = attachment;
    for (index, text) in [sha256, name, media_type].into_iter().enumerate() {
        if let Some(builder) = values.field_builder::<StringBuilder>(index) {
            builder.append_value(text);
        }
    }
    if let Some(builder) = values.field_builder::<Int64Builder>(3) {
        // Event::check refuses longer files.
        builder.append_value(i64::try_from(*bytes).unwrap_or(i64::MAX));
    }
    values.append(true);
}
