//! Where a query stands on the pages: a line `dashboard` of its header.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the line must be.
pub(super) const RULE: &str =
    "be `dashboard: PAGE POSITION`, a page of small letters, digits and `_`, and a whole number";

/// A place on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// `overview`, `waits`, `categories`, `agents`, `bot`, `sla`, or a page of the shop's own.
    pub page: String,
    /// Panels stand in the order of their positions, those of one position in the order of their names.
    pub position: u32,
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Place> {
        let (page, position) = text.trim().split_once(' ')?;
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let place = Place { page: page.to_string(), position: position.trim().parse().ok()? };
        (!page.is_empty() && page.bytes().all(is_word)).then_some(place)
    }
}
