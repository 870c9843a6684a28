//! The row of a rating, or of the question for one.

use super::closer::Closer;
use super::moment::Moment;
use super::state::ConversationState;
use super::whose::Whose;
use crate::model::{Kind, Micros, Offset, Record, Rules};

/// A rating that was given, or asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingRow {
    pub shop: String,
    pub conversation: String,
    pub episode: Option<u32>,
    pub is_request: bool,
    pub at: Closer,
    pub occurred_at: Micros,
    pub rating: Option<u8>,
    pub requested_at: Option<Micros>,
    pub requested_offset: Option<Offset>,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub channel: Option<String>,
    pub language: Option<String>,
    pub customer: Option<String>,
}

impl RatingRow {
    /// The row of a record of kind `rate` or `rate_request`; `None` for any other. `state` is its conversation
    /// as known with it, and `requested` the question that it answers.
    pub(crate) fn of(
        record: &Record,
        state: &ConversationState,
        requested: Option<Moment>,
        rules: &Rules,
    ) -> Option<RatingRow> {
        let event = &record.event;
        let is_request = match event.kind {
            Kind::RateRequest => true,
            Kind::Rate => false,
            _ => return None,
        };
        let requested = requested.filter(|_| !is_request);
        let agent = state.last_replier.clone();
        Some(RatingRow {
            shop: record.shop.clone(),
            conversation: event.conversation.clone(),
            episode: (state.episodes > 0).then_some(state.episodes),
            is_request,
            at: Closer::of(record),
            occurred_at: record.occurred_at(),
            rating: event.rating.filter(|_| !is_request),
            requested_at: requested.map(|requested| requested.at),
            requested_offset: requested.map(|requested| requested.offset),
            team: Whose::of(record, rules).team(agent.as_deref()),
            agent,
            channel: state.channel.clone(),
            language: state.language.clone(),
            customer: state.customer.clone(),
        })
    }
}
