//! Why a question has no answer.

use std::time::Duration;

use super::language::LanguageError;
use crate::index::IndexError;
use crate::model::{ErrorKind, FieldError, Kinded};

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Query(#[from] FieldError),
    #[error("{field} (at character {position})")]
    Words { field: FieldError, position: usize },
    #[error("there is nothing of a shop `{shop}`")]
    NoShop { shop: String },
    #[error(
        "{filter} `{value}` is in more than {max} conversations; add a narrower filter, such as an order or a customer"
    )]
    TooWide { filter: &'static str, value: String, max: usize },
    #[error(
        "the search took longer than {} s; look for a longer text, or within an order, a customer or a time", .0.as_secs()
    )]
    TooLong(Duration),
    #[error("{max} searches run already")]
    TooMany { max: usize },
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("the search ended early: {0}")]
    Task(tokio::task::JoinError),
}

impl Kinded for SearchError {
    fn kind(&self) -> ErrorKind {
        match self {
            SearchError::Query(_)
            | SearchError::Words { .. }
            | SearchError::TooWide { .. }
            | SearchError::TooLong(_) => ErrorKind::BadInput,
            SearchError::NoShop { .. } => ErrorKind::NotFound,
            SearchError::TooMany { .. } => ErrorKind::Retry,
            SearchError::Index(error) => error.kind(),
            SearchError::Task(_) => ErrorKind::Bug,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            SearchError::Query(field) | SearchError::Words { field, .. } => Some(field),
            _ => None,
        }
    }

    fn position(&self) -> Option<usize> {
        match self {
            SearchError::Words { position, .. } => Some(*position),
            _ => None,
        }
    }
}

impl SearchError {
    /// What is wrong with `words`, and from which character on, counted from 1.
    pub fn of_words(words: &str, error: &LanguageError) -> SearchError {
        SearchError::Words { field: error.field(), position: error.chars(words).start + 1 }
    }
}
