//! Lists in pages: oldest first, from what an earlier page gave as `next`.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::model::{FieldError, Offset};

/// What a page has where it is not said, and at most.
const LIMIT_USUAL: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct PageRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Offset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Which page of the erasures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct ErasuresRequest {
    /// Only what is not done.
    pub waiting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Offset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What the next page is asked for with, where there is one.
    pub next: Option<Offset>,
}

impl PageRequest {
    pub(super) fn limit(&self) -> Result<usize, FieldError> {
        let limit = self.limit.unwrap_or(LIMIT_USUAL);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(FieldError::new("limit", limit, format!("lie between 1 and {LIMIT_MAX}")));
        }
        Ok(limit)
    }

    pub(super) fn is_behind(&self, offset: Offset) -> bool {
        self.after.is_none_or(|after| offset > after)
    }
}

impl ErasuresRequest {
    pub fn of(PageRequest { after, limit }: PageRequest, waiting: bool) -> ErasuresRequest {
        ErasuresRequest { waiting, after, limit }
    }

    pub(super) fn page(&self) -> PageRequest {
        PageRequest { after: self.after, limit: self.limit }
    }
}

impl<T> Page<T> {
    /// The first `limit` of `items`, each of which stands at an offset.
    pub(super) fn of(
        items: impl IntoIterator<Item = T>,
        limit: usize,
        offset: impl Fn(&T) -> Offset,
    ) -> Page<T> {
        let mut items: Vec<T> = items.into_iter().take(limit + 1).collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(offset);
        Page { items, next }
    }
}
