//! What is computed: a question, and how it failed, in a form that another process reads.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::postgres::Client;
use super::{SqlError, Value};
use crate::model::{ErrorKind, FieldError, Kinded, Offset, Schedules};

/// One question. Where its rows come from is told apart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) shop: String,
    pub(super) sql: String,
    pub(super) values: Vec<(String, Value)>,
    pub(super) kind: JobKind,
    /// Records at or above it are not seen.
    pub(super) complete_to: Offset,
    pub(super) schedules: Arc<Schedules>,
    /// Who asks over the Postgres wire, where it comes from there: in its words, then.
    pub(super) client: Option<Client>,
}

impl Job {
    /// A question of a shop's tables, at no moment yet.
    pub(super) fn new(shop: &str, sql: &str, values: Vec<(String, Value)>) -> Job {
        Job {
            shop: shop.to_string(),
            sql: sql.to_string(),
            values,
            kind: JobKind::Question,
            complete_to: Offset(0),
            schedules: Arc::default(),
            client: None,
        }
    }
}

/// What a question is, as far as it changes how it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum JobKind {
    /// What anybody may ask.
    Question,
    /// A table as it is, or a range of it: it has no limit of rows, and sorts them all.
    Export,
}

/// Why a question has no answer. Whoever computed it has logged what is for the log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: ErrorKind,
    shown: String,
    field: Option<FieldError>,
}

impl From<&SqlError> for Failure {
    fn from(error: &SqlError) -> Failure {
        Failure { kind: error.kind(), shown: error.to_string(), field: error.field().cloned() }
    }
}

impl From<Failure> for SqlError {
    fn from(failure: Failure) -> SqlError {
        let Failure { kind, shown, field } = failure;
        match field {
            Some(field) => SqlError::Input(field),
            None => SqlError::Query { kind, source: shown.clone().into(), shown },
        }
    }
}
