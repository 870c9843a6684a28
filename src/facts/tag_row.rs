//! The row of a tag that was put on a conversation or taken off it.

use serde_json::Value;

use super::closer::Closer;
use crate::model::{Event, Kind, Micros, Record, Role};

/// One category of one conversation, from this record on: standing or not.
#[derive(Clone, Debug, PartialEq)]
pub struct TagRow {
    pub shop: String,
    pub conversation: String,
    pub category: String,
    pub tagged: bool,
    pub at: Closer,
    pub occurred_at: Micros,
    /// Its time means anything.
    pub timed: bool,
    pub sender_id: String,
    pub sender_role: Role,
    pub automatic: bool,
    /// `name@version`
    pub model: Option<String>,
    pub probability: Option<f64>,
}

/// `data` of an automatic tag: which model gave it, and how sure it was.
#[derive(Default)]
struct Automatic {
    model: Option<String>,
    version: Option<String>,
    probability: Option<f64>,
}

impl Automatic {
    /// Nothing of a person's tag. Somebody else's classifier may say anything: what makes no sense is left out alone.
    fn of(event: &Event) -> Automatic {
        let data = event.data.as_deref().filter(|_| event.automatic);
        let data = data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
        let field = |name: &str| data.as_ref()?.get(name);
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Automatic {
            model: field("model").and_then(text),
            version: field("version").and_then(text),
            probability: field("probability")
                .and_then(Value::as_f64)
                .filter(|share| (0.0..=1.0).contains(share)),
        }
    }

    fn reference(&self) -> Option<String> {
        Some(format!("{}@{}", self.model.as_deref()?, self.version.as_deref()?))
    }
}

impl TagRow {
    /// The row of a record of kind `tag` or `untag`; `None` for any other.
    pub(crate) fn of(record: &Record) -> Option<TagRow> {
        let event = &record.event;
        if !matches!(event.kind, Kind::Tag | Kind::Untag) {
            return None;
        }
        let automatic = Automatic::of(event);
        Some(TagRow {
            shop: record.shop.clone(),
            conversation: event.conversation.clone(),
            category: event.category.clone()?,
            tagged: event.kind == Kind::Tag,
            at: Closer::of(record),
            occurred_at: record.occurred_at(),
            timed: record.is_timed(),
            sender_id: event.sender.id.clone(),
            sender_role: event.sender.role,
            automatic: event.automatic,
            model: automatic.reference(),
            probability: automatic.probability,
        })
    }
}
