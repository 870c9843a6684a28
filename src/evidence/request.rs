//! What a bundle is asked for: which conversations, what of them is disclosed, for which case and why.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Redaction;
use super::interchange::Form;
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
/// Bytes of a file's name: file systems take 255, with its end and what a program adds while it writes.
const FILE_NAME_BYTES_MAX: usize = 192;
/// Digits of a hash in it: of 1,000 cases that share all that can stand there, two share these with a chance of
/// 1 in 8,600.
const HASH_CHARS: usize = 8;

/// A request for a bundle, as it stands in JSON. Conversations, orders and customers add up.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
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
    #[schema(value_type = Vec<String>)]
    pub redact: Vec<Redaction>,
    /// Whether the shop's notes to itself are disclosed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_private: bool,
    pub case: String,
    pub reason: String,
    /// A checkpoint that the other side holds: the bundle then shows that the log goes on from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The form in which other programs read it, which is given out in place of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Form>,
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
        if names == 0 {
            let rule = "name a conversation, an order or a customer";
            return Err(FieldError::new("", "the request", rule));
        }
        if names > NAMES_MAX {
            let rule = format!("be at most {NAMES_MAX} conversations, orders and customers in sum");
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

    /// What is disclosed, which is not nothing.
    pub(super) fn range(&self, zone: Tz, now: Micros) -> Result<Range, FieldError> {
        let instant = |name: &str, bound: &Option<String>| {
            bound.as_deref().map(|bound| instant_of(name, bound, zone, now)).transpose()
        };
        let range = Range { from: instant("from", &self.from)?, to: instant("to", &self.to)? };
        match (range.from, range.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(FieldError::new("to", to, format!("be later than from `{from}`")))
            }
            _ => Ok(range),
        }
    }

    /// How the bundle's folder is called: the case, in characters that every system takes, as [`Self::file_name`].
    pub fn folder(&self) -> String {
        self.named(|char| char.is_ascii_alphanumeric(), FOLDER_CHARS_MAX)
    }

    /// How a file of it is called, without its end: the case, in letters of any script. Where it has other characters
    /// or is too long, what of it can stand there and the first digits of its hash, so that no two cases share a name.
    pub fn file_name(&self) -> String {
        self.named(char::is_alphanumeric, FILE_NAME_BYTES_MAX)
    }

    fn named(&self, is_letter: impl Fn(char) -> bool + Copy, bytes_max: usize) -> String {
        let is_plain = |char: char| is_letter(char) || "._-".contains(char);
        let begins_well = self.case.starts_with(is_letter);
        if begins_well && self.case.len() <= bytes_max && self.case.chars().all(is_plain) {
            return self.case.clone();
        }
        let hash = hex::encode(Sha256::digest(&self.case));
        let words = self
            .case
            .split(|char: char| !is_plain(char))
            .map(|word| word.trim_matches(['.', '_', '-']));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name = words.join("-");
        let kept = name.floor_char_boundary(bytes_max - HASH_CHARS - 1);
        let name = if name.is_empty() { "case" } else { &name[..kept] };
        format!("{name}-{}", &hash[..HASH_CHARS])
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
        for plain in ["2026-117", "C_7.b", &"x".repeat(FOLDER_CHARS_MAX)] {
            assert_eq!(of_case(plain).folder(), plain);
        }
        for (case, name) in [
            ("案件/七", "case-"),
            ("案件 7/b", "7-b-"),
            ("../etc", "etc-"),
            (".hidden", "hidden-"),
            ("-rf", "rf-"),
            ("案-.-件", "case-"),
        ] {
            let folder = of_case(case).folder();
            let hash = folder.strip_prefix(name).unwrap_or_else(|| panic!("{folder} for {case}"));
            let is_hash = hash.chars().all(|char| char.is_ascii_hexdigit());
            assert!(hash.len() == HASH_CHARS && is_hash, "{folder} for {case}");
        }
        for long in ["é".repeat(128), "x".repeat(128)] {
            assert!(of_case(&long).folder().len() <= FOLDER_CHARS_MAX);
        }
    }

    /// `案件-117` was `117-618fc2fc.zip`, in which nobody saw their case.
    #[test]
    fn a_file_is_called_as_its_case_in_any_script() {
        for plain in ["案件-117", "дело_7", "C-7", "شكوى7", &"案".repeat(64)] {
            assert_eq!(of_case(plain).file_name(), plain);
        }
        for (case, name) in [
            ("案件/七", "案件-七-"),
            ("../案件", "案件-"),
            (".案件", "案件-"),
            ("-案件", "案件-"),
            ("案\u{202e}件", "案-件-"),
            ("/", "case-"),
        ] {
            let file = of_case(case).file_name();
            assert_eq!(file.len(), name.len() + HASH_CHARS, "{file} for {case}");
            assert!(file.starts_with(name), "{file} for {case}");
        }
        for long in ["案".repeat(128), "x".repeat(193), "a".to_string() + &"é".repeat(127)] {
            assert!(of_case(&long).file_name().len() <= FILE_NAME_BYTES_MAX, "{long}");
        }
    }

    /// All Chinese cases of one length had one name, so that the second one's download overwrote the first's.
    #[test]
    fn cases_of_other_scripts_have_names_of_their_own() {
        let cases = ["案件/七", "案件/八", "案件-七", "案件七", "é", "è", "7 b", "7-b", "7/b"];
        let folders: std::collections::BTreeSet<String> =
            cases.iter().map(|case| of_case(case).folder()).collect();
        assert_eq!(folders.len(), cases.len(), "{folders:?}");
    }

    #[test]
    fn a_request_says_what_and_why() {
        assert!(of_case("1").check().is_ok());
        let refused = |request: EvidenceRequest| request.check().unwrap_err().field;
        assert_eq!(refused(of_case(" ")), "case");
        assert_eq!(refused(of_case("a\nb")), "case");
        let of_nothing = EvidenceRequest { orders: Vec::new(), ..of_case("1") };
        let error = of_nothing.check().unwrap_err().to_string();
        assert!(error.ends_with("name a conversation, an order or a customer"), "{error}");
        assert_eq!(refused(EvidenceRequest { reason: String::new(), ..of_case("1") }), "reason");
    }

    /// Such a range withheld everything, and made a bundle of it.
    #[test]
    fn a_range_ends_after_it_begins() {
        let range = |from: &str, to: &str| {
            let bounds = [from, to].map(|bound| Some(bound.to_string()));
            let [from, to] = bounds;
            let request = EvidenceRequest { from, to, ..of_case("1") };
            request.range(Tz::UTC, Micros(0)).map(|_| ()).map_err(|error| error.field)
        };
        assert_eq!(range("2026-11-26", "2026-11-27"), Ok(()));
        assert_eq!(range("2026-11-26", "2026-11-26"), Err("to".to_string()));
        assert_eq!(range("2026-11-26", "2026-11-25T23:59:59Z"), Err("to".to_string()));
    }
}
