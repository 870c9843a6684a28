//! The row of a tag that was put on a conversation or taken off it.

use super::closer::Closer;
use crate::model::{Kind, Micros, Record, Role};

/// One category of one conversation, from this record on: standing or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    pub shop: String,
    pub conversation: String,
    pub category: String,
    pub tagged: bool,
    pub at: Closer,
    pub occurred_at: Micros,
    pub sender_id: String,
    pub sender_role: Role,
}

impl TagRow {
    /// The row of a record of kind `tag` or `untag`; `None` for any other.
    pub(crate) fn of(record: &Record) -> Option<TagRow> {
        let event = &record.event;
        if !matches!(event.kind, Kind::Tag | Kind::Untag) {
            return None;
        }
        Some(TagRow {
            shop: record.shop.clone(),
            conversation: event.conversation.clone(),
            category: event.category.clone()?,
            tagged: event.kind == Kind::Tag,
            at: Closer::of(record),
            occurred_at: record.occurred_at(),
            sender_id: event.sender.id.clone(),
            sender_role: event.sender.role,
        })
    }
}
