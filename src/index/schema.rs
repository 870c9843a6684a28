//! The tantivy schema, made from the one table of fields, and the few fields added to it.
//!
//! - `text` has single characters, and the pairs of words with digits, without places; `placed` has words, symbols
//!   and pairs of characters of scripts without spaces, with places, so that a row of terms can prove a
//!   match ([`super::tokenizer`]);
//! - `known_as` has orders, customers and agents by id and name ([`super::known_as`]);
//! - `traits` tells, among others, of a text whether its terms alone prove a match;
//! - `shown` is stored: all that is shown with a hit beside its text ([`super::shown`]).
//!
//! Invariant: every column the table marks as a value, exact or full text is in the schema under its
//! own name. Values are columns only, not terms: an offset is different in every record, and a term
//! each would double the dictionary. What no search filters by is stored and no term either: each
//! term of a record is looked up, written, and merged again and again.

use std::sync::LazyLock;

use tantivy::Term;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing,
    TextOptions,
};

use super::tokenizer::{PLACED_TOKENIZER, TEXT_TOKENIZER};
use crate::model::Kind;
use crate::model::fields::{Indexed, columns};

/// The number that stands for fields, terms and what is stored as they are now: an index of another
/// number is made anew. To be raised with every change of either.
pub(super) const VERSION: u32 = 4;

/// What a record may be or have: terms of `traits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trait {
    Text = 1,
    /// A text whose fold and base differ.
    UnstableText = 2,
    Attachment = 3,
    Private = 4,
}

impl Trait {
    /// The term of `traits` that says it.
    pub fn term(self) -> Term {
        Term::from_field_u64(schema().traits, self as u64)
    }
}

/// The term of a kind.
pub fn kind_term(kind: Kind) -> Term {
    Term::from_field_text(schema().kind, kind.as_str())
}

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
    pub sender_role: Field,
    pub category: Field,
    pub text: Field,
    pub placed: Field,
    pub known_as: Field,
    pub traits: Field,
    pub shown: Field,
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
                Indexed::No | Indexed::Shown | Indexed::KnownAs => continue,
                Indexed::Value => {
                    builder.add_i64_field(column.name, NumericOptions::default() | FAST)
                }
                Indexed::Exact => builder.add_text_field(column.name, exact(column.name)),
                Indexed::FullText => builder.add_text_field(
                    column.name,
                    terms(TEXT_TOKENIZER, IndexRecordOption::Basic).set_stored(),
                ),
            };
        }
        let placed = terms(PLACED_TOKENIZER, IndexRecordOption::WithFreqsAndPositions);
        let placed = builder.add_text_field("placed", placed);
        let known_as = builder.add_text_field("known_as", exact("known_as"));
        let traits = builder.add_u64_field("traits", INDEXED);
        let shown = builder.add_bytes_field("shown", STORED);
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
            sender_role: field("sender_role"),
            category: field("category"),
            text: field("text"),
            placed,
            known_as,
            traits,
            shown,
            schema,
        }
    }
}

/// One term, as received; a column if grouped by.
fn exact(name: &str) -> TextOptions {
    let options = terms("raw", IndexRecordOption::Basic);
    if GROUPED.contains(&name) { options.set_fast("raw") } else { options }
}

/// Hits are not scored, so there are no field norms.
fn terms(tokenizer: &str, option: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(option)
        .set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indexed_column_is_in_the_schema() {
        let schema = schema();
        for column in columns() {
            let is_there = schema.schema.get_field(column.name).is_ok();
            let is_field =
                matches!(column.indexed, Indexed::Value | Indexed::Exact | Indexed::FullText);
            assert_eq!(is_there, is_field, "{}", column.name);
        }
    }
}
