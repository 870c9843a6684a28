//! The row of a turn: as it ended, or as it stands now.

use super::closer::Closer;
use super::labels::{Excluded, Outcome};
use super::moment::Moment;
use super::rows::{METRIC_VERSION, TurnRow};
use super::state::ConversationState;
use super::turn::OpenTurn;
use super::whose::Whose;

/// How a turn ended. `replier` is there exactly when a human replied.
pub(crate) struct TurnClose<'a> {
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) closed_by: Closer,
    pub(crate) replier: Option<&'a str>,
}

impl ConversationState {
    /// The turn that waits now, as a row without ends.
    pub(crate) fn open_turn(&self, whose: &Whose<'_>) -> Option<TurnRow> {
        Some(TurnRow::of(self.turn.as_ref()?, self, whose, None))
    }
}

impl TurnRow {
    /// The row of `turn`; `state` is the conversation as known at its end, or now.
    pub(crate) fn of(
        turn: &OpenTurn,
        state: &ConversationState,
        whose: &Whose<'_>,
        end: Option<&TurnClose<'_>>,
    ) -> TurnRow {
        let reply = end.filter(|end| end.outcome == Outcome::Replied);
        let replier = reply.and_then(|reply| reply.replier);
        let agent = replier.or(state.assignee.as_deref());
        let team = whose.team(agent);
        let opening = whose.opening(team.as_deref());
        let nrt = opening.span(Some(turn.since), reply.map(|reply| reply.at));
        let response_any = opening.span(Some(turn.since), turn.first_response);
        TurnRow {
            shop: whose.shop.to_string(),
            conversation: whose.conversation.to_string(),
            turn: state.turns,
            episode: state.episodes,
            started_by: turn.started_by,
            waiting_since: turn.since.at,
            waiting_offset: turn.since.offset,
            customer_messages: turn.customer_messages,
            ended_at: end.map(|end| end.at.at),
            outcome: end.map_or(Outcome::Open, |end| end.outcome),
            replied_at: reply.map(|reply| reply.at.at),
            replier: replier.map(str::to_string),
            replier_assignee: reply.and_then(|_| state.assignee.clone()),
            reply_offset: reply.map(|reply| reply.at.offset),
            nrt_ms: nrt.ms,
            nrt_business_ms: nrt.business_ms,
            response_any_ms: response_any.ms,
            response_any_business_ms: response_any.business_ms,
            agent: agent.map(str::to_string),
            sla_target: turn.promise.map(|promise| promise.target),
            due_at: turn.promise.and_then(|promise| promise.due_at),
            handed_off: turn.handed_off,
            excluded: excluded(turn, end),
            closed_offset: end.map(|end| end.closed_by.offset),
            closed_at: end.map(|end| end.closed_by.received_at),
            origin: turn.origin,
            channel: state.channel.clone(),
            language: state.language.clone(),
            metric_version: METRIC_VERSION,
            rules_version: state.rules_version(),
            schedule_version: opening.version(),
            team,
        }
    }
}

/// Why `nrt_ms` will never have a value.
fn excluded(turn: &OpenTurn, end: Option<&TurnClose<'_>>) -> Option<Excluded> {
    match end {
        // Nobody can say since when an untimed turn waits, so it is no pending wait either, nor one
        // that was given up or closed after a known time.
        _ if !turn.since.timed => Some(Excluded::Untimed),
        Some(end) if end.outcome == Outcome::Closed => Some(Excluded::UnansweredAtClose),
        Some(end) if end.outcome != Outcome::Abandoned => turn.since.ms_until(end.at).err(),
        _ => None,
    }
}
