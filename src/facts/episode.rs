//! An episode under way, and the row it becomes.
//!
//! First response times belong to the episode: after a reopen the clock starts at the reopening, because the days in
//! which a conversation was resolved are nobody's waiting time (Chatwoot #6409, #12058). The first episode's figures
//! are therefore the conversation's first response times.

use serde::{Deserialize, Serialize};

use super::labels::{EpisodeEnd, EpisodeStart, Excluded};
use super::moment::Moment;
use super::rows::{EpisodeRow, METRIC_VERSION};
use super::state::ConversationState;
use crate::model::{Origin, Role};

/// The one episode of a conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenEpisode {
    pub(crate) started: Moment,
    pub(crate) started_by: EpisodeStart,
    pub(crate) reopened: bool,
    pub(crate) origin: Origin,
    /// Last public message, handoff, open or reopen: what idleness is counted from.
    pub(crate) last_activity: Moment,
    /// First public message of the customer, or the customer's reopen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_customer: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_reply: Option<FirstReply>,
    /// First bot message after `first_customer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_bot: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_handoff: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_handoff: Option<Moment>,
    pub(crate) customer_messages: u32,
    pub(crate) human_messages: u32,
    pub(crate) bot_messages: u32,
    pub(crate) handoffs: u32,
    pub(crate) transfers: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rating: Option<u8>,
    /// Last one named, before the episode or in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_assignee: Option<String>,
}

/// The first reply to the customer in an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstReply {
    pub(crate) at: Moment,
    pub(crate) replier: String,
    /// Where the time of humans starts: the later of the customer's first message and the last handoff.
    pub(crate) human_from: Moment,
}

/// How an episode ended. `closed_by` is the record that told: the resolve, or the activity after the silence.
pub(crate) struct EpisodeClose<'a> {
    pub(crate) at: Moment,
    pub(crate) by: EpisodeEnd,
    pub(crate) closed_by: Moment,
    pub(crate) resolver: Option<(&'a str, Role)>,
}

impl OpenEpisode {
    pub(crate) fn begin(started: Moment, started_by: EpisodeStart, origin: Origin) -> OpenEpisode {
        OpenEpisode {
            started,
            started_by,
            reopened: false,
            origin,
            last_activity: started,
            first_customer: None,
            first_reply: None,
            first_bot: None,
            first_handoff: None,
            last_handoff: None,
            customer_messages: 0,
            human_messages: 0,
            bot_messages: 0,
            handoffs: 0,
            transfers: 0,
            rating: None,
            last_assignee: None,
        }
    }

    pub(crate) fn take_customer_message(&mut self, at: Moment) {
        self.customer_messages += 1;
        self.first_customer.get_or_insert(at);
    }

    pub(crate) fn take_human_message(&mut self, at: Moment, sender: &str) {
        self.human_messages += 1;
        // A human who speaks first has nothing to reply to.
        if let Some(customer) = self.first_customer
            && self.first_reply.is_none()
        {
            let human_from = customer.later_of(self.last_handoff);
            self.first_reply = Some(FirstReply { at, replier: sender.to_string(), human_from });
        }
    }

    pub(crate) fn take_bot_message(&mut self, at: Moment) {
        self.bot_messages += 1;
        if self.first_customer.is_some() {
            self.first_bot.get_or_insert(at);
        }
    }

    pub(crate) fn take_handoff(&mut self, at: Moment, by: Role) {
        self.handoffs += 1;
        self.transfers += u32::from(by == Role::Human);
        self.first_handoff.get_or_insert(at);
        self.last_handoff = Some(at);
    }

    /// The row of this episode; `state` is the conversation as known at its end, or now.
    pub(crate) fn row(
        &self,
        state: &ConversationState,
        shop: &str,
        conversation: &str,
        end: Option<&EpisodeClose<'_>>,
    ) -> EpisodeRow {
        let reply = self.first_reply.as_ref();
        let frt_total =
            self.first_customer.zip(reply).map(|(customer, reply)| customer.ms_until(reply.at));
        let frt_human = reply.map(|reply| reply.human_from.ms_until(reply.at));
        let frt_bot =
            self.first_customer.zip(self.first_bot).map(|(customer, bot)| customer.ms_until(bot));
        let resolve = end.filter(|end| end.by == EpisodeEnd::Resolve);
        let resolution = resolve.map(|resolve| self.started.ms_until(resolve.at));
        let resolver = end.and_then(|end| end.resolver);
        EpisodeRow {
            shop: shop.to_string(),
            conversation: conversation.to_string(),
            episode: state.episodes,
            started_at: self.started.at,
            started_offset: self.started.offset,
            started_by: self.started_by,
            first_customer_at: self.first_customer.map(|customer| customer.at),
            first_human_at: reply.map(|reply| reply.at.at),
            first_bot_at: self.first_bot.map(|bot| bot.at),
            frt_total_ms: frt_total.and_then(Result::ok),
            frt_human_ms: frt_human.and_then(Result::ok),
            frt_bot_ms: frt_bot.and_then(Result::ok),
            frt_excluded: self.frt_excluded(end.is_some()),
            first_replier: reply.map(|reply| reply.replier.clone()),
            ended_at: end.map(|end| end.at.at),
            ended_by: end.map(|end| end.by),
            resolved_by: resolver.map(|(id, _)| id.to_string()),
            resolver_role: resolver.map(|(_, role)| role),
            episode_resolution_ms: resolution.and_then(Result::ok),
            customer_messages: self.customer_messages,
            human_messages: self.human_messages,
            bot_messages: self.bot_messages,
            handoffs: self.handoffs,
            transfers: self.transfers,
            first_handoff_at: self.first_handoff.map(|handoff| handoff.at),
            reopened: self.reopened,
            categories: state.categories.clone(),
            rating: self.rating,
            last_assignee: self.last_assignee.clone(),
            customer: state.customer.clone(),
            order: state.order.clone(),
            channel: state.channel.clone(),
            language: state.language.clone(),
            origin: self.origin,
            closed_offset: end.map(|end| end.closed_by.offset),
            metric_version: METRIC_VERSION,
            schedule_version: None,
        }
    }
    /// Why `frt_total_ms` or `frt_human_ms` will never have a value.
    fn frt_excluded(&self, ended: bool) -> Option<Excluded> {
        match (self.first_customer, &self.first_reply) {
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
}
