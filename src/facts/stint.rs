//! Where a conversation lies while an episode is open: with nobody, with a bot, in the queue, with an agent, or
//! paused; and what an agent who has it owes the customer.
//!
//! Invariants: an open episode has one open stint, which begins with the record that ended the one before; an
//! agent owes one first reply from when they were given the conversation, however often it was paused.
//! It does not say which records move a conversation: [`super::fold()`] does.

use serde::{Deserialize, Serialize};

use super::labels::{Move, Place};
use super::moment::Moment;
use crate::model::Origin;

/// The one stint of a conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenStint {
    pub(crate) started: Moment,
    pub(crate) started_by: Move,
    pub(crate) place: Place,
    pub(crate) origin: Origin,
    /// In a pause: where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused_in: Option<Place>,
    /// Whose it is, in a pause too. Apart, since what lies with nobody or a bot should take no room for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenure: Option<Box<Tenure>>,
}

/// An agent's time with a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tenure {
    pub(crate) agent: String,
    /// Public messages that the agent typed in this stint.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) messages: u32,
    /// From when a first reply is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending_since: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_reply: Option<Moment>,
    /// No first reply is owed any more: it was given before a pause, or the conversation taken by it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) has_replied: bool,
    /// Nobody gave it to the agent in this episode: it is theirs from the one before, until a bot takes it. Once a
    /// human has answered it is theirs as any.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_carried_over: bool,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl OpenStint {
    pub(crate) fn begin(
        started: Moment,
        started_by: Move,
        origin: Origin,
        place: Place,
        tenure: Option<Tenure>,
    ) -> OpenStint {
        OpenStint {
            started,
            started_by,
            place,
            origin,
            paused_in: None,
            tenure: tenure.map(Box::new),
        }
    }

    /// The agent whose it is.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.tenure.as_ref().map(|tenure| tenure.agent.as_str())
    }

    /// The customer waits from `at` on.
    pub(crate) fn wait(&mut self, at: Moment) {
        if let Some(tenure) = &mut self.tenure {
            tenure.wait(at);
        }
    }

    /// Nobody gave it to the agent who has it, and a bot takes it.
    pub(crate) fn owe_nothing(&mut self) {
        if let Some(tenure) = &mut self.tenure {
            tenure.pending_since = None;
        }
    }

    /// Whether an agent or the queue has it, in a pause too: then a bot answers for nobody. An agent with whom it was
    /// left in an earlier episode need not be there.
    pub(crate) fn lies_with_people(&self) -> bool {
        match self.paused_in.unwrap_or(self.place) {
            Place::Queue => true,
            Place::Agent => self.tenure.as_ref().is_some_and(|tenure| !tenure.is_carried_over),
            Place::Nobody | Place::Bot | Place::Paused => false,
        }
    }
}

impl Tenure {
    /// An agent who is given a conversation.
    pub(crate) fn given(agent: &str) -> Tenure {
        Tenure {
            agent: agent.to_string(),
            messages: 0,
            pending_since: None,
            first_reply: None,
            has_replied: false,
            is_carried_over: false,
        }
    }

    /// An agent who takes a conversation by answering in it.
    pub(crate) fn taken(agent: &str) -> Tenure {
        Tenure { has_replied: true, ..Tenure::given(agent) }
    }

    /// An agent who had it when it was resolved, or fell silent.
    pub(crate) fn carried_over(agent: &str) -> Tenure {
        Tenure { is_carried_over: true, ..Tenure::given(agent) }
    }

    /// The same agent's in the next stint, after a pause or in it.
    pub(crate) fn going_on(&self) -> Tenure {
        let has_replied = self.has_replied || self.first_reply.is_some();
        let pending_since = self.pending_since.filter(|_| !has_replied);
        let agent = self.agent.clone();
        Tenure {
            agent,
            messages: 0,
            pending_since,
            first_reply: None,
            has_replied,
            is_carried_over: self.is_carried_over,
        }
    }

    pub(crate) fn wait(&mut self, at: Moment) {
        if !self.has_replied && self.first_reply.is_none() {
            self.pending_since.get_or_insert(at);
        }
    }

    /// The agent has said something in public.
    pub(crate) fn speak(&mut self, at: Moment) {
        self.messages += 1;
        if self.pending_since.is_some() {
            self.first_reply.get_or_insert(at);
        }
    }
}
