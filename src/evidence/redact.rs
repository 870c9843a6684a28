//! What an export leaves out on purpose.
//!
//! Parts are committed to as wholes: a text is shown or hidden whole, and a name is hidden with the id
//! and the role beside it. `sender@role:customer` hides who every customer is; `body@message:m-17` hides
//! one text in which somebody wrote a phone number. A rule that hides who a customer is hides the `meta`
//! that names them, too: of the line that opened a conversation with them, or let them in.
//!
//! Invariant: a rule that is about nothing, or that may be about another message than was meant, makes no
//! bundle: whoever sends it believes that the text is hidden.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{FieldError, Record, Role};

/// Parts of a record, in the order of its leaf.
pub(super) const PARTS: [&str; 3] = [SENDER, "body", META];
const SENDER: &str = "sender";
pub(super) const META: &str = "meta";

/// `PART[,PART…]`, everywhere, or `@role:ROLE`, `@sender:ID`, `@message:ID`, `@message:CONVERSATION/ID`
/// behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Redaction {
    text: String,
    parts: Vec<&'static str>,
    scope: Scope,
}

/// Of which records.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Role(Role),
    Sender(String),
    /// By its id, or CONVERSATION/ID.
    Message(String),
}

/// What the rules of one bundle turned out to be about.
pub(super) struct Applied<'a> {
    rules: &'a [Redaction],
    /// Of each rule, the conversation in which it was first about a record.
    first: Vec<Option<String>>,
}

/// How much of a bundle its rules hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    pub parts: u64,
    pub records: u64,
}

impl Redaction {
    /// Reads a rule.
    pub fn parse(text: &str) -> Result<Redaction, FieldError> {
        let rule = "be sender, body or meta (or some of them, with commas), alone or followed by @role:ROLE, @sender:ID, @message:ID or @message:CONVERSATION/ID";
        let wrong = || FieldError::new("redact", text, rule);
        let (parts, scope) = match text.split_once('@') {
            None => (text, Scope::All),
            Some((parts, scope)) => (parts, Scope::parse(scope).ok_or_else(wrong)?),
        };
        let part = |name: &str| PARTS.into_iter().find(|part| *part == name);
        let parts: Option<Vec<&'static str>> = parts.split(',').map(part).collect();
        Ok(Redaction { text: text.to_string(), parts: parts.ok_or_else(wrong)?, scope })
    }

    /// Whether it hides a part of this record.
    pub(super) fn hides(&self, record: &Record, part: &str) -> bool {
        let event = &record.event;
        if part == META && event.customer.as_ref().is_some_and(|name| self.hides_customer(name)) {
            return true;
        }
        let is_meant = match &self.scope {
            Scope::All => true,
            Scope::Role(role) => event.sender.role == *role,
            Scope::Sender(id) => event.sender.id == *id,
            // With its id go the edits of it, which say it again.
            Scope::Message(named) => [Some(&event.id), event.target.as_ref()]
                .into_iter()
                .flatten()
                .any(|id| is_named(named, &event.conversation, id)),
        };
        is_meant && self.parts.contains(&part)
    }

    /// Whether it hides who this customer is.
    pub(super) fn hides_customer(&self, name: &str) -> bool {
        let is_meant = match &self.scope {
            Scope::All | Scope::Role(Role::Customer) => true,
            Scope::Sender(id) => id == name,
            Scope::Role(_) | Scope::Message(_) => false,
        };
        is_meant && self.parts.contains(&SENDER)
    }

    /// The rule as a bundle states it, without the name that it hides.
    pub(super) fn stated(&self) -> String {
        match &self.scope {
            Scope::Sender(_) => format!("{}@sender", self.parts.join(",")),
            _ => self.text.clone(),
        }
    }
}

impl<'a> Applied<'a> {
    pub(super) fn new(rules: &'a [Redaction]) -> Applied<'a> {
        Applied { rules, first: vec![None; rules.len()] }
    }

    /// Sees one more record.
    ///
    /// # Errors
    /// Where a rule is about messages of two conversations.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), FieldError> {
        let conversation = &record.event.conversation;
        for (rule, first) in self.rules.iter().zip(&mut self.first) {
            if !PARTS.iter().any(|part| rule.hides(record, part)) {
                continue;
            }
            let first = first.get_or_insert_with(|| conversation.clone());
            if matches!(rule.scope, Scope::Message(_)) && first != conversation {
                let why = format!(
                    "name one message, and `{first}` and `{conversation}` both have one of this id: write CONVERSATION/ID"
                );
                return Err(FieldError::new("redact", &rule.text, why));
            }
        }
        Ok(())
    }

    /// Refuses a rule that was about no record.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        let unused = self.rules.iter().zip(&self.first).find(|(_, first)| first.is_none());
        match unused {
            Some((rule, _)) => {
                let why = "hide something, and no record of the bundle is meant by it";
                Err(FieldError::new("redact", &rule.text, why))
            }
            None => Ok(()),
        }
    }
}

impl Redacted {
    /// Counts the parts of one more record that the rules hide.
    pub(super) fn add(&mut self, parts: usize) {
        self.parts += parts as u64;
        self.records += u64::from(parts > 0);
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Redacted { parts, records } = self;
        let unit = |count: u64| if count == 1 { "" } else { "s" };
        write!(formatter, "{parts} part{} of {records} record{}", unit(*parts), unit(*records))
    }
}

/// Whether `named` is the id of an event of this conversation, or CONVERSATION/ID.
fn is_named(named: &str, conversation: &str, id: &str) -> bool {
    let in_full = named.strip_prefix(conversation).and_then(|rest| rest.strip_prefix('/'));
    named == id || in_full == Some(id)
}

impl Scope {
    fn parse(text: &str) -> Option<Scope> {
        let (what, which) = text.split_once(':')?;
        match what {
            "role" => which.parse().ok().map(Scope::Role),
            "sender" if !which.is_empty() => Some(Scope::Sender(which.to_string())),
            "message" if !which.is_empty() => Some(Scope::Message(which.to_string())),
            _ => None,
        }
    }
}

impl TryFrom<String> for Redaction {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Redaction, FieldError> {
        Redaction::parse(&text)
    }
}

impl From<Redaction> for String {
    fn from(redaction: Redaction) -> String {
        redaction.text
    }
}

impl std::str::FromStr for Redaction {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Redaction, FieldError> {
        Redaction::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    #[test]
    fn a_rule_hides_parts_of_those_it_names() {
        let said = record(
            0,
            r#"{"id":"m1","conversation":"c","kind":"message","sender":{"id":"ann","role":"customer"},"text":"x"}"#,
        );
        let edit = record(
            1,
            r#"{"id":"m2","conversation":"c","kind":"edit","target":"m1","sender":{"id":"ann","role":"customer"},"text":"y"}"#,
        );
        let hides = |rule: &str, part| {
            let rule = Redaction::parse(rule).unwrap();
            (rule.hides(&said, part), rule.hides(&edit, part))
        };
        assert_eq!(hides("sender", "sender"), (true, true));
        assert_eq!(hides("sender", "body"), (false, false));
        assert_eq!(hides("sender,body@role:customer", "body"), (true, true));
        assert_eq!(hides("body@role:human", "body"), (false, false));
        assert_eq!(hides("meta@sender:ann", "meta"), (true, true));
        assert_eq!(hides("body@message:m1", "body"), (true, true));
        assert_eq!(hides("body@message:m2", "body"), (false, true));
        assert_eq!(hides("body@message:c/m1", "body"), (true, true));
        assert_eq!(hides("body@message:d/m1", "body"), (false, false));
    }

    /// The id of the customer stood in `meta` of the line that opened the conversation with them.
    #[test]
    fn whoever_is_hidden_is_named_nowhere() {
        let opened = record(
            0,
            r#"{"id":"o","conversation":"c","kind":"open","customer":"ann","sender":{"id":"desk","role":"human"}}"#,
        );
        let hides = |rule: &str| Redaction::parse(rule).unwrap().hides(&opened, "meta");
        for rule in ["sender", "sender@role:customer", "sender,body@sender:ann"] {
            assert!(hides(rule), "{rule}");
        }
        for rule in ["body", "sender@role:human", "sender@sender:bob", "sender@message:x"] {
            assert!(!hides(rule), "{rule}");
        }
        let stated = |rule: &str| Redaction::parse(rule).unwrap().stated();
        assert_eq!(stated("sender,body@sender:ann"), "sender,body@sender");
        assert_eq!(stated("body@message:m1"), "body@message:m1");
    }

    /// One with a typing error hid nothing and said nothing; one that was about a message hid another of the
    /// same id, too.
    #[test]
    fn a_rule_is_about_something_and_about_one_message() {
        let in_conversation = |name: &str| {
            let event = r#"{"id":"m1","conversation":"c","kind":"message","sender":{"id":"ann","role":"customer"},"text":"x"}"#;
            record(0, event.replace("\"c\"", &format!("\"{name}\"")))
        };
        let records = [in_conversation("c"), in_conversation("d/e")];
        let applied = |rule: &str| {
            let rules = [Redaction::parse(rule).unwrap()];
            let mut applied = Applied::new(&rules);
            let added = records.iter().try_for_each(|record| applied.add(record));
            added.and_then(|()| applied.check()).map_err(|error| error.to_string())
        };
        for good in ["body", "sender@role:customer", "body@message:c/m1", "body@message:d/e/m1"] {
            assert_eq!(applied(good), Ok(()), "{good}");
        }
        for nothing in ["body@message:nosuch", "body@message:c/m2", "body@role:bot"] {
            let error = applied(nothing).unwrap_err();
            assert!(error.contains(nothing) && error.contains("no record"), "{error}");
        }
        let error = applied("body@message:m1").unwrap_err();
        assert!(error.contains("write CONVERSATION/ID") && error.contains("`d/e`"), "{error}");
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_it_should_be() {
        for wrong in
            ["", "name", "body,", "body@", "body@role:boss", "body@message:", "@role:bot", "Body"]
        {
            let error = Redaction::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("sender, body or meta"), "{error}");
        }
    }
}
