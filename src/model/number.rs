//! Numbers as rules have them.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::FieldError;

/// The whole number that `field` has, within `range`.
pub(super) fn whole_number(
    field: &str,
    value: &Value,
    range: RangeInclusive<u32>,
) -> Result<u32, FieldError> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let rule = format!("be a whole number from {} to {}", range.start(), range.end());
        FieldError::new(field, value, rule)
    })
}
