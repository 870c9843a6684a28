//! A record from a row of `events`: the other way of [`super::columns`], which makes rows of
//! records.

use std::collections::HashSet;
use std::str::FromStr;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use serde_json::value::RawValue;

use super::ArchiveError;
use crate::model::{
    Attachment, By, Commitments, Erased, Event, Kind, LeafHash, Micros, Offset, Record, Salt,
    Sender, Seq,
};

/// The records of a batch of stored rows, in their order.
///
/// # Errors
/// [`ArchiveError::Row`] names the column whose value no record has.
pub fn records_of(batch: &RecordBatch) -> Result<Vec<Record>, ArchiveError> {
    let rows = Rows { batch };
    (0..batch.num_rows()).map(|row| rows.record(row)).collect()
}

/// Offset, leaf and salt of each row.
pub(super) fn receipts_of(
    batch: &RecordBatch,
) -> Result<Vec<(Offset, LeafHash, Option<Salt>)>, ArchiveError> {
    let rows = Rows { batch };
    (0..batch.num_rows()).map(|row| rows.receipt(row)).collect()
}

/// Offsets of the rows that name any of these attachments.
pub(super) fn offsets_naming(
    batch: &RecordBatch,
    names: &HashSet<String>,
) -> Result<Vec<Offset>, ArchiveError> {
    let rows = Rows { batch };
    let mut offsets = Vec::new();
    for row in 0..batch.num_rows() {
        if rows.attachments(row)?.iter().any(|file| names.contains(&file.sha256)) {
            offsets.push(Offset(rows.number("offset", row)?.cast_unsigned()));
        }
    }
    Ok(offsets)
}

/// Conversation and offset of each row of a shop.
pub(super) fn conversations_of(
    batch: &RecordBatch,
    shop: &str,
) -> Result<Vec<(String, Offset)>, ArchiveError> {
    let rows = Rows { batch };
    let mut found = Vec::new();
    for row in 0..batch.num_rows() {
        if rows.text("shop", row)? == shop {
            let offset = Offset(rows.number("offset", row)?.cast_unsigned());
            found.push((rows.text("conversation", row)?.to_string(), offset));
        }
    }
    Ok(found)
}

/// Offsets of the rows that a shop's administration said.
pub(super) fn asides_of(batch: &RecordBatch) -> Result<Vec<Offset>, ArchiveError> {
    let rows = Rows { batch };
    let mut offsets = Vec::new();
    for row in 0..batch.num_rows() {
        let offset = Offset(rows.number("offset", row)?.cast_unsigned());
        let automatic = rows.flag("automatic", row)?;
        if rows.label::<Kind>("kind", row, offset)?.is_aside(automatic) {
            offsets.push(offset);
        }
    }
    Ok(offsets)
}

struct Rows<'a> {
    batch: &'a RecordBatch,
}

impl Rows<'_> {
    fn record(&self, row: usize) -> Result<Record, ArchiveError> {
        let (offset, leaf, salt) = self.receipt(row)?;
        let seq = u32::try_from(self.number("seq", row)?).map_err(|error| ArchiveError::Row {
            offset,
            column: "seq",
            detail: error.to_string(),
        })?;
        Ok(Record {
            offset,
            seq: Seq(seq),
            received_at: self.time("received_at", row)?,
            origin: self.label("origin", row, offset)?,
            shop: self.text("shop", row)?.to_string(),
            by: self.by(row, offset)?,
            leaf,
            salt,
            erased: self.erased(row, offset)?,
            event: self.event(row, offset)?,
        })
    }

    fn receipt(&self, row: usize) -> Result<(Offset, LeafHash, Option<Salt>), ArchiveError> {
        let offset = Offset(self.number("offset", row)?.cast_unsigned());
        let wrong = |column, detail: String| ArchiveError::Row { offset, column, detail };
        let leaf = self.text("leaf", row)?;
        let mut leaf_bytes = [0; 32];
        hex::decode_to_slice(leaf, &mut leaf_bytes)
            .map_err(|error| wrong("leaf", error.to_string()))?;
        let salt = match self.bytes("salt", row)? {
            None => None,
            Some(bytes) => {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| wrong("salt", format!("{} bytes, want 16", bytes.len())))?;
                Some(Salt(bytes))
            }
        };
        Ok((offset, LeafHash(leaf_bytes), salt))
    }

    fn erased(&self, row: usize, offset: Offset) -> Result<Option<Box<Erased>>, ArchiveError> {
        // Files of before have none of these columns.
        if self.batch.column_by_name("commitments").is_none() {
            return Ok(None);
        }
        let Some(bytes) = self.bytes("commitments", row)? else { return Ok(None) };
        let (parts, rest) = bytes.as_chunks();
        let commitments = <[[u8; 32]; 3]>::try_from(parts).ok().filter(|_| rest.is_empty());
        let commitments = commitments.ok_or_else(|| ArchiveError::Row {
            offset,
            column: "commitments",
            detail: format!("{} bytes, want 96", bytes.len()),
        })?;
        let (at, ground) = (self.time("erased_at", row)?, self.maybe_text("erased_ground", row)?);
        let ground = ground.unwrap_or_default();
        Ok(Some(Box::new(Erased { at, ground, commitments: Commitments(commitments) })))
    }

    fn by(&self, row: usize, offset: Offset) -> Result<Option<By>, ArchiveError> {
        match self.maybe_text("by_sub", row)? {
            None => Ok(None),
            Some(sub) => Ok(Some(By { role: self.label("by_role", row, offset)?, sub })),
        }
    }

    fn event(&self, row: usize, offset: Offset) -> Result<Event, ArchiveError> {
        let wrong = |column, detail: String| ArchiveError::Row { offset, column, detail };
        let data = self.maybe_text("data", row)?;
        let data = data
            .map(RawValue::from_string)
            .transpose()
            .map_err(|error| wrong("data", error.to_string()))?;
        let rating = self.maybe_small("rating", row)?;
        let rating = rating
            .map(u8::try_from)
            .transpose()
            .map_err(|error| wrong("rating", error.to_string()))?;
        Ok(Event {
            id: self.text("id", row)?.to_string(),
            conversation: self.text("conversation", row)?.to_string(),
            kind: self.label("kind", row, offset)?,
            sender: Sender {
                id: self.text("sender_id", row)?.to_string(),
                role: self.label("sender_role", row, offset)?,
                name: self.maybe_text("sender_name", row)?,
            },
            customer: self.maybe_text("customer", row)?,
            sent_at: self.maybe_text("sent_at", row)?,
            text: self.maybe_text("text", row)?,
            attachments: self.attachments(row)?,
            reply_to: self.maybe_text("reply_to", row)?,
            target: self.maybe_text("target", row)?,
            order: self.maybe_text("order", row)?,
            channel: self.maybe_text("channel", row)?,
            language: self.maybe_text("language", row)?,
            visibility: self.label("visibility", row, offset)?,
            automatic: self.flag("automatic", row)?,
            assignee: self.maybe_text("assignee", row)?,
            category: self.maybe_text("category", row)?,
            rating,
            data,
        })
    }

    fn attachments(&self, row: usize) -> Result<Vec<Attachment>, ArchiveError> {
        let lists = self.typed("attachments", |array| array.as_list_opt::<i32>())?;
        if lists.is_null(row) {
            return Ok(Vec::new());
        }
        let files = lists.value(row);
        let none = || ArchiveError::Column { column: "attachments" };
        let files = files.as_struct_opt().ok_or_else(none)?;
        let text = |name: &str| {
            files
                .column_by_name(name)
                .and_then(|array| array.as_string_opt::<i32>())
                .ok_or_else(none)
        };
        let (sha256, name, media_type) = (text("sha256")?, text("name")?, text("media_type")?);
        let bytes = files.column_by_name("bytes");
        let bytes =
            bytes.and_then(|array| array.as_primitive_opt::<Int64Type>()).ok_or_else(none)?;
        let file = |index| Attachment {
            sha256: sha256.value(index).to_string(),
            name: name.value(index).to_string(),
            media_type: media_type.value(index).to_string(),
            bytes: bytes.value(index).cast_unsigned(),
        };
        Ok((0..files.len()).map(file).collect())
    }

    fn label<L: FromStr>(
        &self,
        column: &'static str,
        row: usize,
        offset: Offset,
    ) -> Result<L, ArchiveError> {
        let label = self.text(column, row)?;
        label.parse().map_err(|_| ArchiveError::Row {
            offset,
            column,
            detail: format!("`{label}` is not known"),
        })
    }

    fn text(&self, column: &'static str, row: usize) -> Result<&str, ArchiveError> {
        Ok(self.typed(column, |array| array.as_string_opt::<i32>())?.value(row))
    }

    fn maybe_text(&self, column: &'static str, row: usize) -> Result<Option<String>, ArchiveError> {
        let texts = self.typed(column, |array| array.as_string_opt::<i32>())?;
        Ok((!texts.is_null(row)).then(|| texts.value(row).to_string()))
    }

    fn bytes(&self, column: &'static str, row: usize) -> Result<Option<&[u8]>, ArchiveError> {
        let values = self.typed(column, |array| array.as_binary_opt::<i32>())?;
        Ok((!values.is_null(row)).then(|| values.value(row)))
    }

    fn number(&self, column: &'static str, row: usize) -> Result<i64, ArchiveError> {
        Ok(self.typed(column, |array| array.as_primitive_opt::<Int64Type>())?.value(row))
    }

    fn maybe_small(&self, column: &'static str, row: usize) -> Result<Option<i32>, ArchiveError> {
        let values = self.typed(column, |array| array.as_primitive_opt::<Int32Type>())?;
        Ok((!values.is_null(row)).then(|| values.value(row)))
    }

    fn time(&self, column: &'static str, row: usize) -> Result<Micros, ArchiveError> {
        let times =
            self.typed(column, |array| array.as_primitive_opt::<TimestampMicrosecondType>())?;
        Ok(Micros(times.value(row)))
    }

    fn flag(&self, column: &'static str, row: usize) -> Result<bool, ArchiveError> {
        Ok(self.typed(column, |array| array.as_boolean_opt())?.value(row))
    }

    /// A column of the batch, as the type its values have.
    fn typed<'a, A>(
        &'a self,
        column: &'static str,
        downcast: impl FnOnce(&'a ArrayRef) -> Option<A>,
    ) -> Result<A, ArchiveError> {
        let array = self.batch.column_by_name(column);
        array.and_then(downcast).ok_or(ArchiveError::Column { column })
    }
}
