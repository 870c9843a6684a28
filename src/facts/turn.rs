//! A turn that waits for its answer, and the row it becomes.

use serde::{Deserialize, Serialize};

use super::labels::{Excluded, Outcome, TurnStart};
use super::moment::Moment;
use super::rows::{METRIC_VERSION, TurnRow};
use super::state::ConversationState;
use crate::model::Origin;

/// The one turn of a conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenTurn {
    pub(crate) since: Moment,
    pub(crate) started_by: TurnStart,
    pub(crate) origin: Origin,
    pub(crate) customer_messages: u32,
    pub(crate) handed_off: bool,
    /// First message of anyone but the customer. It leaves the turn open behind it where it is the
    /// system's, or a bot's after a handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_response: Option<Moment>,
}

/// How a turn ended. `replier` is there exactly when a human replied.
pub(crate) struct TurnClose<'a> {
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) replier: Option<&'a str>,
}

impl OpenTurn {
    pub(crate) fn begin(since: Moment, started_by: TurnStart, origin: Origin) -> OpenTurn {
        OpenTurn {
            since,
            started_by,
            origin,
            customer_messages: 0,
            handed_off: false,
            first_response: None,
        }
    }

    /// Whether the bot has handed this customer over, so that only a human can answer.
    pub(crate) fn waits_for_a_human(&self) -> bool {
        self.handed_off || self.started_by == TurnStart::Handoff
    }

    /// The row of this turn; `state` is the conversation as known at its end, or now.
    pub(crate) fn row(
        &self,
        state: &ConversationState,
        shop: &str,
        conversation: &str,
        end: Option<&TurnClose<'_>>,
    ) -> TurnRow {
        let reply = end.filter(|end| end.outcome == Outcome::Replied);
        let nrt = reply.map(|reply| self.since.ms_until(reply.at));
        let response_any = self.first_response.map(|response| self.since.ms_until(response));
        TurnRow {
            shop: shop.to_string(),
            conversation: conversation.to_string(),
            turn: state.turns,
            episode: state.episodes,
            started_by: self.started_by,
            waiting_since: self.since.at,
            waiting_offset: self.since.offset,
            customer_messages: self.customer_messages,
            ended_at: end.map(|end| end.at.at),
            outcome: end.map_or(Outcome::Open, |end| end.outcome),
            replied_at: reply.map(|reply| reply.at.at),
            replier: reply.and_then(|reply| reply.replier).map(str::to_string),
            replier_assignee: reply.and_then(|_| state.assignee.clone()),
            reply_offset: reply.map(|reply| reply.at.offset),
            nrt_ms: nrt.and_then(Result::ok),
            response_any_ms: response_any.and_then(Result::ok),
            handed_off: self.handed_off,
            excluded: self.excluded(end),
            closed_offset: end.map(|end| end.at.offset),
            origin: self.origin,
            channel: state.channel.clone(),
            language: state.language.clone(),
            metric_version: METRIC_VERSION,
            schedule_version: None,
        }
    }

    fn excluded(&self, end: Option<&TurnClose<'_>>) -> Option<Excluded> {
        match end {
            Some(end) if end.outcome == Outcome::Closed => Some(Excluded::UnansweredAtClose),
            Some(end) => self.since.ms_until(end.at).err(),
            // Nobody can say since when an untimed turn waits, so it is no pending wait either.
            None => (!self.since.timed).then_some(Excluded::Untimed),
        }
    }
}
