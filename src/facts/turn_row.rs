//! The row of a turn: as it ended, or as it stands now.

use super::closer::Closer;
use super::labels::{Excluded, Outcome};
use super::moment::Moment;
use super::rows::{METRIC_VERSION, TurnRow};
use super::state::ConversationState;
use super::turn::OpenTurn;

/// How a turn ended. `replier` is there exactly when a human replied.
pub(crate) struct TurnClose<'a> {
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) closed_by: Closer,
    pub(crate) replier: Option<&'a str>,
}

impl ConversationState {
    /// The turn that waits now, as a row without ends.
    pub fn open_turn(&self, shop: &str, conversation: &str) -> Option<TurnRow> {
        let turn = self.turn.as_ref()?;
        Some(TurnRow::of(turn, self, shop, conversation, None))
    }
}

impl TurnRow {
    /// The row of `turn`; `state` is the conversation as known at its end, or now.
    pub(crate) fn of(
        turn: &OpenTurn,
        state: &ConversationState,
        shop: &str,
        conversation: &str,
        end: Option<&TurnClose<'_>>,
    ) -> TurnRow {
        let reply = end.filter(|end| end.outcome == Outcome::Replied);
        let nrt = reply.map(|reply| turn.since.ms_until(reply.at));
        let response_any = turn.first_response.map(|response| turn.since.ms_until(response));
        TurnRow {
            shop: shop.to_string(),
            conversation: conversation.to_string(),
            turn: state.turns,
            episode: state.episodes,
            started_by: turn.started_by,
            waiting_since: turn.since.at,
            waiting_offset: turn.since.offset,
            customer_messages: turn.customer_messages,
            ended_at: end.map(|end| end.at.at),
            outcome: end.map_or(Outcome::Open, |end| end.outcome),
            replied_at: reply.map(|reply| reply.at.at),
            replier: reply.and_then(|reply| reply.replier).map(str::to_string),
            replier_assignee: reply.and_then(|_| state.assignee.clone()),
            reply_offset: reply.map(|reply| reply.at.offset),
            nrt_ms: nrt.and_then(Result::ok),
            response_any_ms: response_any.and_then(Result::ok),
            handed_off: turn.handed_off,
            excluded: excluded(turn, end),
            closed_offset: end.map(|end| end.closed_by.offset),
            closed_at: end.map(|end| end.closed_by.received_at),
            origin: turn.origin,
            channel: state.channel.clone(),
            language: state.language.clone(),
            metric_version: METRIC_VERSION,
            rules_version: state.rules_version(),
            schedule_version: None,
        }
    }
}

/// Why `nrt_ms` will never have a value.
fn excluded(turn: &OpenTurn, end: Option<&TurnClose<'_>>) -> Option<Excluded> {
    match end {
        Some(end) if end.outcome == Outcome::Closed => Some(Excluded::UnansweredAtClose),
        Some(end) if end.outcome != Outcome::Abandoned => turn.since.ms_until(end.at).err(),
        // Nobody can say since when an untimed turn waits, so it is no pending wait either, nor one
        // that was given up after a known time.
        _ => (!turn.since.timed).then_some(Excluded::Untimed),
    }
}
