//! The row of an episode: as it ended, or as it stands now.
//!
//! First response times belong to the episode: after a reopen the clock starts at the reopening,
//! because the days in which a conversation was resolved are nobody's waiting time (Chatwoot #6409,
//! #12058). The first episode's figures are therefore the conversation's first response times.

use super::closer::Closer;
use super::episode::OpenEpisode;
use super::labels::{EpisodeEnd, Excluded};
use super::moment::Moment;
use super::rows::{EpisodeRow, METRIC_VERSION};
use super::state::ConversationState;
use super::whose::Whose;
use crate::model::{Micros, Role};

/// How an episode ended. `closed_by` is the record that told: the resolve, or the first one of any
/// conversation after the silence.
pub(crate) struct EpisodeClose<'a> {
    pub(crate) at: Moment,
    pub(crate) by: EpisodeEnd,
    pub(crate) closed_by: Closer,
    pub(crate) resolver: Option<(&'a str, Role)>,
    /// It found the customer waiting.
    pub(crate) unanswered: bool,
}

impl ConversationState {
    /// The episode under way, as a row without ends.
    pub(crate) fn open_episode(&self, whose: &Whose<'_>) -> Option<EpisodeRow> {
        Some(EpisodeRow::of(self.episode.as_ref()?, self, whose, None))
    }
}

impl EpisodeRow {
    /// The row of `episode`; `state` is the conversation as known at its end, or now.
    pub(crate) fn of(
        episode: &OpenEpisode,
        state: &ConversationState,
        whose: &Whose<'_>,
        end: Option<&EpisodeClose<'_>>,
    ) -> EpisodeRow {
        let reply = episode.first_reply.as_ref();
        let resolve = end.filter(|end| end.by == EpisodeEnd::Resolve);
        let agent = agent(episode, state);
        let team = whose.team(agent);
        let opening = whose.opening(team.as_deref());
        let replied = reply.map(|reply| reply.at);
        let resolved = resolve.map(|resolve| resolve.at);
        let frt_total = opening.span(episode.first_customer, replied);
        let frt_human = opening.span(reply.map(|reply| reply.human_from), replied);
        let frt_bot = opening.span(episode.first_customer, episode.first_bot);
        let resolution = opening.span(Some(episode.started), resolved);
        let resolution_human = opening.span(humans_from(episode, resolve), resolved);
        let close_gap = opening.span(episode.last_customer, resolved);
        let since_resolve = state.resolved.filter(|_| episode.reopened);
        let since_resolve = since_resolve.and_then(|at| at.ms_until(episode.started).ok());
        let resolver = end.and_then(|end| end.resolver);
        EpisodeRow {
            shop: whose.shop.to_string(),
            conversation: whose.conversation.to_string(),
            episode: state.episodes,
            started_at: episode.started.at,
            started_offset: episode.started.offset,
            started_by: episode.started_by,
            timed: episode.started.timed,
            first_customer_at: episode.first_customer.map(|customer| customer.at),
            first_human_at: reply.map(|reply| reply.at.at),
            first_bot_at: episode.first_bot.map(|bot| bot.at),
            frt_total_ms: frt_total.ms,
            frt_total_business_ms: frt_total.business_ms,
            frt_human_ms: frt_human.ms,
            frt_human_business_ms: frt_human.business_ms,
            frt_bot_ms: frt_bot.ms,
            frt_bot_business_ms: frt_bot.business_ms,
            frt_excluded: frt_excluded(episode, end.is_some()),
            first_replier: reply.map(|reply| reply.replier.clone()),
            first_replier_team: whose.team(reply.map(|reply| reply.replier.as_str())),
            agent: agent.map(str::to_string),
            ended_at: end.map(|end| end.at.at),
            ended_by: end.map(|end| end.by),
            resolved_by: resolver.map(|(id, _)| id.to_string()),
            resolver_role: resolver.map(|(_, role)| role),
            episode_resolution_ms: resolution.ms,
            episode_resolution_business_ms: resolution.business_ms,
            resolution_human_ms: resolution_human.ms,
            resolution_human_business_ms: resolution_human.business_ms,
            close_gap_ms: close_gap.ms,
            close_gap_business_ms: close_gap.business_ms,
            resolution_due_at: episode.resolution_due_us.map(Micros),
            unanswered: end.is_some_and(|end| end.unanswered),
            abandoned: end.is_some_and(|end| end.unanswered && end.by == EpisodeEnd::Idle),
            events: episode.events,
            messages: episode.messages,
            earliest_at: episode.earliest,
            latest_at: episode.latest,
            customer_messages: episode.customer_messages,
            human_messages: episode.human_messages,
            bot_messages: episode.bot_messages,
            handoffs: episode.handoffs,
            transfers: episode.transfers,
            first_handoff_at: episode.first_handoff.map(|handoff| handoff.at),
            reopened: episode.reopened,
            since_resolve_ms: since_resolve,
            categories: state.categories.clone(),
            rating: episode.rating,
            last_assignee: episode.last_assignee.clone(),
            customer: state.customer.clone(),
            order: state.order.clone(),
            channel: state.channel.clone(),
            language: state.language.clone(),
            origin: episode.origin,
            closed_offset: end.map(|end| end.closed_by.offset),
            closed_at: end.map(|end| end.closed_by.received_at),
            metric_version: METRIC_VERSION,
            rules_version: episode.last_activity.rules_version,
            schedule_version: opening.version(),
            team,
        }
    }
}

/// Whose episode it is: the last human who replied in it, else who was last assigned.
fn agent<'a>(episode: &'a OpenEpisode, state: &'a ConversationState) -> Option<&'a str> {
    let replier = state.last_replier.as_deref().filter(|_| episode.human_messages > 0);
    replier.or(episode.last_assignee.as_deref())
}

/// From when an episode was one for humans: its first handoff, where no human had replied before; else the
/// customer's first message. `None` where no human had a part in it.
fn humans_from(episode: &OpenEpisode, resolve: Option<&EpisodeClose<'_>>) -> Option<Moment> {
    let resolver = resolve.and_then(|resolve| resolve.resolver);
    let by_human = resolver.is_some_and(|(_, role)| role == Role::Human);
    if episode.first_handoff.is_none() && episode.human_messages == 0 && !by_human {
        return None;
    }
    let replied = episode.first_reply.as_ref().map(|reply| reply.at.offset);
    let handoff = episode.first_handoff;
    let handoff = handoff.filter(|handoff| replied.is_none_or(|replied| handoff.offset < replied));
    handoff.or(episode.first_customer)
}

/// Why `frt_total_ms` or `frt_human_ms` will never have a value.
fn frt_excluded(episode: &OpenEpisode, ended: bool) -> Option<Excluded> {
    match (episode.first_customer, &episode.first_reply) {
        (None, _) => ended.then_some(Excluded::NoCustomer),
        (Some(customer), None) if !customer.timed => Some(Excluded::Untimed),
        (Some(_), None) => ended.then_some(Excluded::NoReply),
        (Some(customer), Some(reply)) => {
            let total = customer.ms_until(reply.at);
            let human = reply.human_from.ms_until(reply.at);
            total.err().or(human.err())
        }
    }
}
