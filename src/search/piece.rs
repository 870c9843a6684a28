//! What terms a text with some words has: any of some, or several as a phrase.

use tantivy::schema::Field;

use super::term_pattern::TermPattern;
use crate::index::schema::schema;

/// What every text with the words has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// One of these terms of a field.
    AnyOf(Field, Vec<String>),
    /// A word with one of the terms that fit.
    Word(TermPattern),
    /// A word with these two letters, or a code, whose pairs are terms.
    PairOfWord(String),
}

impl Piece {
    pub(super) fn field(&self) -> Field {
        match self {
            Piece::AnyOf(field, _) => *field,
            Piece::Word(_) | Piece::PairOfWord(_) => schema().placed,
        }
    }
}

/// Terms in a row: what tantivy calls a phrase, but for a slot that may be any of many terms. Text needs no
/// quotes to be sought as one: characters of a script without spaces are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase(pub(super) Vec<Slot>);

/// A term, and its place from the beginning of the phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) place: u32,
    pub(super) piece: Piece,
}
