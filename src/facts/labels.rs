//! The labels in the columns of turns and episodes. Each is spelled once, here; queries compare
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
