//! What a record of kind `access` says: who looked at what of a shop's chat, from where, for which case,
//! and with what outcome. It stands as JSON in the event's `data`, in the conversation `@access`.
//!
//! Invariant: what [`AccessEntry::to_data`] writes fits into an event, however long the question was; a
//! question that is cut says how long it was, and its hash.
//! It does not decide what is recorded: whoever answers a question does.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

use super::fields::{DATA_BYTES_MAX, ID_CHARS_MAX};
use super::leaf::sha256;
use super::{FieldError, Micros};

/// Longest question that is kept whole, in bytes. Escaped it may be six times as long, which is more than
/// [`DATA_BYTES_MAX`]: it is then cut shorter.
const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Of a refused attempt, which anybody can make: enough to see what was tried.
const REFUSED_QUERY_BYTES_MAX: usize = 512;
/// Longest reason, in characters: × 4 bytes = 1 KiB.
const REASON_CHARS_MAX: usize = 256;

/// What was done.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AccessAction {
    Search,
    /// A transcript, or a page of an order, a customer or an agent; a subscription to a conversation.
    View,
    /// The same, made for paper: for the other side, or with the shop's notes.
    Print,
    /// The bytes of a file that was sent along.
    Attachment,
    /// All records of the shop, as a stream.
    Stream,
    Export,
    Sql,
    /// A named query of the shop's own, which may show rows of chat.
    Report,
    /// Evidence made for somebody outside: a bundle, a pack.
    Evidence,
    /// Conversations put on hold for a case.
    Hold,
    /// Holds of a case released.
    Release,
    Erase,
    /// The lists of what is held, and of what was asked to be erased.
    Keeping,
    /// This trail itself.
    Trail,
    /// Accesses that could not be recorded: `times` of them between `from` and `to`.
    Unrecorded,
}

/// Through which door.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Via {
    Page,
    Api,
    Socket,
    /// The Postgres wire.
    Postgres,
    /// The command line, over a data directory in its own hands.
    Command,
    /// verbatim itself.
    Service,
}

/// What became of it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AccessOutcome {
    #[default]
    Allowed,
    /// The token may not, or counts no longer.
    Refused,
    /// It began, and broke off after so many rows.
    BrokeOff,
}

/// For what somebody asks: as they said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Purpose {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One access. What it is about is named as far as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Access {
    pub action: AccessAction,
    pub via: Via,
    #[serde(default)]
    pub outcome: AccessOutcome,
    /// The words, the SQL, the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Id of one event of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(flatten)]
    pub purpose: Purpose,
    /// Rows, records, hits or bytes that were handed out, as its action counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What one record says: an access, or several of the same within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessEntry {
    /// Subject of the token.
    pub sub: String,
    pub roles: Vec<String>,
    #[serde(flatten)]
    pub access: Access,
    /// Of a question that is cut: its length, and the SHA-256 of all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_sha256: Option<String>,
    /// How often, where this sums up several: the first and the last of them were at `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Micros>,
}

impl AccessAction {
    /// The action as written in JSON.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Via {
    /// The door as written in JSON.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl AccessOutcome {
    /// The outcome as written in JSON.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Purpose {
    /// A purpose as somebody gives it; what is blank is not given.
    pub fn new(case: Option<String>, reason: Option<String>) -> Result<Purpose, FieldError> {
        let given = |text: Option<String>| {
            text.map(|text| text.trim().to_string()).filter(|text| !text.is_empty())
        };
        let (case, reason) = (given(case), given(reason));
        check("case", case.as_deref(), ID_CHARS_MAX)?;
        check("reason", reason.as_deref(), REASON_CHARS_MAX)?;
        Ok(Purpose { case, reason })
    }
}

fn check(field: &str, value: Option<&str>, chars_max: usize) -> Result<(), FieldError> {
    let Some(value) = value else { return Ok(()) };
    if value.chars().count() > chars_max {
        return Err(FieldError::new(field, value, format!("be at most {chars_max} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err(FieldError::new(field, value.escape_debug(), "have no control characters"));
    }
    Ok(())
}

impl Access {
    /// An access that was allowed, of which nothing more is known.
    pub fn new(action: AccessAction, via: Via, purpose: Purpose) -> Access {
        Access {
            action,
            via,
            outcome: AccessOutcome::Allowed,
            query: None,
            conversation: None,
            event: None,
            order: None,
            customer: None,
            agent: None,
            purpose,
            rows: None,
        }
    }
}

impl AccessEntry {
    /// The entry of one access by `sub`. What was asked is cut where it would not fit.
    pub fn new(sub: String, roles: Vec<String>, access: Access) -> AccessEntry {
        let mut entry = AccessEntry {
            sub,
            roles,
            access,
            query_bytes: None,
            query_sha256: None,
            times: None,
            from: None,
            to: None,
        };
        let access = &mut entry.access;
        for id in [
            &mut access.conversation,
            &mut access.event,
            &mut access.order,
            &mut access.customer,
            &mut access.agent,
        ] {
            *id = id.take().map(shown_id);
        }
        entry.sub = shown_id(entry.sub);
        entry.cut_query(match entry.access.outcome {
            AccessOutcome::Refused => REFUSED_QUERY_BYTES_MAX,
            AccessOutcome::Allowed | AccessOutcome::BrokeOff => QUERY_BYTES_MAX,
        });
        entry
    }

    /// It as JSON on one line, which fits into an event.
    pub fn to_data(&self) -> String {
        let (mut entry, mut bytes_max) = (self.clone(), QUERY_BYTES_MAX);
        loop {
            // From types whose serialization cannot fail.
            let json = serde_json::to_string(&entry).unwrap_or_default();
            // Kept byte for byte, so without raw control characters: serde_json leaves this one.
            let json = json.replace('\u{7f}', "\\u007f");
            // Ids are short: without a question the rest fits, 12 KiB at the very most.
            if json.len() <= DATA_BYTES_MAX || bytes_max == 0 {
                return json;
            }
            bytes_max /= 2;
            entry.cut_query(bytes_max);
        }
    }

    /// What [`AccessEntry::to_data`] wrote; `None` for anything else.
    pub fn from_data(data: &str) -> Option<AccessEntry> {
        serde_json::from_str(data).ok()
    }

    fn cut_query(&mut self, bytes_max: usize) {
        let Some(query) = self.access.query.as_mut().filter(|query| query.len() > bytes_max) else {
            return;
        };
        if self.query_bytes.is_none() {
            self.query_bytes = Some(query.len() as u64);
            self.query_sha256 = Some(hex::encode(sha256(query.as_bytes())));
        }
        query.truncate(query.floor_char_boundary(bytes_max));
    }
}

/// What the ids of records of accesses at `at` begin with: in the order of ids they stand in time.
pub fn access_id_at(at: Micros) -> String {
    format!("{:016x}", at.0.max(0))
}

/// An id as somebody asked for it, which may be anything: no longer than an id is, without control
/// characters.
fn shown_id(id: String) -> String {
    let is_plain = id.chars().count() <= ID_CHARS_MAX && !id.chars().any(char::is_control);
    if is_plain {
        return id;
    }
    let plain = id.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char });
    plain.take(ID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(query: &str) -> AccessEntry {
        let purpose = Purpose::new(Some("D-17".into()), Some("refund dispute".into())).unwrap();
        let access = Access {
            query: Some(query.to_string()),
            rows: Some(3),
            ..Access::new(AccessAction::Search, Via::Page, purpose)
        };
        AccessEntry::new("anna".to_string(), vec!["dispute".to_string()], access)
    }

    #[test]
    fn an_entry_comes_back_as_it_was_written() {
        let entry = entry("退款 \u{7f}\n");
        let data = entry.to_data();
        assert_eq!(AccessEntry::from_data(&data), Some(entry));
        assert!(!data.contains(|char: char| char.is_ascii_control()), "{data}");
        assert!(
            data.starts_with(
                r#"{"sub":"anna","roles":["dispute"],"action":"search","via":"page","outcome":"allowed","query":"退款"#
            ),
            "{data}"
        );
        assert_eq!(AccessEntry::from_data(r#"{"sub":"anna"}"#), None);
    }

    /// A statement of a megabyte must neither be lost nor make an event that no reader takes.
    #[test]
    fn a_question_that_is_too_long_is_cut_and_says_so() {
        for (query, kept_max) in [
            ("x".repeat(4_096), 4_096),
            ("x".repeat(4_097), 4_096),
            ("退".repeat(400_000), 4_096),
            ("\u{1}".repeat(1_000_000), 2_048),
            ("\u{7f}".repeat(1_000_000), 2_048),
        ] {
            let data = entry(&query).to_data();
            assert!(data.len() <= DATA_BYTES_MAX, "{} bytes", data.len());
            let read = AccessEntry::from_data(&data).unwrap();
            let kept = read.access.query.unwrap();
            assert!(
                query.starts_with(&kept) && kept.len() <= kept_max && kept.len() + 4 > kept_max
            );
            let said = (query.len() > 4_096).then_some(query.len() as u64);
            assert_eq!(read.query_bytes, said);
            let hash = said.map(|_| hex::encode(sha256(query.as_bytes())));
            assert_eq!(read.query_sha256, hash);
        }
    }

    #[test]
    fn of_a_refused_attempt_less_is_kept() {
        let access = Access {
            outcome: AccessOutcome::Refused,
            query: Some("退".repeat(1_000)),
            ..Access::new(AccessAction::Search, Via::Api, Purpose::default())
        };
        let entry = AccessEntry::new("carl".to_string(), Vec::new(), access);
        assert_eq!(entry.access.query, Some("退".repeat(170)));
        assert_eq!(entry.query_bytes, Some(3_000));
        assert_eq!(entry.query_sha256, Some(hex::encode(sha256("退".repeat(1_000).as_bytes()))));
    }

    #[test]
    fn whatever_is_asked_for_makes_an_entry_that_fits() {
        let long = "\u{1}\"😀".repeat(10_000);
        let id = Some(long.clone());
        let access = Access {
            query: id.clone(),
            conversation: id.clone(),
            event: id.clone(),
            order: id.clone(),
            customer: id.clone(),
            agent: id,
            ..Access::new(AccessAction::View, Via::Api, Purpose::default())
        };
        let data = AccessEntry::new(long, vec!["customer".to_string(); 7], access).to_data();
        assert!(data.len() <= DATA_BYTES_MAX, "{} bytes", data.len());
        assert!(AccessEntry::from_data(&data).is_some());
    }

    #[test]
    fn a_purpose_is_short_and_plain() {
        let purpose = |case: &str| Purpose::new(Some(case.to_string()), None);
        assert_eq!(purpose("  "), Ok(Purpose::default()));
        assert_eq!(purpose(" D-17 ").unwrap().case.as_deref(), Some("D-17"));
        assert_eq!(purpose(&"x".repeat(129)).unwrap_err().field, "case");
        assert_eq!(purpose("a\u{7}b").unwrap_err().field, "case");
        let reason = Purpose::new(None, Some("x".repeat(257))).unwrap_err();
        assert_eq!(reason.field, "reason");
    }
}
