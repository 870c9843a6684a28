//! What a shop promises: how soon the first reply, each next one and the resolution are to come.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::FieldError;
use super::number::whole_number;

/// A year: what is promised for later is no promise of service.
const TARGET_SECONDS_MAX: u32 = 366 * 24 * 60 * 60;
const RULE: &str = "be an object of `first_reply_s`, `next_reply_s`, `resolution_s` and `clock`";

/// The targets of a shop, in seconds; each may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sla {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_reply_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_reply_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_s: Option<u32>,
    #[serde(default)]
    pub clock: SlaClock,
}

/// By which time a target counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlaClock {
    /// All of it.
    #[default]
    Calendar,
    /// Opening hours.
    Business,
}

impl Sla {
    /// Reads the policy that `field` has.
    ///
    /// # Errors
    /// The first part that is none of a policy, by its path; one that promises nothing.
    pub fn parse(field: &str, value: &Value) -> Result<Sla, FieldError> {
        let parts = value.as_object().ok_or_else(|| FieldError::new(field, value, RULE))?;
        let mut sla = Sla::default();
        for (name, value) in parts {
            let field = format!("{field}.{name}");
            match name.as_str() {
                "first_reply_s" => sla.first_reply_s = Some(seconds(&field, value)?),
                "next_reply_s" => sla.next_reply_s = Some(seconds(&field, value)?),
                "resolution_s" => sla.resolution_s = Some(seconds(&field, value)?),
                "clock" => sla.clock = clock(&field, value)?,
                _ => return Err(FieldError::new(field, value, RULE)),
            }
        }
        if sla.first_reply_s.or(sla.next_reply_s).or(sla.resolution_s).is_none() {
            let rule = "have a target: `first_reply_s`, `next_reply_s` or `resolution_s`";
            return Err(FieldError::new(field, value, rule));
        }
        Ok(sla)
    }
}

fn seconds(field: &str, value: &Value) -> Result<u32, FieldError> {
    whole_number(field, value, 1..=TARGET_SECONDS_MAX)
}

fn clock(field: &str, value: &Value) -> Result<SlaClock, FieldError> {
    match value.as_str() {
        Some("calendar") => Ok(SlaClock::Calendar),
        Some("business") => Ok(SlaClock::Business),
        _ => Err(FieldError::new(field, value, "be `calendar` or `business`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        let value = json!({"first_reply_s": 180, "next_reply_s": 600, "resolution_s": 86_400, "clock": "business"});
        let sla = Sla::parse("data.sla", &value).unwrap();
        assert_eq!((sla.first_reply_s, sla.clock), (Some(180), SlaClock::Business));
        assert_eq!(serde_json::to_value(sla).unwrap(), value);
        let part = Sla::parse("data.sla", &json!({"resolution_s": 60})).unwrap();
        assert_eq!(part, Sla { resolution_s: Some(60), ..Sla::default() });
        assert_eq!(part.clock, SlaClock::Calendar);
    }

    #[test]
    fn mistakes_are_named() {
        for (value, named) in [
            (json!(180), "data.sla `180` must be an object"),
            (json!({}), "have a target"),
            (json!({"clock": "business"}), "have a target"),
            (json!({"first_reply": 180}), "data.sla.first_reply `180`"),
            (
                json!({"first_reply_s": 0}),
                "data.sla.first_reply_s `0` must be a whole number from 1 to 31622400",
            ),
            (json!({"next_reply_s": "3m"}), "data.sla.next_reply_s"),
            (json!({"next_reply_s": null}), "data.sla.next_reply_s `null`"),
            (json!({"resolution_s": 1e9}), "data.sla.resolution_s"),
            (
                json!({"first_reply_s": 60, "clock": "lunar"}),
                "data.sla.clock `\"lunar\"` must be `calendar` or `business`",
            ),
        ] {
            let error = Sla::parse("data.sla", &value).unwrap_err().to_string();
            assert!(error.contains(named), "{value}: {error}");
        }
    }
}
