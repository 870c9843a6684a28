//! What a bundle is asked for: which conversations, what of them is disclosed, for which case and why.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Redaction;
use super::json::{Json, Object, object};
use crate::model::{FieldError, Micros, RESERVED_PREFIX, instant_of};

/// Names in one request.
const NAMES_MAX: usize = 1_000;
/// Rules in one request.
const REDACTIONS_MAX: usize = 1_000;
/// Characters of a case, and of a reason.
const CASE_CHARS_MAX: usize = 128;
const REASON_CHARS_MAX: usize = 256;
/// Characters of the folder in the zip: what verifiers take.
const FOLDER_CHARS_MAX: usize = 64;

/// A request for a bundle, as it stands in JSON. Conversations, orders and customers add up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// What was said before is withheld; an instant, or a date in the shop's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What was said from then on is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<Redaction>,
    /// Whether the shop's notes to itself are disclosed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_private: bool,
    pub case: String,
    pub reason: String,
    /// A checkpoint that the other side holds: the bundle then shows that the log goes on from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `[from, to)` of what is disclosed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) from: Option<Micros>,
    pub(super) to: Option<Micros>,
}

impl EvidenceRequest {
    /// Refuses what cannot be asked.
    pub fn check(&self) -> Result<(), FieldError> {
        let names = self.conversations.len() + self.orders.len() + self.customers.len();
        if !(1..=NAMES_MAX).contains(&names) {
            let rule = format!("be 1 to {NAMES_MAX} conversations, orders and customers in sum");
            return Err(FieldError::new("conversations", names, rule));
        }
        // What is about the shop and not a chat has rights of its own.
        if let Some(name) = self.conversations.iter().find(|name| name.starts_with(RESERVED_PREFIX))
        {
            let rule = format!("not begin with `{RESERVED_PREFIX}`: such names are about the shop");
            return Err(FieldError::new("conversations", name, rule));
        }
        if self.redact.len() > REDACTIONS_MAX {
            let rule = format!("be at most {REDACTIONS_MAX} rules");
            return Err(FieldError::new("redact", self.redact.len(), rule));
        }
        check_words("case", &self.case, CASE_CHARS_MAX)?;
        check_words("reason", &self.reason, REASON_CHARS_MAX)
    }

    pub(super) fn range(&self, zone: Tz, now: Micros) -> Result<Range, FieldError> {
        let instant = |name: &str, bound: &Option<String>| {
            bound.as_deref().map(|bound| instant_of(name, bound, zone, now)).transpose()
        };
        Ok(Range { from: instant("from", &self.from)?, to: instant("to", &self.to)? })
    }

    /// How the bundle's folder is called: the case, in characters that every system takes.
    pub fn folder(&self) -> String {
        let plain = |char: char| {
            if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '-' }
        };
        let name: String = self.case.chars().map(plain).take(FOLDER_CHARS_MAX - 5).collect();
        match name.chars().next() {
            Some(first) if first.is_ascii_alphanumeric() => name,
            _ => format!("case-{name}"),
        }
    }

    /// As completeness states it: without the names of customers whom it hides.
    pub(super) fn asked(&self) -> Object {
        let texts =
            |list: &[String]| Json::List(list.iter().map(|name| name.as_str().into()).collect());
        let optional = |bound: &Option<String>| bound.as_deref().map_or(Json::Null, Json::from);
        let rules: Vec<String> = self.redact.iter().map(Redaction::stated).collect();
        let shown = |name: &String| {
            let is_hidden = self.redact.iter().any(|rule| rule.hides_customer(name));
            if is_hidden { "redacted".to_string() } else { name.clone() }
        };
        let customers: Vec<String> = self.customers.iter().map(shown).collect();
        object([
            ("conversations", texts(&self.conversations)),
            ("customers", texts(&customers)),
            ("from", optional(&self.from)),
            ("orders", texts(&self.orders)),
            ("redact", texts(&rules)),
            ("to", optional(&self.to)),
            ("with_private", Json::Bool(self.with_private)),
        ])
    }
}

/// Words that stand on one line of a file.
fn check_words(field: &str, words: &str, chars_max: usize) -> Result<(), FieldError> {
    let is_fine = !words.trim().is_empty()
        && words.chars().count() <= chars_max
        && !words.chars().any(char::is_control);
    if is_fine {
        return Ok(());
    }
    let rule = format!("have 1 to {chars_max} characters, none of them a control character");
    Err(FieldError::new(field, words, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_case(case: &str) -> EvidenceRequest {
        EvidenceRequest {
            orders: vec!["o".to_string()],
            case: case.to_string(),
            reason: "chargeback".to_string(),
            ..EvidenceRequest::default()
        }
    }

    /// A clerk could have the trail of who looked at what, which is for administrators alone, as
    /// evidence.
    #[test]
    fn what_is_about_the_shop_is_no_evidence() {
        let mut request = of_case("7");
        assert_eq!(request.check(), Ok(()));
        for name in ["@access", "@rules"] {
            request.conversations = vec!["c1".to_string(), name.to_string()];
            let error = request.check().unwrap_err();
            assert_eq!((error.field.as_str(), error.value.as_str()), ("conversations", name));
        }
    }

    #[test]
    fn a_folder_has_a_name_that_every_system_takes() {
        for (case, folder) in [
            ("2026-117", "2026-117"),
            ("案件 7/b", "case----7-b"),
            ("../etc", "case-..-etc"),
            (".hidden", "case-.hidden"),
            ("-rf", "case--rf"),
        ] {
            assert_eq!(of_case(case).folder(), folder);
        }
        assert!(of_case(&"é".repeat(128)).folder().len() <= FOLDER_CHARS_MAX);
    }

    #[test]
    fn a_request_says_what_and_why() {
        assert!(of_case("1").check().is_ok());
        let refused = |request: EvidenceRequest| request.check().unwrap_err().field;
        assert_eq!(refused(of_case(" ")), "case");
        assert_eq!(refused(of_case("a\nb")), "case");
        assert_eq!(
            refused(EvidenceRequest { orders: Vec::new(), ..of_case("1") }),
            "conversations"
        );
        assert_eq!(refused(EvidenceRequest { reason: String::new(), ..of_case("1") }), "reason");
    }
}
