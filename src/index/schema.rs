//! The tantivy schema, made from the one table of fields, and the few fields added to it.
//!
//! - `id` is stored, to name a hit;
//! - `customer` and `agent` also hold the sender's id under the role it had, so that one term finds a
//!   person's conversations (`agent` also holds an assignee);
//! - `text_form` tells of a record with text whether its terms alone prove a match.
//!
//! Invariant: every column the table marks as indexed is in the schema under its own name. Values
//! are columns only, not terms: an offset is different in every record, and a term each would
//! double the dictionary. What no search filters by is stored and no term either: each term of a
//! record is looked up, written, and merged again and again.

use std::sync::LazyLock;

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing,
    TextOptions,
};

use super::tokenizer::TOKENIZER;
use crate::model::fields::{Indexed, columns};

/// `text_form` of a text whose fold and base are the same.
pub const TEXT_STABLE: u64 = 1;
/// `text_form` of any other text.
pub const TEXT_UNSTABLE: u64 = 2;

/// Columns that hits are found by and that are also shown with one.
const ALSO_SHOWN: &[&str] = &["sender_role", "kind"];
/// Columns that hits are grouped by.
const GROUPED: &[&str] = &["conversation"];

/// The schema with handles to its fields.
pub struct IndexSchema {
    pub schema: Schema,
    pub offset: Field,
    pub occurred_at: Field,
    pub shop: Field,
    pub conversation: Field,
    pub kind: Field,
    pub sender_id: Field,
    pub sender_role: Field,
    pub text: Field,
    pub order: Field,
    pub visibility: Field,
    pub category: Field,
    pub id: Field,
    pub customer: Field,
    pub agent: Field,
    pub text_form: Field,
}

/// The one schema.
pub fn schema() -> &'static IndexSchema {
    static SCHEMA: LazyLock<IndexSchema> = LazyLock::new(IndexSchema::new);
    &SCHEMA
}

impl IndexSchema {
    fn new() -> IndexSchema {
        let mut builder = Schema::builder();
        for column in columns() {
            match column.indexed {
                Indexed::No => continue,
                Indexed::Value => {
                    builder.add_i64_field(column.name, NumericOptions::default() | FAST)
                }
                Indexed::Shown => builder.add_text_field(column.name, STORED),
                Indexed::Exact => builder.add_text_field(column.name, exact(column.name)),
                Indexed::FullText => builder.add_text_field(column.name, full_text()),
            };
        }
        let id = builder.add_text_field("id", STORED);
        let agent = builder.add_text_field("agent", exact("agent"));
        let text_form = builder.add_u64_field("text_form", INDEXED | FAST);
        let schema = builder.build();
        let field = |name: &str| match schema.get_field(name) {
            Ok(field) => field,
            Err(_) => unreachable!("`{name}` is a column marked as indexed in model::fields"),
        };
        IndexSchema {
            offset: field("offset"),
            occurred_at: field("occurred_at"),
            shop: field("shop"),
            conversation: field("conversation"),
            kind: field("kind"),
            sender_id: field("sender_id"),
            sender_role: field("sender_role"),
            text: field("text"),
            order: field("order"),
            visibility: field("visibility"),
            category: field("category"),
            id,
            customer: field("customer"),
            agent,
            text_form,
            schema,
        }
    }
}

/// One term, as received; stored if shown, a column if grouped by.
fn exact(name: &str) -> TextOptions {
    let whole = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let mut options = TextOptions::default().set_indexing_options(whole);
    if ALSO_SHOWN.contains(&name) {
        options = options.set_stored();
    }
    if GROUPED.contains(&name) {
        options = options.set_fast("raw");
    }
    options
}

/// Stored as received, indexed by its tokens with positions. Hits are not scored, so there are no
/// field norms.
fn full_text() -> TextOptions {
    let by_tokens = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    TextOptions::default().set_indexing_options(by_tokens).set_stored()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indexed_column_is_in_the_schema() {
        let schema = schema();
        for column in columns() {
            let is_there = schema.schema.get_field(column.name).is_ok();
            assert_eq!(
                is_there,
                column.indexed != Indexed::No || column.name == "id",
                "{}",
                column.name
            );
        }
    }
}
