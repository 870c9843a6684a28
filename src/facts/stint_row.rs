//! The row of a stint: as it ended, or as it stands now.

use super::closer::Closer;
use super::labels::{Excluded, Move, Place, StintOutcome};
use super::moment::Moment;
use super::rows::{METRIC_VERSION, StintRow};
use super::state::ConversationState;
use super::stint::{OpenStint, Tenure};
use super::whose::Whose;

/// How a stint ended.
pub(crate) struct StintClose {
    pub(crate) at: Moment,
    pub(crate) by: Move,
    pub(crate) closed_by: Closer,
}

impl ConversationState {
    /// The stint that goes on, as a row without ends.
    pub(crate) fn open_stint(&self, whose: &Whose<'_>) -> Option<StintRow> {
        Some(StintRow::of(self.stint.as_ref()?, self, whose, None))
    }
}

impl StintRow {
    /// The row of `stint`; `state` is the conversation as known at its end, or now.
    pub(crate) fn of(
        stint: &OpenStint,
        state: &ConversationState,
        whose: &Whose<'_>,
        end: Option<&StintClose>,
    ) -> StintRow {
        // In a pause nobody works on it.
        let tenure = stint.tenure.as_deref().filter(|_| stint.place == Place::Agent);
        let agent = tenure.map(|tenure| tenure.agent.as_str());
        let team = whose.team(agent);
        let opening = whose.opening(team.as_deref());
        let duration = opening.span(Some(stint.started), end.map(|end| end.at));
        let pending_since = tenure.and_then(|tenure| tenure.pending_since);
        let first_reply = tenure.and_then(|tenure| tenure.first_reply);
        let frt_agent = opening.span(pending_since, first_reply);
        let untimed = (!stint.started.timed).then_some(Excluded::Untimed);
        StintRow {
            shop: whose.shop.to_string(),
            conversation: whose.conversation.to_string(),
            episode: state.episodes,
            stint: state.stints,
            place: stint.place,
            agent: agent.map(str::to_string),
            started_at: stint.started.at,
            started_offset: stint.started.offset,
            started_by: stint.started_by,
            ended_at: end.map(|end| end.at.at),
            ended_by: end.map(|end| end.by),
            duration_ms: duration.ms,
            business_ms: duration.business_ms,
            pending_since: pending_since.map(|pending| pending.at),
            first_reply_at: first_reply.map(|reply| reply.at),
            first_reply_offset: first_reply.map(|reply| reply.offset),
            frt_agent_ms: frt_agent.ms,
            frt_agent_business_ms: frt_agent.business_ms,
            outcome: outcome(stint.place, tenure, end.map(|end| end.by)),
            messages: tenure.map_or(0, |tenure| tenure.messages),
            excluded: duration.excluded.or(frt_agent.excluded).or(untimed),
            closed_offset: end.map(|end| end.closed_by.offset),
            closed_at: end.map(|end| end.closed_by.received_at),
            origin: stint.origin,
            channel: state.channel.clone(),
            language: state.language.clone(),
            metric_version: METRIC_VERSION,
            rules_version: state.rules_version(),
            schedule_version: opening.version(),
            team,
        }
    }
}

/// What became of an agent's debt, or of a wait in the queue.
fn outcome(place: Place, tenure: Option<&Tenure>, ended_by: Option<Move>) -> Option<StintOutcome> {
    match (place, tenure) {
        (Place::Agent, Some(tenure)) => Some(of_agent(tenure, ended_by)),
        (Place::Queue, _) => Some(of_queue(ended_by)),
        _ => None,
    }
}

fn of_agent(tenure: &Tenure, ended_by: Option<Move>) -> StintOutcome {
    match ended_by {
        _ if tenure.first_reply.is_some() => StintOutcome::Replied,
        None => StintOutcome::Open,
        _ if tenure.pending_since.is_none() => StintOutcome::NothingOwed,
        // The debt goes on, so it is counted where it ends.
        Some(Move::Pause) => StintOutcome::Paused,
        Some(_) => StintOutcome::NoReply,
    }
}

fn of_queue(ended_by: Option<Move>) -> StintOutcome {
    match ended_by {
        None => StintOutcome::Open,
        Some(Move::Assign | Move::Handoff) => StintOutcome::Assigned,
        Some(Move::Reply) => StintOutcome::Answered,
        Some(Move::Resolve) => StintOutcome::Resolved,
        Some(Move::Pause) => StintOutcome::Paused,
        Some(_) => StintOutcome::Abandoned,
    }
}
