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
use crate::model::Role;

/// How an episode ended. `closed_by` is the record that told: the resolve, or the first one of any
/// conversation after the silence.
pub(crate) struct EpisodeClose<'a> {
    pub(crate) at: Moment,
    pub(crate) by: EpisodeEnd,
    pub(crate) closed_by: Closer,
    pub(crate) resolver: Option<(&'a str, Role)>,
    /// The silence found the customer waiting.
    pub(crate) abandoned: bool,
}

impl ConversationState {
    /// The episode under way, as a row without ends.
    pub fn open_episode(&self, shop: &str, conversation: &str) -> Option<EpisodeRow> {
        let episode = self.episode.as_ref()?;
        Some(EpisodeRow::of(episode, self, shop, conversation, None))
    }
}

impl EpisodeRow {
    /// The row of `episode`; `state` is the conversation as known at its end, or now.
    pub(crate) fn of(
        episode: &OpenEpisode,
        state: &ConversationState,
        shop: &str,
        conversation: &str,
        end: Option<&EpisodeClose<'_>>,
    ) -> EpisodeRow {
        let reply = episode.first_reply.as_ref();
        let frt_total =
            episode.first_customer.zip(reply).map(|(customer, reply)| customer.ms_until(reply.at));
        let frt_human = reply.map(|reply| reply.human_from.ms_until(reply.at));
        let frt_bot = episode
            .first_customer
            .zip(episode.first_bot)
            .map(|(customer, bot)| customer.ms_until(bot));
        let resolve = end.filter(|end| end.by == EpisodeEnd::Resolve);
        let resolution = resolve.map(|resolve| episode.started.ms_until(resolve.at));
        let resolver = end.and_then(|end| end.resolver);
        EpisodeRow {
            shop: shop.to_string(),
            conversation: conversation.to_string(),
            episode: state.episodes,
            started_at: episode.started.at,
            started_offset: episode.started.offset,
            started_by: episode.started_by,
            first_customer_at: episode.first_customer.map(|customer| customer.at),
            first_human_at: reply.map(|reply| reply.at.at),
            first_bot_at: episode.first_bot.map(|bot| bot.at),
            frt_total_ms: frt_total.and_then(Result::ok),
            frt_human_ms: frt_human.and_then(Result::ok),
            frt_bot_ms: frt_bot.and_then(Result::ok),
            frt_excluded: frt_excluded(episode, end.is_some()),
            first_replier: reply.map(|reply| reply.replier.clone()),
            ended_at: end.map(|end| end.at.at),
            ended_by: end.map(|end| end.by),
            resolved_by: resolver.map(|(id, _)| id.to_string()),
            resolver_role: resolver.map(|(_, role)| role),
            episode_resolution_ms: resolution.and_then(Result::ok),
            abandoned: end.is_some_and(|end| end.abandoned),
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
            schedule_version: None,
        }
    }
}

/// Why `frt_total_ms` or `frt_human_ms` will never have a value.
fn frt_excluded(episode: &OpenEpisode, ended: bool) -> Option<Excluded> {
    match (episode.first_customer, &episode.first_reply) {
        (None, _) => ended.then_some(Excluded::NoCustomer),
        (Some(_), None) if ended => Some(Excluded::NoReply),
        (Some(customer), None) => (!customer.timed).then_some(Excluded::Untimed),
        (Some(customer), Some(reply)) => {
            let total = customer.ms_until(reply.at);
            let human = reply.human_from.ms_until(reply.at);
            total.err().or(human.err())
        }
    }
}
