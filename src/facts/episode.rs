//! An episode under way.

use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::labels::EpisodeStart;
use super::moment::Moment;
use crate::model::{Kind, Micros, Origin, Record, Role};

/// The one episode of a conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenEpisode {
    pub(crate) started: Moment,
    pub(crate) started_by: EpisodeStart,
    pub(crate) reopened: bool,
    pub(crate) origin: Origin,
    /// Last public message, handoff, open or reopen: what idleness is counted from.
    pub(crate) last_activity: Activity,
    /// Records in it, of whatever kind, from the one that began it on.
    pub(crate) events: u32,
    /// Messages in it, notes and automatic texts included.
    pub(crate) messages: u32,
    /// Earliest and latest of what happened in it, holds, releases and erasures aside: the clocks of a
    /// transcript may run backwards.
    pub(crate) earliest: Micros,
    pub(crate) latest: Micros,
    /// First public message of the customer, or the customer's reopen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_customer: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_reply: Option<FirstReply>,
    /// Last public message of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_customer: Option<Moment>,
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
    /// When its resolve is due, by what the shop promised when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resolution_due_us: Option<i64>,
}

/// The first reply to the customer in an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstReply {
    pub(crate) at: Moment,
    pub(crate) replier: String,
    /// Where the time of humans starts: the later of the customer's first message and the last
    /// handoff.
    pub(crate) human_from: Moment,
}

impl OpenEpisode {
    /// An episode that `activity` begins. Its record is not yet counted.
    pub(crate) fn begin(
        activity: Activity,
        started_by: EpisodeStart,
        origin: Origin,
    ) -> OpenEpisode {
        let started = activity.moment;
        OpenEpisode {
            started,
            started_by,
            reopened: false,
            origin,
            last_activity: activity,
            events: 0,
            messages: 0,
            earliest: started.at,
            latest: started.at,
            first_customer: None,
            last_customer: None,
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
            resolution_due_us: None,
        }
    }

    /// Counts a record that lies in this episode.
    pub(crate) fn count(&mut self, record: &Record) {
        let at = record.occurred_at();
        self.events += 1;
        self.messages += u32::from(record.event.kind == Kind::Message);
        // A hold, an erasure or an automatic category comes when the chat is over, and is no part of it.
        if record.event.is_aside() {
            return;
        }
        self.earliest = self.earliest.min(at);
        self.latest = self.latest.max(at);
    }

    pub(crate) fn take_customer_message(&mut self, at: Moment) {
        self.customer_messages += 1;
        self.first_customer.get_or_insert(at);
        self.last_customer = Some(at);
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
}
