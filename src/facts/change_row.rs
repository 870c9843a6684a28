//! The row of an edit or a retraction: what became of which message.

use super::closer::Closer;
use crate::model::{Kind, Micros, Record, Role};

/// One change of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub shop: String,
    pub conversation: String,
    /// The message, also where the client named an edit of it.
    pub message: String,
    /// Edit or retract.
    pub kind: Kind,
    pub version: u32,
    pub at: Closer,
    pub occurred_at: Micros,
    pub text: Option<String>,
    pub sender_id: String,
    pub sender_role: Role,
}

impl ChangeRow {
    /// The row of `record`, which makes `version` of `message`.
    pub(crate) fn of(record: &Record, message: String, version: u32) -> ChangeRow {
        let event = &record.event;
        ChangeRow {
            shop: record.shop.clone(),
            conversation: event.conversation.clone(),
            message,
            kind: event.kind,
            version,
            at: Closer::of(record),
            occurred_at: record.occurred_at(),
            text: event.text.clone().filter(|_| event.kind == Kind::Edit),
            sender_id: event.sender.id.clone(),
            sender_role: event.sender.role,
        }
    }
}
