//! Positions, and the name of a conversation; what may be an id at all. Ranges are half-open.

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
use super::fields::ID_CHARS_MAX;

/// Dense position of a record in the log, from 0: the one total order.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
#[schema(format = "uint64")]
pub struct Offset(pub u64);

/// Dense position of a record in its conversation, from 1.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct Seq(pub u32);

/// A conversation of a shop. Written, a zero byte separates the two, since no id holds a control
/// character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    pub shop: String,
    pub id: String,
}

impl ConversationKey {
    pub fn new(shop: &str, id: &str) -> ConversationKey {
        ConversationKey { shop: shop.to_string(), id: id.to_string() }
    }

    /// `shop 0 id`
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.shop.as_str(), self.id.as_str()].join("\0").into_bytes()
    }

    /// What [`ConversationKey::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<ConversationKey> {
        let (shop, id) = std::str::from_utf8(bytes).ok()?.split_once('\0')?;
        Some(ConversationKey::new(shop, id))
    }
}

impl Offset {
    /// The position after this one.
    pub fn next(self) -> Offset {
        Offset(self.0 + 1)
    }

    /// As tables and the index hold it: Delta has no unsigned integers, and no log comes near 2^63
    /// records.
    pub fn signed(self) -> i64 {
        self.0.cast_signed()
    }

    /// How many offsets lie in `[earlier, self)`; 0 when `earlier` is not earlier.
    pub fn since(self, earlier: Offset) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Offset {
    type Output = Offset;

    fn add(self, count: u64) -> Offset {
        Offset(self.0 + count)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whether `text` is a SHA-256 in 64 lower-case hex digits.
pub fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `value` may be the id of something.
pub fn check_id(field: &str, value: &str) -> Result<(), FieldError> {
    if value.is_empty() {
        return Err(FieldError::new(field, value, "not be empty"));
    }
    if value.chars().count() > ID_CHARS_MAX {
        return Err(FieldError::new(field, value, format!("be at most {ID_CHARS_MAX} characters")));
    }
    if value.chars().any(|char| char.is_control()) {
        return Err(FieldError::new(field, value.escape_debug(), "have no control characters"));
    }
    Ok(())
}
