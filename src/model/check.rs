//! The rules that an event must keep: those that its own words can break. It is refused or kept as it is,
//! never repaired.

use serde_json::value::RawValue;

use super::fields::{
    ATTACHMENT_BYTES_SAID_MAX, ATTACHMENTS_MAX, DATA_BYTES_MAX, FIELDS, Kinds, RATING_MAX,
    TEXT_BYTES_MAX,
};
use super::ids::{check_id, is_sha256_hex};
use super::keeping;
use super::labels::RESERVED_PREFIX;
use super::{Event, FieldError, Kind, RulesChange, parse_time};

impl Event {
    /// Checks every rule that the event's own words can break.
    pub fn check(&self) -> Result<(), FieldError> {
        check_id("id", &self.id)?;
        check_id("conversation", &self.conversation)?;
        check_id("sender.id", &self.sender.id)?;
        check_optional_id("sender.name", self.sender.name.as_deref())?;
        self.check_sent_at()?;
        self.check_text()?;
        self.check_attachments()?;
        for (field, value) in [
            ("customer", &self.customer),
            ("reply_to", &self.reply_to),
            ("target", &self.target),
            ("order", &self.order),
            ("channel", &self.channel),
            ("language", &self.language),
            ("assignee", &self.assignee),
            ("category", &self.category),
        ] {
            check_optional_id(field, value.as_deref())?;
        }
        if let Some(rating) = self.rating
            && !(1..=RATING_MAX).contains(&rating)
        {
            return Err(FieldError::new(
                "rating",
                rating,
                format!("lie between 1 and {RATING_MAX}"),
            ));
        }
        self.check_data()?;
        self.check_kind()?;
        self.check_fields_of_kind()?;
        self.check_reserved()?;
        keeping::check(self)?;
        self.check_rules()
    }

    fn check_data(&self) -> Result<(), FieldError> {
        let Some(data) = self.data.as_deref().map(RawValue::get) else { return Ok(()) };
        if data.len() > DATA_BYTES_MAX {
            let (length, rule) = (data.len(), format!("be at most {DATA_BYTES_MAX} bytes of JSON"));
            return Err(FieldError::new("data", format!("{length} bytes"), rule));
        }
        // Between tokens JSON allows line breaks; kept as they are, one would cut the line of every
        // stream this record is written to.
        if data.contains(|char: char| char.is_ascii_control()) {
            let rule = "be written without raw control characters, line breaks included";
            return Err(FieldError::new("data", data.escape_debug(), rule));
        }
        Ok(())
    }

    /// Rules that nobody could apply must not become a version of a shop's rules.
    fn check_rules(&self) -> Result<(), FieldError> {
        match self.data.as_deref().filter(|_| self.kind == Kind::Rules) {
            Some(data) => RulesChange::parse(data.get()).map(|_| ()),
            None => Ok(()),
        }
    }

    fn check_sent_at(&self) -> Result<(), FieldError> {
        if let Some(text) = &self.sent_at
            && parse_time(text).is_none()
        {
            let rule = "be an RFC 3339 time with an offset, from 1970 to 9999";
            return Err(FieldError::new("sent_at", text, rule));
        }
        Ok(())
    }

    fn check_text(&self) -> Result<(), FieldError> {
        if let Some(text) = &self.text
            && text.len() > TEXT_BYTES_MAX
        {
            let (length, rule) = (text.len(), format!("be at most {TEXT_BYTES_MAX} bytes"));
            return Err(FieldError::new("text", format!("{length} bytes"), rule));
        }
        Ok(())
    }

    fn check_attachments(&self) -> Result<(), FieldError> {
        if self.attachments.len() > ATTACHMENTS_MAX {
            let count = format!("{} attachments", self.attachments.len());
            return Err(FieldError::new(
                "attachments",
                count,
                format!("be at most {ATTACHMENTS_MAX}"),
            ));
        }
        for (index, attachment) in self.attachments.iter().enumerate() {
            let field = |name: &str| format!("attachments[{index}].{name}");
            if !is_sha256_hex(&attachment.sha256) {
                let rule = "be a SHA-256 in 64 lower-case hex digits";
                return Err(FieldError::new(field("sha256"), &attachment.sha256, rule));
            }
            check_id(&field("name"), &attachment.name)?;
            check_id(&field("media_type"), &attachment.media_type)?;
            if attachment.bytes > ATTACHMENT_BYTES_SAID_MAX {
                let rule = format!("be at most {ATTACHMENT_BYTES_SAID_MAX}");
                return Err(FieldError::new(field("bytes"), attachment.bytes, rule));
            }
        }
        Ok(())
    }

    /// What each kind cannot do without: a message says something, an edit names what it edits.
    fn check_kind(&self) -> Result<(), FieldError> {
        let needs = |is_present: bool, field: &str| {
            if is_present {
                return Ok(());
            }
            let rule = format!("be present on kind `{}`", self.kind.as_str());
            Err(FieldError::new(field, "", rule))
        };
        match self.kind {
            Kind::Message => needs(self.text.is_some() || !self.attachments.is_empty(), "text"),
            Kind::Edit => {
                needs(self.target.is_some(), "target")?;
                needs(self.text.is_some(), "text")
            }
            Kind::Retract | Kind::Read => needs(self.target.is_some(), "target"),
            Kind::Erase => needs(self.text.is_some(), "text"),
            Kind::Assign => needs(self.assignee.is_some(), "assignee"),
            Kind::Tag | Kind::Untag => needs(self.category.is_some(), "category"),
            Kind::Rate => needs(self.rating.is_some(), "rating"),
            Kind::Rules | Kind::Access => needs(self.data.is_some(), "data"),
            Kind::Open
            | Kind::Handoff
            | Kind::Queue
            | Kind::Pause
            | Kind::Resume
            | Kind::Resolve
            | Kind::Reopen
            | Kind::RateRequest
            | Kind::Join
            | Kind::Leave
            | Kind::Call
            | Kind::Hold
            | Kind::Release => Ok(()),
        }
    }

    /// A field that means nothing on this kind is refused, not kept: what a customer writes into
    /// `assignee` of a message would be found as if somebody had been assigned.
    fn check_fields_of_kind(&self) -> Result<(), FieldError> {
        for field in FIELDS {
            let Kinds::Only(kinds) = field.kinds else { continue };
            if kinds.contains(&self.kind) {
                continue;
            }
            if let Some(value) = self.value_of(field.name) {
                let known: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                let (kind, known) = (self.kind.as_str(), known.join(", "));
                let rule = format!("be left out on kind `{kind}`: it goes with {known}");
                return Err(FieldError::new(field.name, value, rule));
            }
        }
        Ok(())
    }

    /// The value of a field that only some kinds have, if the event has it.
    fn value_of(&self, field: &str) -> Option<String> {
        match field {
            "customer" => self.customer.clone(),
            "text" => self.text.clone(),
            "attachments" => (!self.attachments.is_empty())
                .then(|| format!("{} attachments", self.attachments.len())),
            "reply_to" => self.reply_to.clone(),
            "target" => self.target.clone(),
            "assignee" => self.assignee.clone(),
            "category" => self.category.clone(),
            "rating" => self.rating.map(|rating| rating.to_string()),
            _ => None,
        }
    }

    /// Conversations whose names begin with `@` are about the shop: each holds one kind, and that
    /// kind stands nowhere else.
    fn check_reserved(&self) -> Result<(), FieldError> {
        let rule = match self.kind.reserved_conversation() {
            Some(name) if name == self.conversation => return Ok(()),
            Some(name) => format!("be `{name}` on kind `{}`", self.kind.as_str()),
            None if !self.conversation.starts_with(RESERVED_PREFIX) => return Ok(()),
            None => format!(
                "not begin with `{RESERVED_PREFIX}` on kind `{}`: such names are about the shop",
                self.kind.as_str()
            ),
        };
        Err(FieldError::new("conversation", &self.conversation, rule))
    }
}

fn check_optional_id(field: &str, value: Option<&str>) -> Result<(), FieldError> {
    value.map_or(Ok(()), |value| check_id(field, value))
}
