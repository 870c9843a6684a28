//! What terms a text with some words has: any of some, or several in a row.

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
}

impl Piece {
    pub(super) fn field(&self) -> Field {
        match self {
            Piece::AnyOf(field, _) => *field,
            Piece::Word(_) => schema().placed,
        }
    }
}

/// Terms that follow each other at these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Slot>);

/// A term, and its place from the beginning of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) place: u32,
    pub(super) piece: Piece,
}
