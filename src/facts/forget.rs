//! The facts forget: the texts of edits that were erased, and the ids of customers who were. Figures
//! stay as they are, and the rows are those that the fold makes of what is left of the records.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::error::ArrowError;

use super::ConversationState;
use crate::log::Forgotten;
use crate::model::{ConversationKey, Offset, Role};
use crate::table::Wanted;

/// Columns of all tables that may hold a customer's id, with the column that says whether they do.
const CUSTOMERS: &[(&str, Option<&str>)] = &[
    ("customer", None),
    ("sender_id", Some("sender_role")),
    ("resolved_by", Some("resolver_role")),
];

/// Columns of all tables that hold what was said in an event that may be erased: an edit's text, and of an automatic
/// tag's data which model gave it, beside its probability.
const CONTENT: &[&str] = &["text", "model"];

/// What leads to the rows of the conversations that are concerned.
pub(crate) fn wanted(forgotten: &Forgotten) -> Vec<Wanted> {
    let of = |key: &ConversationKey| {
        Wanted::Texts(vec![("shop", key.shop.clone()), ("conversation", key.id.clone())])
    };
    forgotten.conversations().map(|(key, _)| of(key)).collect()
}

/// The rows of any table of facts without what was erased; `None` where nothing of it was in them.
pub(crate) fn forgetting(
    batch: &RecordBatch,
    forgotten: &Forgotten,
) -> Result<Option<RecordBatch>, ArrowError> {
    let keys = keys_of(batch);
    let mut columns = batch.columns().to_vec();
    let mut has_changed = false;
    for (name, role) in CUSTOMERS {
        let Ok(place) = batch.schema_ref().index_of(name) else { continue };
        let roles = role.and_then(|role| texts(batch, role));
        let value = |row: usize, id: &str| {
            let is_customer = match (role, roles) {
                (None, _) => true,
                (Some(_), Some(roles)) => {
                    !roles.is_null(row) && roles.value(row) == Role::Customer.as_str()
                }
                (Some(_), None) => false,
            };
            is_customer.then(|| forgotten.instead_of(keys.get(row)?, id)).flatten().map(Some)
        };
        has_changed |= replace(&mut columns[place], value);
    }
    let offsets = batch.column_by_name("offset");
    let offsets = offsets.and_then(|column| column.as_primitive_opt::<Int64Type>());
    if let Some(offsets) = offsets {
        let is_erased = |row: usize| {
            let offset = Offset(offsets.value(row).cast_unsigned());
            keys.get(row).is_some_and(|key| forgotten.is_erased(key, offset))
        };
        for name in CONTENT {
            let Ok(place) = batch.schema_ref().index_of(name) else { continue };
            let value = |row: usize, _: &str| is_erased(row).then_some(None);
            has_changed |= replace(&mut columns[place], value);
        }
        if let Ok(place) = batch.schema_ref().index_of("probability") {
            has_changed |= clear_numbers(&mut columns[place], is_erased);
        }
    }
    let batch = has_changed.then(|| RecordBatch::try_new(batch.schema(), columns));
    batch.transpose()
}

impl ConversationState {
    /// The state without the ids that were erased; `None` where it has none of them.
    pub(crate) fn forgetting(
        &self,
        key: &ConversationKey,
        forgotten: &Forgotten,
    ) -> Option<ConversationState> {
        let customer = forgotten.instead_of(key, self.customer.as_deref()?)?;
        Some(ConversationState { customer: Some(customer), ..self.clone() })
    }
}

/// The conversation of each row.
fn keys_of(batch: &RecordBatch) -> Vec<ConversationKey> {
    let (Some(shops), Some(conversations)) = (texts(batch, "shop"), texts(batch, "conversation"))
    else {
        return Vec::new();
    };
    let key = |row| ConversationKey::new(shops.value(row), conversations.value(row));
    (0..batch.num_rows()).map(key).collect()
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    batch.column_by_name(name)?.as_string_opt::<i32>()
}

/// Gives each text for which `value` has another that one. Returns whether there was any.
fn replace(column: &mut ArrayRef, value: impl Fn(usize, &str) -> Option<Option<String>>) -> bool {
    let Some(texts) = column.as_string_opt::<i32>() else { return false };
    let new: Vec<Option<Option<String>>> = (0..texts.len())
        .map(|row| if texts.is_null(row) { None } else { value(row, texts.value(row)) })
        .collect();
    if new.iter().all(Option::is_none) {
        return false;
    }
    let all = new.iter().enumerate().map(|(row, new)| match new {
        Some(new) => new.as_deref(),
        None => (!texts.is_null(row)).then(|| texts.value(row)),
    });
    let replaced: StringArray = all.collect();
    *column = Arc::new(replaced);
    true
}

/// Makes the numbers of some rows NULL. Returns whether there was any.
fn clear_numbers(column: &mut ArrayRef, is_gone: impl Fn(usize) -> bool) -> bool {
    let Some(numbers) = column.as_primitive_opt::<Float64Type>() else { return false };
    let kept: Float64Array = (0..numbers.len())
        .map(|row| (numbers.is_valid(row) && !is_gone(row)).then(|| numbers.value(row)))
        .collect();
    let has_changed = kept.null_count() > numbers.null_count();
    if has_changed {
        *column = Arc::new(kept);
    }
    has_changed
}
