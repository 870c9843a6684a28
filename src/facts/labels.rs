//! The labels in the columns of turns, episodes and stints. Each is spelled once, here; queries compare
//! with these.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// What made somebody wait.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum TurnStart {
    /// A message of the customer.
    Customer,
    /// A handoff while nothing was pending: the customer now waits for whoever takes over.
    Handoff,
    /// The customer reopened the conversation, with or without words.
    Reopen,
}

/// How a turn stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Outcome {
    /// A human answered.
    Replied,
    /// A bot answered: the waiting is over, and no human reply time is claimed for it.
    Bot,
    /// The conversation was resolved before an answer.
    Closed,
    /// Nobody said anything for the idle time: nobody waits any more, and nobody had answered.
    Abandoned,
    /// Still waiting.
    Open,
}

/// Why a row has no figure and never will, so that it can be counted instead of vanishing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Excluded {
    /// An end of the span is an imported record without a time.
    Untimed,
    /// The span ends before it begins: the clocks of an imported transcript disagree with its
    /// order.
    ClockBackwards,
    /// The turn was cut by a resolve.
    UnansweredAtClose,
    /// The episode ended without a human reply.
    NoReply,
    /// The episode ended without a word from the customer: there was nothing to answer.
    NoCustomer,
}

/// What began an episode.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum EpisodeStart {
    /// An `open` event.
    Open,
    /// A message while nothing was open: the first one, or the customer's after a resolve.
    Message,
    /// A `reopen` event.
    Reopen,
    /// The first message or handoff after the previous episode had gone idle.
    Idle,
    /// A handoff while nothing was open: the conversation reached us through it.
    Handoff,
}

/// What ended an episode.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum EpisodeEnd {
    /// A `resolve` event.
    Resolve,
    /// Silence for longer than the shop's idle time.
    Idle,
}

/// Which of a shop's targets a wait has.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SlaTarget {
    /// No human has replied in this episode yet.
    FirstReply,
    NextReply,
}

/// Where a conversation lies.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Place {
    /// With nobody: no bot has answered, and nobody has been asked to.
    Nobody,
    Bot,
    /// It waits for whoever takes it.
    Queue,
    /// Assigned to an agent, or taken by one who answered.
    Agent,
    /// Put aside, until it is resumed.
    Paused,
}

/// What moves a conversation from one place to another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Move {
    /// An `open` event began the episode.
    Open,
    /// A message: the one that began the episode, or a bot's.
    Message,
    /// A human answered whose conversation it was not.
    Reply,
    Assign,
    Handoff,
    Queue,
    Pause,
    Resume,
    /// A `reopen` event began the episode.
    Reopen,
    /// Silence for longer than the idle time: it ends an episode, and what comes after it begins the next.
    Idle,
    /// The customer left the queue.
    Leave,
    Resolve,
}

/// What became of an agent's first reply, or of a wait in the queue.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StintOutcome {
    /// The agent gave the first reply that was owed.
    Replied,
    /// It was owed, and the agent said nothing.
    NoReply,
    /// The customer did not wait for this agent's first reply.
    NothingOwed,
    /// An agent was assigned.
    Assigned,
    /// An agent answered out of the queue.
    Answered,
    /// The customer left the queue, or fell silent in it.
    Abandoned,
    Resolved,
    /// Put aside: what was owed goes on after it.
    Paused,
    Open,
}

impl TurnStart {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Outcome {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Excluded {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl EpisodeStart {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl EpisodeEnd {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl SlaTarget {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Place {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Move {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl StintOutcome {
    /// The label as the column holds it.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}
