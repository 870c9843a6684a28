//! The row of a record outside every episode: a note before the customer wrote, a rating after the
//! resolve. With the episodes these rows hold all of a conversation, so that `conversations` never
//! goes over all events.

use super::closer::Closer;
use super::state::ConversationState;
use crate::model::{Kind, Micros, Record};

/// One record, and what was known of its conversation with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrayRow {
    pub shop: String,
    pub conversation: String,
    pub kind: Kind,
    pub at: Closer,
    pub occurred_at: Micros,
    pub automatic: bool,
    pub rating: Option<u8>,
    pub customer: Option<String>,
    pub order: Option<String>,
    pub channel: Option<String>,
    pub language: Option<String>,
}

impl StrayRow {
    /// The row of `record`; `state` is its conversation as known after it.
    pub(crate) fn of(record: &Record, state: &ConversationState) -> StrayRow {
        let event = &record.event;
        StrayRow {
            shop: record.shop.clone(),
            conversation: event.conversation.clone(),
            kind: event.kind,
            at: Closer::of(record),
            occurred_at: record.occurred_at(),
            automatic: event.automatic,
            rating: event.rating.filter(|_| event.kind == Kind::Rate),
            customer: state.customer.clone(),
            order: state.order.clone(),
            channel: state.channel.clone(),
            language: state.language.clone(),
        }
    }
}
